"""Reads records in an order that an index gives, a step at a time, and keeps those that meet a filter.

Records without a value come last: a walk by a field that may be empty goes on, after the last value, among the records
without one by the next field, at the end by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kontor_platform.data.records.filters.ordering import Order, Position, after, position_of
from kontor_platform.data.records.filters.parameters import Parameters
from kontor_platform.data.records.filters.places import TENANT, Column, Indexed, Shelved
from kontor_platform.data.records.filters.statements import Statements
from kontor_platform.data.records.objects import ObjectType

STEPS = (2_000, 18_000, 180_000)


@dataclass(slots=True)
class Walk:
    """A walk through one type of record; `predicate` asks about the alias `r`.

    `count` is the number of records read, `position` where it stands, `ended` whether there are no more.
    """

    kind: ObjectType
    order: Sequence[Order]
    predicate: str
    parameters: Parameters
    statements: Statements
    count: int = 0
    position: Position | None = None
    ended: bool = False
    steps: Sequence[int] = STEPS
    _taken: int = 0

    async def read(self, wanted: int, start: Position | None, most: int) -> list[Sequence[Any]]:
        """Up to so many records behind a position, each its id and its keys, having read at most `most`."""
        found: list[Sequence[Any]] = []
        self.position, limit = start, self.count + most
        while len(found) < wanted and self.count < limit and not self.ended:
            step = min(self.steps[min(self._taken, len(self.steps) - 1)], limit - self.count)
            self._taken += 1
            found += await self._leg(wanted - len(found), step)
        return found

    async def _leg(self, wanted: int, step: int) -> list[Sequence[Any]]:
        """One step of a leg; the next leg begins where this one has no more."""
        leg = self.leg_of(self.position)
        rows = sorted(await self.statements.rows(self.sql(leg, wanted, step), self.parameters.values), key=last)
        found: list[Sequence[Any]] = [row[:-2] for row in rows if row[-2]]
        full = len(found) >= wanted
        # Of a leg that ended only the last match tells how far it was read.
        self.count += last(rows[-1]) if rows else 0
        if full:
            self.position = position_of(found[wanted - 1])
        elif rows and rows[-1][-1] == step:
            self.position = position_of(tuple(rows[-1][:-2]))
        else:
            self._next_leg(leg)
        return found[:wanted]

    def _next_leg(self, leg: int) -> None:
        """Goes on among the records without a value, if there can be any."""
        if leg == len(self.order) or self.order[leg].required:
            self.ended = True
        else:
            self.position = (*([None] * (leg + 1)), *([START] * (len(self.order) - leg - 1)), START)

    def leg_of(self, position: Position | None) -> int:
        """How many of the first keys are empty at a position."""
        if position is None:
            return 0
        return next((at for at, value in enumerate(position[:-1]) if value is not None), len(self.order))

    def sql(self, leg: int, wanted: int, step: int) -> str:
        """The statement of one step: records numbered as they are read, those that match and the last one read."""
        keys = "".join(f", r.k{at}" for at in range(len(self.order)))
        met = f"CASE WHEN r.read = {step} THEN {self.predicate} ELSE true END"
        return (
            f"SELECT r.id{keys}, {met}, r.read FROM ({self.inner(leg, step)}) r "
            f"WHERE r.read = {step} OR {self.predicate} LIMIT {wanted}"
        )

    def inner(self, leg: int, step: int) -> str:
        """The records of a leg behind the position."""
        rest = self.order[leg:]
        keys = [each.key("t", self.parameters) for each in self.order]
        wanted = [self.kind.conditions("t"), *(f"{key} IS NULL" for key in keys[:leg])]
        source, lead = self.lead(rest, keys[leg:])
        wanted += source.conditions
        if lead:
            keys[leg] = lead
        wanted += self.behind(rest, keys[leg:], leg, source.id)
        shown = "".join(f", {key} AS k{at}" for at, key in enumerate(keys))
        ordered = ", ".join([*self.ordering(rest, keys[leg:], source), f"{source.id} {self.order[0].direction}"])
        return (
            f"SELECT t.*{shown}, row_number() OVER (ORDER BY {ordered}) AS read FROM {source.tables} "
            f"WHERE {' AND '.join(filter(None, wanted))} ORDER BY {ordered} LIMIT {step}"
        )

    def ordering(self, rest: Sequence[Order], keys: Sequence[str], source: "Lead") -> list[str]:
        """The order of a leg; its first key is never empty there."""
        if not rest:
            return []
        first = [f"{keys[0]} {rest[0].direction}", *(f"{each} {rest[0].direction}" for each in source.between)]
        further = [
            f"{key} {each.direction}" + ("" if each.required else " NULLS LAST")
            for key, each in list(zip(keys, rest, strict=True))[1:]
        ]
        return [*first, *further]

    def lead(self, rest: Sequence[Order], keys: Sequence[str]) -> tuple["Lead", str]:
        """What a leg reads first, and the column of its first key there."""
        if not rest:
            return Lead(f"{self.kind.table} t", "t.id"), ""
        return lead_of(rest[0], self.kind, keys[0], self.parameters)

    def behind(self, rest: Sequence[Order], keys: Sequence[str], leg: int, id: str) -> list[str]:
        """What tells the records behind the position, so that an index range holds."""
        position = self.position
        if position is None or position[-1] == START:
            return []
        left = position[leg:]
        if not rest or (len(rest) == 1 or same_direction(rest)):
            row = ", ".join([*keys, id])
            told = [self.parameters.add(v, o.field.place.basis) for v, o in zip(left[:-1], rest, strict=True)]
            values = ", ".join([*told, self.parameters.add(left[-1], "uuid")])
            return [f"({row}) {self.order[0].sign} ({values})"]
        bound = f"{keys[0]} {rest[0].sign}= {self.parameters.add(left[0], rest[0].field.place.basis)}"
        return [bound, after(rest, left, keys, id, self.parameters)]


START = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """The tables a leg reads, the first of them in order, and the columns that its index has before the id."""

    tables: str
    id: str
    conditions: tuple[str, ...] = ()
    between: tuple[str, ...] = ()


def lead_of(order: Order, kind: ObjectType, key: str, parameters: Parameters) -> tuple[Lead, str]:
    """What a leg by a field reads first."""
    place = order.field.place
    code = f"{parameters.add(order.currency, 'text')}" if order.currency else ""
    if isinstance(place, Column):
        present = () if place.required else (f"t.{place.name} IS NOT NULL",)
        paid = (f"t.{place.currency_column} = {code}",) if code else ()
        return Lead(f"{kind.table} t", "t.id", (*present, *paid)), f"t.{place.name}"
    if isinstance(place, Indexed):
        mine = f"l.tenant_id = {TENANT} AND l.property_id = {place.key(parameters)} AND l.{place.column} IS NOT NULL"
        paid = (f"l.txt = {code}",) if code else ()
        between = ("l.big",) if place.column == "txt" else ()
        tables = f"property_index l JOIN {kind.table} t ON t.id = l.record_id"
        return Lead(tables, "l.record_id", (mine, *paid), between), f"l.{place.column}"
    assert isinstance(place, Shelved)
    mine = f"l.tenant_id = {TENANT} AND {place.fixed.replace('x.', 'l.')}" if place.fixed else f"l.tenant_id = {TENANT}"
    return Lead(f"{place.table} l JOIN {kind.table} t ON t.id = l.{place.owner}", f"l.{place.owner}", (mine,)), (
        f"l.{place.columns[0]}"
    )


def same_direction(orders: Sequence[Order]) -> bool:
    """Whether a row comparison tells what comes later: one direction, and no key that may be empty but the first."""
    return all(each.descending == orders[0].descending for each in orders) and all(e.required for e in orders[1:])


def last(row: Sequence[Any]) -> int:
    """The number a row was read as."""
    number: int = row[-1]
    return number
