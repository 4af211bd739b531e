"""Reads texts."""

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.reading.basis import BREAKS, EDGES, BadValue, Reading, shown, writable
from kontor_platform.data.records.reading.numbers import plain, read_decimal

LONGEST_TEXT = 1_000
LONGEST_LONG_TEXT = 50_000


def read_text(given: JSON, reading: Reading) -> str:
    """A text on one line, composed (NFC)."""
    return fitting(clean(writable(written(given).strip(EDGES))), LONGEST_TEXT)


def read_long_text(given: JSON, reading: Reading) -> str:
    """A text of several lines, composed (NFC), each line ended as on Unix."""
    lines = written(given).replace("\r\n", "\n").replace("\r", "\n")
    return fitting(clean(writable(lines, BREAKS)), LONGEST_LONG_TEXT)


def written(given: JSON) -> str:
    """What was given as text; a number is taken as its digits, since models send identifiers so."""
    if isinstance(given, str):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return plain(read_decimal(given))
    raise BadValue("rule_failed", f"{shown(given)} is not a text.")


def fitting(text: str, longest: int) -> str:
    """The text; raises BadValue for one that is too long."""
    if len(text) > longest:
        raise BadValue("text_too_long", f"The text has {len(text)} characters, at most {longest} are kept.")
    return text
