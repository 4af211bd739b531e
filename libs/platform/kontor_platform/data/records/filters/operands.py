"""Reads the values of a condition by the type of its field."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from uuid import UUID

from protobuf.wkt import Value

from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.comparing import Equals, Operand, Test, Within, on_whole_numbers
from kontor_platform.data.records.filters.knowledge import Knowledge, Unclear
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.periods import beginning, ending, within
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.objects import FieldType
from kontor_platform.data.records.reading.basis import BadValue
from kontor_platform.data.records.reading.moments import read_date, read_datetime
from kontor_platform.data.records.reading.money import minor_units
from kontor_platform.data.records.values import INDEXED_TEXT, parse

DAY_ALONE = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}\s*")
ME = "me"


@dataclass(frozen=True, slots=True)
class Read:
    """A value as read: what is compared, how it is told, the end of the day it may mean, and a currency."""

    value: Operand
    told: str
    until: datetime | None = None
    currency: str = ""


def texts(value: Value | None, values: Sequence[Value]) -> list[str]:
    """The values of a condition as text, whatever JSON they came as; null is none."""
    given = [plain(json) for json in (value.to_python() if value is not None else None,)]
    told = [plain(each.to_python()) for each in values]
    return [text for text in (*flat(given), *flat(told)) if text is not None]


def flat(given: Sequence["str | list[str | None] | None"]) -> list[str | None]:
    """Values and lists of values in one list."""
    found: list[str | None] = []
    for each in given:
        found += each if isinstance(each, list) else [each]
    return found


def plain(given: object) -> "str | list[str | None] | None":
    """JSON as text: a number without needless fraction, money as amount and currency."""
    match given:
        case None:
            return None
        case bool():
            return "true" if given else "false"
        case float():
            return str(int(given)) if given.is_integer() else repr(given)
        case list():
            return flat([plain(each) for each in given])
        case dict():
            return f"{given.get('amount', '')} {given.get('currency', '')}".strip()
    return str(given)


def read(field: FieldType, text: str, knowledge: Knowledge) -> list[Read]:
    """What a text means to a field, several values where several bear the name; raises Unclear."""
    try:
        return read_any(field, text, knowledge)
    except BadValue as error:
        raise Unclear(error.message, error.allowed, error.did_you_mean) from error


def read_any(field: FieldType, text: str, knowledge: Knowledge) -> list[Read]:
    """The same; raises BadValue too."""
    if field.lookup:
        return chosen(field, text, knowledge)
    match field.type:
        case Type.USER:
            return [user(field, text, knowledge)]
        case Type.DATE:
            day = date.fromisoformat(read_date(text, knowledge.reading))
            return [Read(on_basis(day, field), day.isoformat())]
        case Type.DATETIME:
            return [moment(text, knowledge)]
    return [parsed(field, text, knowledge)]


def chosen(field: FieldType, text: str, knowledge: Knowledge) -> list[Read]:
    """What of the tenant's own choices bears a name; raises Unclear."""
    choices = knowledge.choices.get(field.lookup, ())
    found = [each for each in choices if text == str(each.id)] or [e for e in choices if fold(e.label) == fold(text)]
    if not found:
        labels = list(dict.fromkeys(each.label for each in choices))
        near = nearest(text, labels)
        hint = f" Did you mean {near}?" if near else ""
        raise Unclear(f"There is no {field.lookup} {text!r}.{hint}", labels, near)
    return [Read(each.id, each.label) for each in found]


def user(field: FieldType, text: str, knowledge: Knowledge) -> Read:
    """A user by id, e-mail address or `me`; raises Unclear."""
    found = knowledge.me if text == ME else knowledge.people.get(text.strip().lower())
    if text == ME and found is None:
        raise Unclear("`me` is nobody here: the caller neither is a person nor acts for one. Give the user's id.")
    if found is None:
        found = as_id(text)
    if found is None:
        raise Unclear(f"{text!r} is no user's id or e-mail address.", [], nearest(text, knowledge.people))
    return Read(found if field.place.basis is Basis.ID else str(found), text)


def as_id(text: str) -> UUID | None:
    """The id that a text is."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def moment(text: str, knowledge: Knowledge) -> Read:
    """A time, or a whole day of the tenant's zone."""
    if DAY_ALONE.fullmatch(text):
        day = date.fromisoformat(read_date(text, knowledge.reading))
        return Read(beginning(day, knowledge.zone), day.isoformat(), ending(day, knowledge.zone))
    at = datetime.fromisoformat(read_datetime(text, knowledge.reading)).replace(tzinfo=UTC)
    return Read(at, within(at, knowledge.zone).isoformat())


def on_basis(day: date, field: FieldType) -> Operand:
    """A day as the field keeps it: a date, or in the property index its beginning in UTC."""
    return datetime.combine(day, time(), UTC) if field.place.basis is Basis.MOMENT else day


def parsed(field: FieldType, text: str, knowledge: Knowledge) -> Read:
    """A value of any other type, read as a property of that type is."""
    kind = field.definition or Definition(id=UUID(int=0), object_type="", name=field.name, type=field.type)
    one = replace(kind, rules={}, options=field.options, type=single_type(field.type))
    stored = parse(one, text, knowledge.reading)
    if stored is None:
        raise Unclear("The value is empty; is_empty and is_set ask whether there is one.")
    return compared(field, stored)


def single_type(kind: Type) -> Type:
    """The type of one value of a field."""
    return Type.SELECT if kind is Type.MULTI_SELECT else kind


def compared(field: FieldType, stored: JSON) -> Read:
    """A stored value as indexes hold it."""
    if isinstance(stored, dict):
        amount, currency = str(stored["amount"]), str(stored["currency"])
        return Read(minor_units(amount), f"{amount} {currency}", currency=currency)
    if field.type is Type.BOOL:
        return Read(bool(stored), "true" if stored else "false")
    if field.type is Type.NUMBER:
        return Read(float(str(stored)), str(stored))
    text = str(stored)
    if field.place.basis is Basis.ID:
        return Read(UUID(text), text)
    if field.definition is None and field.type is Type.PHONE:
        return Read(text.partition("x")[0], text)
    return Read(indexed(field, text), text)


def indexed(field: FieldType, text: str) -> str:
    """A text as it is compared: folded, in the property index cut at 256 characters; identifiers as they are kept."""
    if field.definition is not None:
        return fold(text)[:INDEXED_TEXT]
    if field.exact or field.type is Type.SELECT:
        return text
    return text.lower() if field.type is Type.EMAIL else fold(text)


def compare(op: str, field: FieldType, given: Sequence[Read]) -> tuple[Test, ...]:
    """The tests that an operator makes of what was read."""
    tests = tests_of(op, given)
    return tuple(map(on_whole_numbers, tests)) if field.type is Type.NUMBER and is_whole(field) else tests


def is_whole(field: FieldType) -> bool:
    """Whether a field holds whole numbers."""
    return field.place.basis is Basis.WHOLE


def tests_of(op: str, given: Sequence[Read]) -> tuple[Test, ...]:
    """The tests before what is special to whole numbers."""
    first, last = given[0], given[-1]
    match op:
        case "eq" | "in" | "any_of":
            spans = [Within(each.value, each.until, high_open=True) for each in given if each.until]
            points = tuple(each.value for each in given if not each.until)
            return (*([Equals(points)] if points else []), *spans)
        case "lt":
            return (Within(high=first.value, high_open=True),)
        case "lte":
            return (Within(high=first.until or first.value, high_open=bool(first.until)),)
        case "gt":
            return (Within(low=first.until or first.value, low_open=not first.until),)
        case "gte":
            return (Within(low=first.value),)
        case "between":
            return (Within(first.value, last.until or last.value, high_open=bool(last.until)),)
    raise ValueError(op)
