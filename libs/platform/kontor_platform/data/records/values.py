"""Values of custom properties: read strictly, stored in one form, and compared by what is derived from it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeAlias

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition, PropertyType
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.planned import IndexRow, PropertyChange
from kontor_platform.data.records.reading.basis import BadValue, DecimalMark, Reading, given_nothing
from kontor_platform.data.records.reading.choices import read_option, read_options
from kontor_platform.data.records.reading.contact_points import (
    read_email,
    read_phone,
    read_reference,
    read_url,
    read_user,
)
from kontor_platform.data.records.reading.moments import read_date, read_datetime
from kontor_platform.data.records.reading.money import minor_units, read_money
from kontor_platform.data.records.reading.numbers import plain, read_bool, read_decimal, read_number
from kontor_platform.data.records.reading.rules import check_rules
from kontor_platform.data.records.reading.texts import read_long_text, read_text

__all__ = [
    "BadValue",
    "DecimalMark",
    "Reading",
    "change",
    "found_by",
    "index_rows",
    "newly_archived",
    "parse",
    "show",
    "unique_key",
]

INDEXED_TEXT = 256
LONGEST_KEY = 512
Reader: TypeAlias = Callable[[JSON, Reading], JSON]

READERS: Mapping[PropertyType, Reader] = {
    PropertyType.TEXT: read_text,
    PropertyType.LONG_TEXT: read_long_text,
    PropertyType.NUMBER: read_number,
    PropertyType.MONEY: read_money,
    PropertyType.DATE: read_date,
    PropertyType.DATETIME: read_datetime,
    PropertyType.BOOL: read_bool,
    PropertyType.EMAIL: read_email,
    PropertyType.PHONE: read_phone,
    PropertyType.URL: read_url,
    PropertyType.USER: read_user,
    PropertyType.REFERENCE: read_reference,
}
SEARCHABLE = (
    PropertyType.TEXT,
    PropertyType.LONG_TEXT,
    PropertyType.NUMBER,
    PropertyType.EMAIL,
    PropertyType.PHONE,
    PropertyType.URL,
)


def parse(definition: Definition, given: JSON, reading: Reading) -> JSON:
    """The stored form of a value; None where nothing was given. Raises BadValue, and never bends a value to fit.

    An archived option is read, so that what a record holds can be written back; `newly_archived` refuses a new one.
    """
    if given_nothing(given):
        return None
    if definition.type is PropertyType.SELECT:
        return read_option(definition.options, single(given))
    if definition.type is PropertyType.MULTI_SELECT:
        return read_options(definition.options, given) or None
    stored = READERS[definition.type](single(given), reading)
    if given_nothing(stored):
        return None
    check_rules(definition.type, definition.rules, stored)
    return stored


def single(given: JSON) -> JSON:
    """The one value given, also as a list of one; raises BadValue for several."""
    if not isinstance(given, list):
        return given
    if len(given) != 1:
        raise BadValue("rule_failed", f"The property holds one value and {len(given)} were given.")
    one: JSON = given[0]
    return one


def newly_archived(definition: Definition, stored: JSON, present: JSON) -> BadValue | None:
    """Why a value may not be given to a record that holds `present`: it takes an archived option."""
    held, wanted = options_in(present), options_in(stored)
    gone = [each for each in definition.options if each.archived and each.value in wanted and each.value not in held]
    if not gone:
        return None
    allowed = [each.value for each in definition.options if not each.archived]
    return BadValue("option_unknown", f"The option {gone[0].value!r} was archived; choose another.", allowed)


def options_in(stored: JSON) -> Sequence[JSON]:
    """The options a value takes."""
    return stored if isinstance(stored, list) else [stored]


def index_rows(definition: Definition, stored: JSON) -> list[IndexRow]:
    """What filters and sorts compare: empty where the property is not filterable or holds nothing."""
    if stored is None or not definition.filterable:
        return []
    match definition.type:
        case PropertyType.NUMBER:
            return [IndexRow(num=float(str(stored)))]
        case PropertyType.MONEY:
            return [IndexRow(txt=str(part(stored, "currency")), big=minor_units(str(part(stored, "amount"))))]
        case PropertyType.DATE | PropertyType.DATETIME:
            return [IndexRow(ts=moment(str(stored)))]
        case PropertyType.BOOL:
            return [IndexRow(flag=bool(stored))]
    return [IndexRow(txt=indexed_text(str(each))) for each in options_in(stored)]


def indexed_text(text: str) -> str:
    """A text as filters compare it."""
    return fold(text)[:INDEXED_TEXT]


def part(stored: JSON, name: str) -> JSON:
    """One part of an amount of money."""
    return stored[name] if isinstance(stored, Mapping) else None


def moment(stored: str) -> datetime:
    """A day or time as a moment; a day is its beginning in UTC, wherever it is compared."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def unique_key(definition: Definition, stored: JSON) -> str | None:
    """What no two live records may share of a unique property: texts folded, addresses without case, others exactly."""
    if stored is None or not definition.is_unique:
        return None
    return key_of(definition.type, stored)


def key_of(kind: PropertyType, stored: JSON) -> str:
    """The form in which two values of a type are the same."""
    match kind:
        case PropertyType.TEXT | PropertyType.LONG_TEXT:
            text = fold(str(stored))
        case PropertyType.EMAIL:
            text = str(stored).lower()
        case PropertyType.NUMBER:
            text = plain(read_decimal(stored))
        case _:
            text = show_stored(stored)
    return text if len(text.encode()) <= LONGEST_KEY else sha256(text.encode()).hexdigest()


def show(definition: Definition, stored: JSON) -> str:
    """The value as text that `parse` reads back as written by a program; empty where there is none."""
    return "" if stored is None else show_stored(stored)


def show_stored(stored: JSON) -> str:
    """A stored value as text."""
    if isinstance(stored, bool):
        return "true" if stored else "false"
    if isinstance(stored, int | float):
        return plain(read_decimal(stored))
    if isinstance(stored, Mapping):
        return f"{stored['amount']} {stored['currency']}"
    if isinstance(stored, str):
        return stored
    return ";".join(str(each) for each in stored or ())


def found_by(definition: Definition, stored: JSON) -> str:
    """The text whose words find the record, where the property is searchable; options count by their labels."""
    if stored is None or not definition.searchable:
        return ""
    if definition.type in (PropertyType.SELECT, PropertyType.MULTI_SELECT):
        labels = {each.value: each.label for each in definition.options}
        return " ".join(labels.get(str(each), str(each)) for each in options_in(stored))
    return show_stored(stored) if definition.type in SEARCHABLE else ""


def change(definition: Definition, stored: JSON) -> PropertyChange:
    """What the writer stores of a value; None empties it."""
    return PropertyChange(definition.id, stored, index_rows(definition, stored), unique_key(definition, stored))
