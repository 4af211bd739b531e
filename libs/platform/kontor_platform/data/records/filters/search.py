"""Answers a filter page by page.

Two ways lead to a page. Where few index entries stand for one of the conditions, those are read, the records among
them that meet the filter are sorted, and the page is cut out. Else records are read in the order asked for, from
where the page begins, until it is full; that costs the same on every page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from kontor_platform.contract.problem import InvalidField, QueryTooBroad
from kontor_platform.data.records.filters.checking import Checked
from kontor_platform.data.records.filters.compiling import Compiler, Range, Source
from kontor_platform.data.records.filters.driving import Counted, Driver, best, counted, estimates
from kontor_platform.data.records.filters.knowledge import Knowledge
from kontor_platform.data.records.filters.ordering import (
    Order,
    Position,
    after,
    columns,
    led,
    order_by,
    position_of,
)
from kontor_platform.data.records.filters.parameters import Parameters
from kontor_platform.data.records.filters.statements import Statements, TooSlow
from kontor_platform.data.records.filters.tree import Compare
from kontor_platform.data.records.filters.walking import STEPS, Walk
from kontor_platform.data.records.filters.wording import words
from kontor_platform.data.records.objects import ObjectType
from kontor_platform.runtime.call import Call

COUNT_MS = 50
EXACT = 1_000
SAMPLE, LEAST_SAMPLE = 3_000, 300
SIZE = "SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = %(table)s::regclass"


@dataclass(frozen=True, slots=True)
class Page:
    """A page: ids with their positions, and on the first page how many records match in all."""

    ids: Sequence[UUID]
    positions: Sequence[Position]
    more: bool
    total: int = 0
    is_estimate: bool = False
    driven_by: str = ""
    expected: int = 0
    estimates: Mapping[str, Counted] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a search reads: index entries that are few, records read in order before more is tried, and at most.

    `steps` are the portions it reads in order, `ms` is the time for all statements of a page.
    """

    few: int = 5_000
    first: int = 20_000
    most: int = 200_000
    steps: tuple[int, ...] = STEPS
    ms: int = 900


@dataclass(slots=True)
class Search:
    """One filter on its way to pages."""

    checked: Checked
    knowledge: Knowledge
    statements: Statements
    limits: Limits = field(default_factory=Limits)
    parameters: Parameters = field(default_factory=Parameters)
    sources: list[Source] = field(default_factory=list)
    counts: dict[Range, Counted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        compiler = Compiler(self.parameters, self.knowledge)
        self.sources = compiler.sources(self.checked.node, self.checked.object_type)
        alone = None if self.sources else compiler.unsearchable(self.checked.node, self.kind)
        if alone is not None:
            raise looking_inside(alone, self.kind)

    @property
    def kind(self) -> ObjectType:
        """The type of record."""
        return self.checked.object_type

    def predicate(self, record: str) -> str:
        """Whether a record meets the filter."""
        return Compiler(self.parameters, self.knowledge).predicate(self.checked.node, self.kind, record)

    async def driver(self, most: int) -> Driver | None:
        """The condition to read by, if fewer than `most` entries stand for it."""
        self.counts = await counted(self.statements, self.sources, self.parameters.values, most)
        found = best(self.sources, self.counts)
        return found if found is not None and not found.or_more else None

    async def page(self, order: Sequence[Order], size: int, start: Position | None) -> Page:
        """One page from a position on; raises QueryTooBroad."""
        try:
            return await self._page(order, size, start)
        except TooSlow as slow:
            raise self.too_broad(order) from slow

    async def _page(self, order: Sequence[Order], size: int, start: Position | None) -> Page:
        driver = await self.driver(self.limits.few)
        if driver is not None:
            return await self.sorted_page(driver, order, size, start)
        if not led(order, self.kind):
            return await self.sorted_page(await self.many_or_all(order), order, size, start)
        walk = Walk(self.kind, order, self.predicate("r"), self.parameters, self.statements, steps=self.limits.steps)
        found = await walk.read(size + 1, start, self.limits.first)
        if len(found) <= size and not walk.ended:
            driver = await self.driver(self.limits.most) if self.sources else None
            if driver is not None:
                return await self.sorted_page(driver, order, size, start)
            found += await walk.read(size + 1 - len(found), walk.position, self.limits.most - walk.count)
            if len(found) <= size and not walk.ended:
                raise self.too_broad(order)
        return await self.walked_page(walk, found, size, start)

    async def many_or_all(self, order: Sequence[Order]) -> Driver:
        """What to read where no index gives the order: the least condition, or all records if they are not too many."""
        driver = await self.driver(self.limits.most)
        if driver is None:
            every = Range(f"SELECT x.id FROM {self.kind.table} x WHERE {self.kind.conditions('x')}", "", "every record")
            counts = await counted(self.statements, [every], self.parameters.values, self.limits.most)
            driver = best([every], counts)
        if driver is None or driver.or_more:
            raise self.too_broad(order)
        return driver

    async def sorted_page(self, driver: Driver, order: Sequence[Order], size: int, start: Position | None) -> Page:
        """The page among the records that a condition gives."""
        keys = [f"r.k{at}" for at in range(len(order))]
        behind = f"WHERE {after(order, start, keys, 'r.id', self.parameters)}" if start is not None else ""
        shown = "".join(f", {key}" for key in keys)
        rows = await self.statements.rows(
            f"WITH candidate AS MATERIALIZED (SELECT DISTINCT s.id FROM ({driver.sql}) s) "
            f"SELECT r.id, count(*) OVER (){shown} FROM (SELECT t.id{columns(order, 't', self.parameters)} "
            f"FROM candidate JOIN {self.kind.table} t ON t.id = candidate.id "
            f"WHERE {self.kind.conditions('t')} AND {self.predicate('t')}) r {behind} "
            f"ORDER BY {order_by(order, 'r')} LIMIT {size + 1}",
            self.parameters.values,
        )
        total = rows[0][1] if rows else 0
        found = [(row[0], *row[2:]) for row in rows]
        return Page(
            ids=[row[0] for row in found[:size]],
            positions=[position_of(row) for row in found[:size]],
            more=len(found) > size,
            total=total if start is None else 0,
            driven_by=f"{', '.join(driver.paths)}: {driver.told}" if any(driver.paths) else driver.told,
            expected=driver.count,
            estimates=estimates(self.counts),
        )

    async def walked_page(self, walk: Walk, found: Sequence[Sequence[Any]], size: int, start: Position | None) -> Page:
        """The page read in order."""
        total, is_estimate = (0, False) if start is not None else await self.total(walk, len(found))
        names = ", ".join(f"{each.field.name} {each.direction.lower()}" for each in walk.order)
        return Page(
            ids=[row[0] for row in found[:size]],
            positions=[position_of(row) for row in found[:size]],
            more=len(found) > size,
            total=total,
            is_estimate=is_estimate,
            driven_by=f"records in the order of {names}",
            expected=total,
            estimates=estimates(self.counts),
        )

    async def total(self, walk: Walk, found: int) -> tuple[int, bool]:
        """How many records match: exactly if few, else from the share of those read that did."""
        if walk.ended:
            return found, False
        table = f"FROM {self.kind.table} t WHERE {self.kind.conditions('t')}"
        few = f"SELECT count(*) FROM (SELECT {table} AND {self.predicate('t')} LIMIT {EXACT + 1}) c"
        rows = await self.statements.tried(few, self.parameters.values, COUNT_MS)
        if rows is not None and rows[0][0] <= EXACT:
            return rows[0][0], False
        estimate = await self.estimate(found / walk.count if walk.count else 0)
        return max(estimate, EXACT + 1 if rows is not None else found), True

    async def estimate(self, share: float) -> int:
        """About how many records match, by a sample of the table; by `share` where that has too few of the tenant."""
        values, table = self.parameters.values, self.kind.table
        every = await self.statements.expected(f"SELECT FROM {table} t WHERE {self.kind.conditions('t')}", values)
        if self.checked.node is None:
            return every
        ((rows,),) = await self.statements.rows(SIZE, {"table": table})
        percent = min(100.0, 100 * SAMPLE / max(rows, 1))
        sample = (
            f"SELECT count(*) FILTER (WHERE {self.predicate('t')}), count(*) FROM {table} t "
            f"TABLESAMPLE SYSTEM ({percent:.6f}) WHERE {self.kind.conditions('t')}"
        )
        taken = await self.statements.tried(sample, values, COUNT_MS)
        met, seen = taken[0] if taken is not None else (0, 0)
        estimate = round(every * (met / seen if seen >= LEAST_SAMPLE else share))
        return min([estimate, *(each.count for each in self.counts.values() if not each.or_more)])

    def too_broad(self, order: Sequence[Order]) -> QueryTooBroad:
        """The refusal, with the condition that would help most."""
        known = sorted(estimates(self.counts).values(), key=lambda each: (each.or_more, each.count))
        if known:
            least = known[0]
            hint = "" if led(order, self.kind) else f" Sorted by {self.kind.default_order} it may be answered as it is."
            size = f"{least.count:,}{' or more' if least.or_more else ''}"
            return QueryTooBroad(
                f"The search would read too many records. Narrow {least.range.path} ({least.range.told}): "
                f"it alone stands for {size} records, the fewest of all conditions.{hint}",
                field=least.range.path,
            )
        if not led(order, self.kind):
            named = ", ".join(each.field.name for each in order)
            return QueryTooBroad(
                f"There are too many records to sort by {named} without a condition that an index answers. Sort by "
                f"{self.kind.default_order}, or add such a condition: {', '.join(indexed(self.kind))}.",
                field="sorts",
                allowed=indexed(self.kind),
            )
        return QueryTooBroad(
            f"Too few records meet {words(self.checked.node)} to be found by reading all. Add a condition that an "
            f"index answers: {', '.join(indexed(self.kind))}.",
            field=getattr(self.checked.node, "path", "filter"),
            allowed=indexed(self.kind),
        )


def indexed(kind: ObjectType) -> list[str]:
    """Standard fields whose conditions an index answers."""
    return [each.name for each in kind.fields if each.ordered or each.terms]


def looking_inside(alone: Compare, kind: ObjectType) -> InvalidField:
    """The refusal to look into a text that nothing narrows."""
    return InvalidField(
        f"{alone.path}: {alone.op} looks into {alone.field.name}, which is not searchable; add a condition that "
        f"narrows the records to look into, as on {', '.join(indexed(kind))}.",
        field=alone.path,
        allowed=indexed(kind),
    )


def searching(call: Call, checked: Checked, knowledge: Knowledge, limits: Limits | None = None) -> Search:
    """A search in the call's transaction."""
    chosen = limits or Limits()
    return Search(checked, knowledge, Statements(call.session, call.actor.tenant, chosen.ms), chosen)
