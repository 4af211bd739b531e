"""Writes what identifies records; a live value of an exclusive shelf belongs to one record only."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import TextClause, text

from kontor_platform.data.arrays import array
from kontor_platform.data.records.planned import Clash, Clashes, Clashing, Planned, Row, Shelf, ShelfChange
from kontor_platform.data.records.statements import arrays, column_values, listed
from kontor_platform.runtime.call import Call

Owned: TypeAlias = tuple[UUID, Row]


async def clear_shelves(call: Call, planned: Iterable[Planned]) -> None:
    """Takes rows away, one statement a shelf."""
    for shelf, changes in by_shelf(planned):
        await remove(call, shelf, [(owner, keyed(shelf, key)) for owner, told in changes for key in told.removed])


async def fill_shelves(call: Call, planned: Iterable[Planned]) -> None:
    """Adds and changes rows, one statement each and shelf; raises Clashes for values others hold."""
    for shelf, changes in by_shelf(planned):
        await add(call, shelf, [(owner, row) for owner, told in changes for row in told.added])
        await rewrite(call, shelf, [(owner, row) for owner, told in changes for row in told.changed])


def by_shelf(planned: Iterable[Planned]) -> Iterable[tuple[Shelf, list[tuple[UUID, ShelfChange]]]]:
    """The changes on each shelf, with whose they are."""
    found: dict[Shelf, list[tuple[UUID, ShelfChange]]] = {}
    for each in planned:
        for change in each.shelves:
            found.setdefault(change.shelf, []).append((each.id, change))
    return found.items()


def keyed(shelf: Shelf, key: Sequence[object]) -> Row:
    """A key as a row of its columns."""
    return dict(zip(shelf.keys, key, strict=True))


def values_of(call: Call, shelf: Shelf, columns: Sequence[str], rows: Sequence[Owned]) -> Mapping[str, object]:
    """Rows as the arrays of a statement."""
    sent = {name: column_values(shelf.table, name, [row[name] for _, row in rows]) for name in columns}
    return {"tenant": call.actor.tenant, "owners": array(owner for owner, _ in rows), **sent}


async def remove(call: Call, shelf: Shelf, rows: Sequence[Owned]) -> None:
    """Takes rows away."""
    if rows:
        await call.session.execute(removing(shelf), dict(values_of(call, shelf, shelf.keys, rows)))


async def add(call: Call, shelf: Shelf, rows: Sequence[Owned]) -> None:
    """Adds rows in the order of their keys, so that two writers never wait for each other; raises Clashes."""
    for columns, alike in by_columns(rows):
        ordered = sorted(alike, key=lambda each: [str(each[1][name]) for name in shelf.holds])
        values = dict(values_of(call, shelf, columns, ordered))
        done = await call.session.execute(adding(shelf, columns), values)
        added = {tuple(row) for row in done}
        left = [each for each in ordered if (each[0], *shelf.key(each[1])) not in added]
        if left:
            raise Clashes(await held_by(call, shelf, left))


async def rewrite(call: Call, shelf: Shelf, rows: Sequence[Owned]) -> None:
    """Writes rows anew."""
    for columns, alike in by_columns(rows):
        await call.session.execute(rewriting(shelf, columns), dict(values_of(call, shelf, columns, alike)))


async def held_by(call: Call, shelf: Shelf, rows: Sequence[Owned]) -> list[Clashing]:
    """Who holds the values that could not be added."""
    values = dict(values_of(call, shelf, shelf.holds, rows))
    found = await call.session.execute(holding(shelf), values)
    holders = {tuple(row)[1:]: row.holder for row in found}
    clashing = []
    for owner, row in rows:
        key = tuple(row[name] for name in shelf.holds)
        clashing.append(Clashing(owner, Clash.IDENTITY, holders.get(key), str(row[shelf.keys[-1]])))
    return clashing


def by_columns(rows: Iterable[Owned]) -> Iterable[tuple[tuple[str, ...], list[Owned]]]:
    """Rows that give the same columns, together."""
    found: dict[tuple[str, ...], list[Owned]] = {}
    for each in rows:
        found.setdefault(tuple(each[1]), []).append(each)
    return found.items()


def sent(shelf: Shelf, columns: Sequence[str]) -> str:
    """The rows sent, as a table."""
    return (
        f"unnest(CAST(:owners AS uuid[]){arrays(shelf.table, columns)}) "
        f"WITH ORDINALITY AS told(owner{listed(columns)}, place)"
    )


def same(shelf: Shelf, names: Sequence[str]) -> str:
    """The condition that a stored row is the one told."""
    return " AND ".join(f"s.{name} = told.{name}" for name in names)


@cache
def removing(shelf: Shelf) -> TextClause:
    """Deletes rows by their keys."""
    return text(
        f"DELETE FROM {shelf.table.name} s USING {sent(shelf, shelf.keys)} "
        f"WHERE s.tenant_id = :tenant AND s.{shelf.owner} = told.owner AND {same(shelf, shelf.keys)}"
    )


@cache
def adding(shelf: Shelf, columns: tuple[str, ...]) -> TextClause:
    """Inserts rows, leaving out those that another record has."""
    taken = "".join(f", told.{name}" for name in columns)
    return text(
        f"INSERT INTO {shelf.table.name} (tenant_id, {shelf.owner}{listed(columns)}) "
        f"SELECT :tenant, told.owner{taken} FROM {sent(shelf, columns)} ORDER BY told.place "
        f"ON CONFLICT DO NOTHING RETURNING {shelf.owner}{listed(shelf.keys)}"
    )


@cache
def rewriting(shelf: Shelf, columns: tuple[str, ...]) -> TextClause:
    """Updates rows by their keys."""
    sets = ", ".join(f"{name} = told.{name}" for name in columns)
    return text(
        f"UPDATE {shelf.table.name} s SET {sets} FROM {sent(shelf, columns)} "
        f"WHERE s.tenant_id = :tenant AND s.{shelf.owner} = told.owner AND {same(shelf, shelf.keys)}"
    )


@cache
def holding(shelf: Shelf) -> TextClause:
    """Reads who has live rows of the same values."""
    return text(
        f"SELECT s.{shelf.owner} AS holder{''.join(f', s.{name}' for name in shelf.holds)} "
        f"FROM {shelf.table.name} s, {sent(shelf, shelf.holds)} "
        f"WHERE s.tenant_id = :tenant AND s.live AND {same(shelf, shelf.holds)}"
    )
