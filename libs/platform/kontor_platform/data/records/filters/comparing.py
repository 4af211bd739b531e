"""What may be asked of a value, and how it is asked in SQL."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from kontor_platform.data.records.filters.parameters import Basis, Parameters
from kontor_platform.data.records.fold import SPACELESS, fold, words
from kontor_platform.data.records.terms import LAST_CHARACTER

Operand: TypeAlias = str | int | float | bool | datetime | date | UUID


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is one of these."""

    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The value lies between two bounds; an absent bound is none, an open one is not part of it."""

    low: Operand | None = None
    high: Operand | None = None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class StartsWith:
    """The folded text begins so."""

    text: str


@dataclass(frozen=True, slots=True)
class Contains:
    """The folded text has this in it; `given` is what was asked for, unfolded."""

    text: str
    given: str = ""


@dataclass(frozen=True, slots=True)
class HasWords:
    """The folded text has all of these words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value."""


Test: TypeAlias = Equals | Within | StartsWith | Contains | HasWords | Present


def has_words(text: str) -> HasWords:
    """The words of a text."""
    return HasWords(tuple(dict.fromkeys(words(text))))


def contains(text: str) -> Contains:
    """A part of a text, whatever its case and accents."""
    return Contains(fold(text), text)


def on_whole_numbers(test: Test) -> Test:
    """The same test of whole numbers alone, with whole bounds."""
    match test:
        case Equals(values):
            return Equals(tuple(int(str(value).partition(".")[0]) for value in values if is_whole(value)))
        case Within(low, high) as range_:
            if low is not None and not is_whole(low):
                range_ = replace(range_, low=math.ceil(float(str(low))), low_open=False)
            if high is not None and not is_whole(high):
                range_ = replace(range_, high=math.floor(float(str(high))), high_open=False)
            return replace(range_, low=as_int(range_.low), high=as_int(range_.high))
    return test


def is_whole(value: Operand) -> bool:
    """Whether a number has no fraction."""
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def as_int(value: Operand | None) -> int | None:
    """A whole number as an integer."""
    return None if value is None else int(float(str(value)))


def holds(test: Test, value: str, basis: Basis, parameters: Parameters) -> str:
    """The SQL that asks a test of a value; NULL where there is none."""
    match test:
        case Equals((one,)):
            return f"{value} = {parameters.add(one, basis)}"
        case Equals(values):
            return f"{value} = ANY({parameters.add(list(values), basis + '[]')})"
        case Within():
            return within(test, value, basis, parameters)
        case StartsWith(text):
            return f"{value} ^@ {parameters.add(text, Basis.TEXT)}"
        case Contains(text):
            return f"position({parameters.add(text, Basis.TEXT)} in {value}) > 0"
        case HasWords(wanted):
            return " AND ".join(has_word(each, value, parameters) for each in wanted) or "false"
        case Present():
            return f"{value} IS NOT NULL"


def within(test: Within, value: str, basis: Basis, parameters: Parameters) -> str:
    """The SQL of a range."""
    asked: list[str] = []
    if test.low is not None:
        asked.append(f"{value} {'>' if test.low_open else '>='} {parameters.add(test.low, basis)}")
    if test.high is not None:
        asked.append(f"{value} {'<' if test.high_open else '<='} {parameters.add(test.high, basis)}")
    return " AND ".join(asked) or f"{value} IS NOT NULL"


def has_word(word: str, value: str, parameters: Parameters) -> str:
    """The SQL that looks for a word between characters that are no letters or digits.

    In scripts without spaces any two neighbours are a word.
    """
    if SPACELESS.search(word):
        return f"position({parameters.add(word, Basis.TEXT)} in {value}) > 0"
    pattern = parameters.add(f"(^|[^[:alnum:]]){word}($|[^[:alnum:]])", Basis.TEXT)
    return f'({value} COLLATE "default") ~ {pattern}'


def ranged(test: Test) -> Sequence[Test]:
    """The test as ranges of a B-tree in byte order, none where it asks something else."""
    match test:
        case Equals() | Within() | Present():
            return [test]
        case StartsWith(text):
            return [Within(text, text + LAST_CHARACTER, high_open=True)]
    return []
