"""The order of records: what it is made of, and where in it a page begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from kontor_protos.kontor.records.v1.filters_pb import Sort

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.faults import each_read, refused
from kontor_platform.data.records.filters.knowledge import Knowledge, Unclear
from kontor_platform.data.records.filters.parameters import Parameters
from kontor_platform.data.records.filters.places import Column
from kontor_platform.data.records.objects import FieldType, ObjectType

Position: TypeAlias = tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A field records are sorted by, those without a value last; amounts of one currency."""

    field: FieldType
    descending: bool = False
    currency: str = ""

    @property
    def sign(self) -> str:
        """What stands between a value and those after it."""
        return "<" if self.descending else ">"

    @property
    def direction(self) -> str:
        """The direction in SQL."""
        return "DESC" if self.descending else "ASC"

    @property
    def required(self) -> bool:
        """Whether every record has a value."""
        return self.field.place.required and not self.currency

    def key(self, record: str, parameters: Parameters) -> str:
        """The value that is compared."""
        value = self.field.place.scalar(record, parameters)
        if not self.currency:
            return value
        code = self.field.place.currency(record, parameters)
        return f"CASE WHEN {code} = {parameters.add(self.currency, 'text')} THEN {value} END"


def orders(sorts: Sequence[Sort], kind: ObjectType, knowledge: Knowledge) -> tuple[Order, ...]:
    """The order asked for, the newest first where none is; raises InvalidField with every fault."""
    found: list[Order] = []
    faults: list[FieldProblem] = []
    for each in each_read("sorts", sorts, lambda sort: order(sort, kind, knowledge, found), faults):
        found.append(each)
    if faults:
        raise refused(faults)
    return tuple(found) or (Order(kind.by_name[kind.default_order], True),)


def order(sort: Sort, kind: ObjectType, knowledge: Knowledge, before: Sequence[Order]) -> Order:
    """One field to sort by; raises Unclear."""
    field = knowledge.field(kind, sort.field)
    twice = any(each.field.name == field.name for each in before)
    if twice or not is_sortable(field):
        reason = "stands twice" if twice else "cannot be sorted by"
        raise Unclear(f"{field.name} {reason}; sort by fields with one short value, each once.", sortable(kind))
    if sort.currency and field.type is not Type.MONEY:
        raise Unclear(f"{field.name} is no money; leave the currency out.")
    currency = (sort.currency or knowledge.reading.currency) if field.type is Type.MONEY else ""
    return Order(field, sort.direction == "desc", currency)


def sortable(kind: ObjectType) -> list[str]:
    """Standard fields that records can be sorted by."""
    return [each.name for each in kind.fields if is_sortable(each)]


def is_sortable(field: FieldType) -> bool:
    """Whether records can be sorted by a field: it has one value, and not a long one."""
    return not field.many and field.type is not Type.LONG_TEXT


def columns(order: Sequence[Order], record: str, parameters: Parameters) -> str:
    """The keys of a record as columns `k0`, `k1` and so on."""
    return "".join(f", {each.key(record, parameters)} AS k{at}" for at, each in enumerate(order))


def order_by(order: Sequence[Order], record: str) -> str:
    """The order of rows with those columns; records that share every key follow their ids."""
    keys = [
        f"{record}.k{at} {each.direction}" + ("" if each.required else " NULLS LAST") for at, each in enumerate(order)
    ]
    return ", ".join([*keys, f"{record}.id {order[0].direction}"])


def after(
    order: Sequence[Order], position: Position, keys: Sequence[str], id: tuple[str, str], parameters: Parameters
) -> str:
    """Whether a row stands behind a position: the first key decides, then the next, at last the id by its sign."""
    asked = f"{id[0]} {id[1]} {parameters.add(position[-1], 'uuid')}"
    for each, key, value in reversed(list(zip(order, keys, position[:-1], strict=True))):
        if value is None:
            asked = f"({key} IS NULL AND {asked})"
            continue
        told = parameters.add(value, each.field.place.basis)
        beyond = f"{key} {each.sign} {told}" + ("" if each.required else f" OR {key} IS NULL")
        asked = f"({beyond} OR ({key} = {told} AND {asked}))"
    return asked


def position_of(row: Sequence[object]) -> Position:
    """Where a row stands, given its id and its keys."""
    return (*(as_json(key) for key in row[1:]), str(row[0]))


def as_json(value: object) -> JSON:
    """A key as a cursor holds it."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(value)


def leading(order: Sequence[Order], kind: ObjectType) -> int:
    """How many of the first keys have an index that gives records in their order."""
    count = 0
    for each in order:
        if not leads(each, kind):
            break
        count += 1
        if each.required:
            break
    return count


def leads(order: Order, kind: ObjectType) -> bool:
    """Whether an index gives records in the order of a field."""
    place = order.field.place
    return order.field.ordered and not (isinstance(place, Column) and not place.indexed)


def led(order: Sequence[Order], kind: ObjectType) -> bool:
    """Whether an index gives every record in this order, those without a value by the keys that follow."""
    count = leading(order, kind)
    return count == len(order) or (count > 0 and order[count - 1].required)
