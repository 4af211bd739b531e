"""Finds the row of column names, and gives every column a name of its own."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.rows import Row

MOST_COLUMNS = 1_000
LOOKED_AT = 20
LONGEST_NAME = 255
VALUES = (
    ("an e-mail address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("a web address", re.compile(r"https?://\S+", re.IGNORECASE)),
    ("a date", re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?")),
    ("a number", re.compile(r"[+-]?[\d ().,/-]*\d[\d ().,/-]*%?")),
    ("an id", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file: their names, each once, how the file writes them, and the line they stand in.

    `repeated` are names that stood more than once, `preamble` the number of rows above.
    """

    names: tuple[str, ...]
    raw: tuple[str, ...]
    line: int
    repeated: tuple[str, ...] = ()
    preamble: int = 0

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)


def header(rows: Sequence[Row], width: int, known: Callable[[str], bool]) -> Header:
    """The header among the first rows; raises FileFault if there is none."""
    filled = [row for row in rows if any(map(trimmed, row.cells))]
    if not filled:
        raise FileFault(FileCode.FILE_EMPTY, "The file holds no rows.")
    if max(len(row.cells) for row in filled) > MOST_COLUMNS:
        told = f"The file has more than {MOST_COLUMNS:,} columns. Export only those that are needed."
        raise FileFault(FileCode.TOO_MANY_COLUMNS, told)
    at = place(filled[:LOOKED_AT], width, known)
    row = filled[at]
    names, repeated = numbered([trimmed(cell) for cell in row.cells])
    return Header(tuple(names), tuple(row.cells), row.line, tuple(repeated), at)


def place(rows: Sequence[Row], width: int, known: Callable[[str], bool]) -> int:
    """Which of the rows holds the names: the first full one that does not look like values."""
    for at, row in enumerate(rows):
        cells = [trimmed(cell) for cell in row.cells]
        full = sum(map(bool, cells))
        recognised = sum(map(known, cells))
        if at and not recognised:
            continue
        values = [(cell, kind) for cell in cells if (kind := value_kind(cell)) and not known(cell)]
        whole = len(cells) >= width and full * 2 > width
        if whole and (not values or recognised > len(values)):
            return at
        if whole and not at and values and not any(named(other, width, known) for other in rows[1:]):
            raise missing(row, *values[0])
    first = [trimmed(cell) for cell in rows[0].cells]
    faults = [(cell, kind) for cell in first if (kind := value_kind(cell))]
    if faults:
        raise missing(rows[0], *faults[0])
    return 0


def named(row: Row, width: int, known: Callable[[str], bool]) -> bool:
    """Tells whether a row below the first is clearly the header: known names and no values."""
    cells = [trimmed(cell) for cell in row.cells]
    return len(cells) >= width and any(map(known, cells)) and not any(map(value_kind, cells))


def missing(row: Row, cell: str, kind: str) -> FileFault:
    """The refusal of a file without column names."""
    told = (
        f"The first row holds values ({cell[:60]!r} is {kind}), not the names of columns. "
        "Add a first line with names such as First Name, Last Name, Email, Phone."
    )
    return FileFault(FileCode.HEADER_MISSING, told, line=row.line)


def value_kind(cell: str) -> str:
    """What kind of value a cell holds that no column would be called; empty for others."""
    if len(cell) > LONGEST_NAME:
        return "long text"
    return next((kind for kind, pattern in VALUES if pattern.fullmatch(cell)), "")


def trimmed(cell: str) -> str:
    """A name in composed form, without spaces, quotes and invisible characters around it, inner space made single."""
    visible = "".join(each for each in cell if unicodedata.category(each) not in ("Cf", "Cc") or each in "\t\r\n")
    return " ".join(unicodedata.normalize("NFC", visible).split())


def numbered(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names that each stand once: repeated ones get a number, empty ones are called by their place."""
    given: set[str] = {name for name in names if name}
    seen: dict[str, int] = {}
    found: list[str] = []
    for at, name in enumerate(names, start=1):
        base = name or f"Column {at}"
        times = seen.get(base, 0) + 1
        while (told := base if times == 1 else f"{base} {times}") in found or (times > 1 and told in given):
            times += 1
        seen[base] = times
        found.append(told)
    return found, [name for name, times in seen.items() if times > 1 and name in given]
