"""What a link of a type can hold, and how a value is read."""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TypeAlias

Value: TypeAlias = str | float | int
LONGEST_TEXT = 200


class BadProperty(Exception):
    """A property of a link is unknown or its value is not what it should be."""

    def __init__(self, message: str, name: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.name, self.allowed = name, tuple(allowed)


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a link: text, date, number or select."""

    name: str
    type: str
    options: tuple[str, ...] = ()
    least: float = 0
    most: float = 0

    def told(self) -> Mapping[str, object]:
        """The property as the table of types keeps it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def text(name: str) -> Property:
    """A property that holds a short text."""
    return Property(name, "text")


def day(name: str) -> Property:
    """A property that holds a day."""
    return Property(name, "date")


def number(name: str, least: float, most: float) -> Property:
    """A property that holds a number of a range."""
    return Property(name, "number", (), least, most)


def select(name: str, *options: str) -> Property:
    """A property that holds one of some values."""
    return Property(name, "select", options)


def read_all(properties: Sequence[Property], given: Iterable[tuple[str, object]]) -> dict[str, Value | None]:
    """The properties given, None for those to take away; raises BadProperty."""
    known = {each.name: each for each in properties}
    read_ones: dict[str, Value | None] = {}
    for name, value in given:
        if name not in known:
            raise BadProperty(f"Links of this type have no property {name!r}.", name, list(known))
        if name in read_ones:
            raise BadProperty(f"{name} is given twice.", name)
        read_ones[name] = None if value in (None, "") else read(known[name], value)
    return read_ones


def read(kind: Property, value: object) -> Value:
    """A value as it is kept; raises BadProperty."""
    if kind.type == "number":
        return read_number(kind, value)
    if not isinstance(value, str):
        raise BadProperty(f"{kind.name} is a {kind.type} and is given as a text.", kind.name, kind.options)
    plain = unicodedata.normalize("NFC", value).strip()
    return {"text": read_text, "date": read_day, "select": read_option}[kind.type](kind, plain)


def read_text(kind: Property, value: str) -> Value:
    """A short text on one line."""
    if len(value) > LONGEST_TEXT or any(unicodedata.category(each) == "Cc" for each in value):
        raise BadProperty(f"{kind.name} is one line of at most {LONGEST_TEXT} characters.", kind.name)
    return value


def read_day(kind: Property, value: str) -> Value:
    """A day."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise BadProperty(f"{kind.name} is a day, as in 2026-03-29.", kind.name) from error


def read_option(kind: Property, value: str) -> Value:
    """One of the options, in whatever case."""
    found = next((each for each in kind.options if each.casefold() == value.casefold()), None)
    if found is None:
        raise BadProperty(f"{kind.name} has no option {value!r}.", kind.name, kind.options)
    return found


def read_number(kind: Property, value: object) -> Value:
    """A number of the range, also as text."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except ValueError:
        found = math.nan
    if math.isfinite(found) and kind.least <= found <= kind.most:
        return int(found) if found.is_integer() else found
    raise BadProperty(f"{kind.name} is a number from {kind.least:g} to {kind.most:g}.", kind.name)
