"""Counts, sums and the like over the records that meet a filter, by group; in exact decimals."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from kontor_protos.kontor.records.v1 import filters_pb as pb
from protobuf.wkt import Value

from kontor_platform.contract.problem import JSON, QueryTooBroad
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.faults import each_read, refused
from kontor_platform.data.records.filters.knowledge import Knowledge, Unclear
from kontor_platform.data.records.filters.ordering import is_sortable
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.search import Search
from kontor_platform.data.records.filters.statements import TooSlow
from kontor_platform.data.records.objects import FieldType, ObjectType

MOST_GROUPS = 200
SUMMED = (Type.NUMBER, Type.MONEY)
RANGED = (*SUMMED, Type.DATE, Type.DATETIME)
MONEY_SCALE = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Grouped:
    """A field that makes groups, dates by periods."""

    field: FieldType
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A figure to compute; of money in one currency, or one a currency where none is named."""

    function: str
    field: FieldType | None = None
    currency: str = ""

    @property
    def by_currency(self) -> bool:
        """Whether there is one figure a currency."""
        return self.field is not None and self.field.type is Type.MONEY and not self.currency


@dataclass(frozen=True, slots=True)
class Asked:
    """The figures of a search."""

    groups: tuple[Grouped, ...]
    figures: tuple[Wanted, ...]

    def __bool__(self) -> bool:
        return bool(self.groups or self.figures)


def asked(
    group_by: Sequence[pb.GroupBy], aggregates: Sequence[pb.Aggregate], kind: ObjectType, knowledge: Knowledge
) -> Asked:
    """The groups and figures asked for; raises InvalidField with every fault."""
    faults: list[FieldProblem] = []
    groups = tuple(each_read("group_by", group_by, lambda one: grouped(one, kind, knowledge), faults))
    figures = tuple(each_read("aggregates", aggregates, lambda one: wanted(one, kind, knowledge), faults))
    if faults:
        raise refused(faults)
    return Asked(groups, figures)


def grouped(one: pb.GroupBy, kind: ObjectType, knowledge: Knowledge) -> Grouped:
    """A field to group by; raises Unclear."""
    field = knowledge.field(kind, one.field)
    dated = field.type in (Type.DATE, Type.DATETIME)
    if not is_sortable(field) or field.type is Type.MONEY:
        raise Unclear(f"{field.name} makes no groups; group by a field with one short value.")
    if one.bucket and not dated:
        raise Unclear(f"{field.name} is no date; leave the bucket out.")
    return Grouped(field, one.bucket or ("day" if dated else ""))


def wanted(one: pb.Aggregate, kind: ObjectType, knowledge: Knowledge) -> Wanted:
    """A figure; raises Unclear."""
    if not one.field:
        if one.function != "count":
            raise Unclear(f"{one.function} needs a field.")
        return Wanted("count")
    field = knowledge.field(kind, one.field)
    allowed = {"sum": SUMMED, "avg": SUMMED, "min": RANGED, "max": RANGED}.get(one.function, tuple(Type))
    if field.many or field.type not in allowed:
        raise Unclear(f"There is no {one.function} of {field.name}, which is {field.type}.")
    if one.currency and field.type is not Type.MONEY:
        raise Unclear(f"{field.name} is no money; leave the currency out.")
    return Wanted(one.function, field, one.currency)


async def figures(search: Search, asked: Asked) -> tuple[list[pb.Group], bool]:
    """The figures by group, and whether there are more groups than are told; raises QueryTooBroad."""
    table = Figures(search, asked)
    try:
        return await table.groups()
    except TooSlow as slow:
        raise QueryTooBroad(
            "The figures would have to read too many records. Narrow the filter, as to a period or an owner.",
            field="aggregates" if asked.figures else "group_by",
        ) from slow


@dataclass(slots=True)
class Figures:
    """The statements of the figures of one search."""

    search: Search
    asked: Asked

    async def groups(self) -> tuple[list[pb.Group], bool]:
        """The groups in the order of their keys."""
        source = await self.source()
        plain = [each for each in self.asked.figures if not each.by_currency]
        rows = await self.search.statements.rows(self.sql(source, plain), self.search.parameters.values)
        cut = len(rows) > MOST_GROUPS
        found = {self.key(row): self.group(row, plain) for row in rows[:MOST_GROUPS]}
        for figure in (each for each in self.asked.figures if each.by_currency):
            rows = await self.search.statements.rows(self.sql(source, [figure], True), self.search.parameters.values)
            for row in rows:
                if (group := found.get(self.key(row))) is not None and row[-3] is not None:
                    group.figures.append(told(figure, row[-2:], row[-3]))
        return list(found.values()), cut

    async def source(self) -> str:
        """What is read: the records of the least condition, else all of the type."""
        driver = await self.search.driver(self.search.limits.most)
        table = f"{self.search.kind.table} t"
        if driver is None:
            return table
        return f"(SELECT DISTINCT s.id FROM ({driver.sql}) s) candidate JOIN {table} ON t.id = candidate.id"

    def sql(self, source: str, figures: Sequence[Wanted], by_currency: bool = False) -> str:
        """The statement of figures, by group and, where asked, by currency."""
        inner = [f"{self.grouping(each)} AS g{at}, {self.showing(each)} AS s{at}" for at, each in self.numbered()]
        inner += [part for at, each in enumerate(figures) for part in self.value(at, each)]
        keys = [f"r.g{at}" for at, _ in self.numbered()] + (["r.c0"] if by_currency else [])
        shown = [part for at, _ in self.numbered() for part in (f"r.g{at}", f"min(r.s{at})")]
        shown += ["count(*)", *(["r.c0"] if by_currency else [])]
        shown += [part for at, each in enumerate(figures) for part in self.computed(at, each)]
        having = f"GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}" if keys else ""
        limit = "" if by_currency else f"LIMIT {MOST_GROUPS + 1}"
        return (
            f"SELECT {', '.join(shown)} FROM (SELECT {', '.join(inner) or '1'} FROM {source} "
            f"WHERE {self.search.kind.conditions('t')} AND {self.search.predicate('t')}) r {having} {limit}"
        )

    def numbered(self) -> list[tuple[int, Grouped]]:
        """The groups by number."""
        return list(enumerate(self.asked.groups))

    def grouping(self, group: Grouped) -> str:
        """The value that records of a group share."""
        value = group.field.place.scalar("t", self.search.parameters)
        if not group.bucket:
            return value
        zone = self.search.knowledge.zone.key if group.field.type is Type.DATETIME else "UTC"
        at = f"{value} AT TIME ZONE {self.search.parameters.add(zone, 'text')}"
        local = f"{value}::timestamp" if group.field.place.basis is Basis.DAY else f"({at})"
        return f"date_trunc({self.search.parameters.add(group.bucket, 'text')}, {local})::date"

    def showing(self, group: Grouped) -> str:
        """A text of the group as it stands in one of its records; compared it has lost case and accents."""
        field = group.field
        if field.definition is not None:
            return f"t.props ->> {self.search.parameters.add(str(field.definition.id), 'text')}"
        return f"({field.shown.replace('{}', 't')} #>> '{{}}')"

    def value(self, at: int, figure: Wanted) -> list[str]:
        """The value that a figure is computed over, in exact form, and its currency."""
        if figure.field is None:
            return []
        place, parameters = figure.field.place, self.search.parameters
        value = place.scalar("t", parameters)
        exact = f"({value})::numeric" if figure.field.type in SUMMED else value
        money = figure.field.type is Type.MONEY
        return [f"{exact} AS v{at}", *([f"{place.currency('t', parameters)} AS c{at}"] if money else [])]

    def computed(self, at: int, figure: Wanted) -> list[str]:
        """A figure and the number of values it is made of."""
        if figure.field is None:
            return ["count(*)::text", "count(*)"]
        paid = (
            f" FILTER (WHERE r.c{at} = {self.search.parameters.add(figure.currency, 'text')})"
            if figure.currency
            else ""
        )
        return [f"({figure.function}(r.v{at}){paid})::text", f"count(r.v{at}){paid}"]

    def key(self, row: Sequence[Any]) -> tuple[object, ...]:
        """What tells a group."""
        return tuple(row[2 * at] for at, _ in self.numbered())

    def group(self, row: Sequence[Any], figures: Sequence[Wanted]) -> pb.Group:
        """A group with its figures."""
        start = 2 * len(self.asked.groups)
        pairs = [row[start + 1 + 2 * at : start + 3 + 2 * at] for at in range(len(figures))]
        return pb.Group(
            keys=[
                pb.GroupKey(
                    field=each.field.name, value=Value.from_json(json.dumps(shown_key(each, *row[2 * at : 2 * at + 2])))
                )
                for at, each in self.numbered()
            ],
            count=row[start],
            figures=[told(figure, pair, figure.currency) for figure, pair in zip(figures, pairs, strict=True)],
        )


def shown_key(group: Grouped, key: Any, text: str | None) -> JSON:
    """The value of a group as callers see it."""
    if key is None:
        return None
    if group.bucket:
        return str(key.isoformat())
    if group.field.type in (Type.NUMBER, Type.BOOL):
        return int(key) if isinstance(key, float) and key.is_integer() else key
    return text if text is not None else str(key)


def told(figure: Wanted, pair: Sequence[Any], currency: str) -> pb.Figure:
    """A figure as callers see it."""
    value, count = pair
    name = figure.field.name if figure.field is not None else ""
    return pb.Figure(
        function=figure.function, field=name, currency=currency, value=exact(figure, value, currency), count=count
    )


def exact(figure: Wanted, value: str | None, currency: str) -> str:
    """A decimal without needless zeros, money with as many as its currency has; a time as RFC 3339 writes it."""
    if value is None or figure.function == "count" or figure.field is None:
        return value or ""
    if figure.field.type in (Type.DATE, Type.DATETIME):
        day = figure.field.type is Type.DATE
        return value[:10] if day else value.replace(" ", "T").replace("+00", "Z")
    number = Decimal(value) / (MONEY_SCALE if figure.field.type is Type.MONEY else 1)
    number = round_half_up(number) if figure.function == "avg" else number
    least = get_currency_precision(currency) if currency else 0
    places = max(-int(number.normalize().as_tuple().exponent), least, 0)
    return f"{number:.{places}f}"


def round_half_up(number: Decimal) -> Decimal:
    """The number to six places."""
    return number.quantize(Decimal("0.000001"), rounding="ROUND_HALF_UP")
