"""What every reader of values shares: the habits values are read by, and the refusal of one that cannot be read."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.fold import fold

MOST_ALLOWED = 20
LONGEST_SHOWN = 60
# The overrides alone turn text around whatever it is; marks and embeddings belong to right-to-left writing.
OVERRIDES = "\u202d\u202e"
BREAKS = "\t\n"
EDGES = " \t\r\n"
UNWRITABLE = ("Cc", "Cs")


class DecimalMark(StrEnum):
    """What stands between whole and fraction: as programs write, not said, a point or a comma.

    As programs write, `1.234` is 1.234; where nobody said it may be either and is refused. Both refuse `1,234`.
    """

    PROGRAM = "program"
    UNKNOWN = ""
    POINT = "."
    COMMA = ","


class DateOrder(StrEnum):
    """In which order a written date has its parts where they alone do not tell."""

    UNKNOWN = ""
    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"
    YEAR_FIRST = "ymd"


@dataclass(frozen=True, slots=True)
class Reading:
    """The habits that values are read by. A call's are its tenant's; a file's are declared beside it."""

    time_zone: str = ""
    region: str = ""
    currency: str = ""
    decimal_mark: DecimalMark = DecimalMark.PROGRAM
    date_format: DateOrder = DateOrder.UNKNOWN


class BadValue(Exception):
    """A value that cannot be read; `code` is one of the closed list of an import's value errors."""

    def __init__(self, code: str, message: str, allowed: Sequence[str] = (), did_you_mean: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.allowed = tuple(allowed)[:MOST_ALLOWED]
        self.did_you_mean = did_you_mean


def given_nothing(given: JSON) -> bool:
    """Tells whether nothing was given: null, an empty list, or a text in which nothing is seen."""
    return given is None or given == [] or (isinstance(given, str) and not fold(given) and not unwritable(given))


def unwritable(text: str, besides: str = "") -> str:
    """The first character that no stored text may have, by its code; empty if there is none."""
    for each in text:
        if (unicodedata.category(each) in UNWRITABLE and each not in besides) or each in OVERRIDES:
            return f"U+{ord(each):04X}"
    return ""


def writable(text: str, besides: str = "") -> str:
    """The text; raises BadValue for one with a control character."""
    if mark := unwritable(text, besides):
        raise BadValue("control_character", f"The text has the control character {mark}; take it out.")
    return text


def one_line(given: JSON, code: str, wanted: str) -> str:
    """The text given on one line without space at its ends; raises BadValue with the code for anything but text."""
    if not isinstance(given, str):
        raise BadValue(code, f"{shown(given)} is not {wanted}; give a text.")
    return writable(given.strip(EDGES)).strip()


def shown(given: JSON) -> str:
    """What was given, short enough for a message."""
    text = repr(given) if isinstance(given, str) else str(given)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def ascii_digits(text: str) -> str:
    """The text with the digits of one other script in ASCII; digits of several scripts stay, so that nothing fits."""
    foreign = [each for each in text if each.isdecimal() and not each.isascii()]
    zeros = {ord(each) - unicodedata.decimal(each) for each in foreign}
    if len(zeros) != 1 or any(each.isdecimal() and each.isascii() for each in text):
        return text
    return "".join(str(unicodedata.decimal(each)) if each in foreign else each for each in text)
