"""The one writer: records with all that belongs to them, one statement per table whatever their number."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from uuid import UUID

from sqlalchemy import Table, TextClause
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from kontor_platform.data.arrays import array
from kontor_platform.data.outbox import Event
from kontor_platform.data.records import statements
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.planned import Clash, Clashes, Clashing, Life, Planned, Shelf
from kontor_platform.data.records.properties import write_properties
from kontor_platform.data.records.shelves import clear_shelves, fill_shelves
from kontor_platform.data.records.terms import SEPARATOR
from kontor_platform.data.records.words import Words
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """Where records of a type lie, the shelves with what identifies them, and the columns whose text is kept folded.

    A text of column `city` is kept folded in column `city_key`, which filters compare.
    """

    table: Table
    shelves: tuple[Shelf, ...] = ()
    folded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The version a record has reached, and when."""

    version: int
    at: datetime


class Writer:
    """Writes records of the types it knows; nothing else does."""

    def __init__(self, objects: Mapping[str, ObjectTable]) -> None:
        self._objects = objects

    async def apply(self, call: Call, planned: Sequence[Planned]) -> Mapping[UUID, Written]:
        """Stores what was planned, logs it and tells of it; answers the versions reached.

        Rows to change were locked and read in this transaction, in the order of their ids; a record stands once.
        Raises Clashes, after which nothing of the transaction may be kept.
        """
        planned = [self._with_keys(each) for each in planned]
        written = dict(await self._insert(call, [each for each in planned if each.is_new]))
        written.update(await self._update(call, [each for each in planned if not each.is_new]))
        await clear_shelves(call, planned)
        await self._lives(call, [each for each in planned if each.life])
        await fill_shelves(call, planned)
        await write_properties(call, planned)
        await write_terms(call, planned)
        await log(call, [(event_of(each, written[each.id].version), written[each.id].at) for each in planned])
        return written

    async def _insert(self, call: Call, planned: Sequence[Planned]) -> Iterable[tuple[UUID, Written]]:
        if not planned:
            return ()
        await call.session.execute(statements.REGISTER, registry_values(call, planned))
        found: list[tuple[UUID, Written]] = []
        for table, rows in self._by_table(planned):
            values: dict[str, object] = {"tenant": call.actor.tenant, "ids": array(each.id for each in rows)}
            columns = statements.given(table)
            for name in columns:
                values[name] = statements.column_values(table, name, [first_value(table, name, each) for each in rows])
            done = await call.session.execute(statements.inserting(table, columns), values)
            found += [(row.id, Written(1, row.updated_at)) for row in done]
        return found

    async def _update(self, call: Call, planned: Sequence[Planned]) -> Iterable[tuple[UUID, Written]]:
        found: dict[UUID, Written] = {}
        for table, of_table in self._by_table(planned):
            for columns, rows in by_columns(of_table):
                done = await call.session.execute(*changing(call, table, columns, rows))
                found |= {row.id: Written(row.version, row.updated_at) for row in done}
        moved = [Clashing(each.id, Clash.VERSION) for each in planned if each.id not in found]
        if moved:
            raise Clashes(moved)
        return found.items()

    async def _lives(self, call: Call, planned: Sequence[Planned]) -> None:
        """Ends and returns records in the registry and on their shelves; those that end leave every index."""
        for life, rows in by_life(planned):
            ids = {"tenant": call.actor.tenant, "ids": array(each.id for each in rows)}
            for statement in statements.LIFE[life]:
                await call.session.execute(statement, ids)
            for shelf in dict.fromkeys(shelf for each in rows for shelf in self._objects[each.object_type].shelves):
                await self._shelf_lives(call, shelf, life, ids)

    async def _shelf_lives(self, call: Call, shelf: Shelf, life: Life, ids: Mapping[str, object]) -> None:
        if life is Life.RETURNS and shelf.exclusive:
            taken = await call.session.execute(statements.taken_meanwhile(shelf), ids)
            clashing = [Clashing(row.record, Clash.IDENTITY, row.holder, str(row.value)) for row in taken]
            if clashing:
                raise Clashes(clashing)
        await call.session.execute(statements.reviving(shelf), {**ids, "live": life is Life.RETURNS})

    def _with_keys(self, planned: Planned) -> Planned:
        """A plan with the folded form of each text that filters compare."""
        named = [name for name in self._objects[planned.object_type].folded if name in planned.values]
        keys = {f"{name}_key": folded(planned.values[name]) for name in named}
        return replace(planned, values={**planned.values, **keys}) if keys else planned

    def _by_table(self, planned: Sequence[Planned]) -> Iterable[tuple[Table, list[Planned]]]:
        tables: dict[str, list[Planned]] = {}
        for each in planned:
            tables.setdefault(self._objects[each.object_type].table.name, []).append(each)
        for rows in tables.values():
            yield self._objects[rows[0].object_type].table, rows


@lru_cache(maxsize=16_384)
def folded(text: object) -> str | None:
    """A text as filters compare it; texts come again and again, as cities do."""
    return fold(str(text)) or None if text is not None else None


def registry_values(call: Call, planned: Sequence[Planned]) -> Mapping[str, object]:
    """The rows of the registry for new records."""
    return {
        "tenant": call.actor.tenant,
        "ids": array(each.id for each in planned),
        "types": array(each.object_type for each in planned),
        "terms": array(SEPARATOR.join(sorted(each.terms or ())) for each in planned),
    }


def first_value(table: Table, name: str, planned: Planned) -> object:
    """A new record's value of a column, its default where the plan gives none."""
    if name == "props":
        return props_set(planned)
    if name in planned.values:
        return planned.values[name]
    default = table.c[name].default
    return default.arg if isinstance(default, ScalarElementColumnDefault) else None


def props_set(planned: Planned) -> dict[str, object]:
    """The properties that get a value, by their ids."""
    return {str(each.property_id): each.value for each in planned.properties if each.value is not None}


def by_columns(planned: Sequence[Planned]) -> Iterable[tuple[tuple[str, ...], list[Planned]]]:
    """Records that change the same columns, together."""

    def columns(each: Planned) -> tuple[str, ...]:
        life = ("deleted_at", "deleted_by") if each.life else ()
        return (*sorted(each.values), *(("props",) if each.properties else ()), *life)

    for key, rows in groupby(sorted(planned, key=columns), columns):
        yield key, list(rows)


def changing(
    call: Call, table: Table, columns: tuple[str, ...], planned: Sequence[Planned]
) -> tuple[TextClause, dict[str, object]]:
    """The statement that raises records of a table to their next version, with its values."""
    own = tuple(name for name in columns if name not in ("props", "deleted_at", "deleted_by"))
    values: dict[str, object] = {
        "tenant": call.actor.tenant,
        "ids": array(each.id for each in planned),
        "versions": array(each.version for each in planned),
    }
    for name in own:
        values[name] = statements.column_values(table, name, [each.values[name] for each in planned])
    if "props" in columns:
        values["props_set"] = array(json.dumps(props_set(each)) for each in planned)
        values["props_gone"] = array(gone(each) for each in planned)
    if "deleted_at" in columns:
        values |= {"ends": array(each.life is Life.ENDS for each in planned), "actor": call.actor.actor}
    return statements.updating(table, own, props="props" in columns, life="deleted_at" in columns), values


def gone(planned: Planned) -> str:
    """Ids of the properties that are emptied."""
    return ",".join(str(each.property_id) for each in planned.properties if each.value is None)


def by_life(planned: Sequence[Planned]) -> Iterable[tuple[Life, list[Planned]]]:
    """The records that end and those that return."""
    for life in (Life.ENDS, Life.RETURNS):
        rows = [each for each in planned if each.life is life]
        if rows:
            yield life, rows


async def write_terms(call: Call, planned: Sequence[Planned]) -> None:
    """Makes records found by their terms and by no others; the words they are made of follow at the call's end."""
    told = [each for each in planned if each.terms is not None and each.life is not Life.ENDS]
    for known, rows in ((False, [e for e in told if e.is_new]), (True, [e for e in told if not e.is_new])):
        if not rows:
            continue
        values = term_values(call, rows)
        for statement in statements.RETERM if known else (statements.TERMS,):
            await call.session.execute(statement, values)
    words = call.closing(Words)
    for each in told:
        words.add(each.object_type, (each.terms or {}).items())


def term_values(call: Call, planned: Sequence[Planned]) -> dict[str, object]:
    """Terms with the bits of their fields, one text a record: far cheaper to send than a row each."""
    ordered = [sorted((each.terms or {}).items()) for each in planned]
    return {
        "tenant": call.actor.tenant,
        "ids": array(each.id for each in planned),
        "types": array(each.object_type for each in planned),
        "terms": array(SEPARATOR.join(term for term, _ in terms) for terms in ordered),
        "bits": array(",".join(str(int(bits)) for _, bits in terms) for terms in ordered),
    }


async def log(call: Call, events: Sequence[tuple[Event, datetime]]) -> None:
    """Appends changes to the log and announces them, in their order."""
    if not events:
        return
    values = {
        "tenant": call.actor.tenant,
        "ids": array(event.record_id for event, _ in events),
        "versions": array(event.version for event, _ in events),
        "types": array(event.record_type for event, _ in events),
        "changes": array(told(event) for event, _ in events),
        "moments": array(at for _, at in events),
        "author_kind": call.author,
        "actor": call.actor.actor,
        "on_behalf_of": call.actor.on_behalf_of,
        "operation": call.call_id,
    }
    await call.session.execute(statements.LOG, values)
    for event, _ in events:
        call.emit(event)


def told(event: Event) -> str:
    """A record's changes as the log holds them."""
    return json.dumps([{"field": each.field, "before": each.before, "after": each.after} for each in event.changes])


def event_of(planned: Planned, version: int) -> Event:
    """What tells of a change."""
    named = "created" if planned.is_new else planned.life or "updated"
    kind = planned.event or f"{planned.object_type}.{named}"
    return Event(kind, planned.object_type, planned.id, version, tuple(planned.changes))
