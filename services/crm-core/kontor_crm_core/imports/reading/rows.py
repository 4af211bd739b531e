"""Splits the text of a CSV file into rows, chunk by chunk, with the line each begins in."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from kontor_crm_core.imports.codes import FileCode, RowCode
from kontor_crm_core.imports.reading.faults import FileFault

LONGEST_ROW = 1 << 20
HUGE_CELL = "field larger than field limit"
AT_END = "unexpected end of data"
INNER_LINES = 3


class Row(NamedTuple):
    """The cells of one row, the line it begins in, and the code of what is wrong with it as a whole."""

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file separates and quotes: `spaced` skips spaces before a quote, `escaped` reads backslashes."""

    delimiter: str = ","
    spaced: bool = False
    escaped: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What the csv module is told."""
        escape = {"escapechar": "\\"} if self.escaped else {}
        return {"delimiter": self.delimiter, "skipinitialspace": self.spaced, "strict": True, **escape}


class RowReader:
    """Takes text in pieces and gives whole rows; what a row still lacks waits for the next piece.

    Raises FileFault for a quotation mark that is not closed and for NUL characters.
    """

    def __init__(self, dialect: Dialect, *, line: int = 1, width: int = 0, is_trusted: bool = False) -> None:
        self.dialect = dialect
        self.width = width
        self.is_trusted = is_trusted
        self._line = line
        self._rest = ""
        self._skipping = 0
        self._lost: Row | None = None

    def feed(self, text: str) -> list[Row]:
        """The rows that end within the text."""
        if "\0" in text:
            self._refuse_zero(text)
        given = self._rest + text
        whole = given[:-1] if given.endswith("\r") else given
        end = max(whole.rfind("\n"), whole.rfind("\r")) + 1
        # A return at the end may be half of a line end.
        self._rest = given[end:]
        rows = list(self._rows(given[:end], final=False)) if end else []
        if len(self._rest) > LONGEST_ROW:
            self._give_up_row()
        return rows

    def finish(self) -> list[Row]:
        """The rows that remain at the end of the file."""
        rest, self._rest = self._rest, ""
        rows = list(self._rows(rest, final=True)) if rest else []
        if self._skipping % 2:
            raise unclosed(self._lost.line if self._lost else self._line)
        return rows

    def _rows(self, text: str, *, final: bool) -> Iterator[Row]:
        lines = list(io.StringIO(text, newline=""))
        start = self._skip(lines)
        if self._lost and not self._skipping % 2:
            yield self._lost
            self._lost = None
        first, done = self._line, start
        reader = csv.reader(iter(lines[start:] if start else lines), **self.dialect.options)
        width, line = self.width, first + start
        while True:
            try:
                for cells in reader:
                    at, done = line, start + reader.line_num
                    line = first + done
                    if cells:
                        if line - at > 1 and width > 2 and not self.is_trusted:
                            self._check_cells(cells, at)
                        yield Row(at, cells)
                break
            except csv.Error as error:
                upto = start + reader.line_num
                if AT_END in str(error) and not final:
                    break
                row = self._mended(lines[done:upto], line, str(error))
                if row is None:
                    done = upto
                    break
                yield row
                done = upto
                line = first + done
        self._line = first + done
        rest = lines[done:]
        if rest and not final:
            self._rest = "".join(rest) + self._rest
        elif final and done < len(lines):
            yield from self._rows("".join(rest), final=True)

    def _mended(self, lines: list[str], at: int, error: str) -> Row | None:
        text = "".join(lines)
        if HUGE_CELL in error:
            return self._too_large(text, at)
        if AT_END in error or len(lines) > 1:
            raise unclosed(at + opened(text, self.dialect.delimiter))
        cells = literal_quotes(text, self.dialect)
        if cells is None or (self.width and len(cells) != self.width):
            raise unclosed(at)
        return Row(at, cells)

    def _too_large(self, text: str, at: int) -> Row | None:
        row = Row(at, [text[:100]], RowCode.ROW_TOO_LARGE)
        if text.count('"') % 2 == 0:
            return row
        self._lost, self._skipping = row, 1
        return None

    def _give_up_row(self) -> None:
        self._lost = self._lost or Row(self._line, [self._rest[:100]], RowCode.ROW_TOO_LARGE)
        self._skipping += 2 + self._rest.count('"')
        self._rest = ""

    def _skip(self, lines: list[str]) -> int:
        """How many lines belong to a row that was given up as too large."""
        at = 0
        while self._skipping and at < len(lines):
            self._skipping += lines[at].count('"')
            at += 1
            if self._skipping % 2 == 0:
                self._skipping = 0
        return at

    def _check_cells(self, cells: list[str], at: int) -> None:
        """Refuses a cell that holds whole rows: its quotation mark was closed by that of a later row."""
        for cell in cells:
            inner = cell.splitlines()[1:-1] if "\n" in cell or "\r" in cell else ()
            if len(inner) >= INNER_LINES and all(
                each.count(self.dialect.delimiter) == self.width - 1 for each in inner
            ):
                raise unclosed(at)

    def _refuse_zero(self, text: str) -> None:
        before = self._rest + text[: text.index("\0")]
        line = self._line + sum(1 for _ in io.StringIO(before + "x", newline="")) - 1
        raise FileFault(
            FileCode.NUL_BYTE,
            "The file holds a zero byte, so it is damaged or no text. Export it anew as UTF-8.",
            line=line,
        )


def unclosed(line: int) -> FileFault:
    """The refusal of a quotation mark without its partner."""
    told = (
        "A quotation mark opened here is not closed, or stands within quoted text without being doubled. "
        'Close it, or write it twice ("").'
    )
    return FileFault(FileCode.QUOTE_UNCLOSED, told, line=line)


def opened(text: str, delimiter: str) -> int:
    """How many lines into a row the quotation mark stands that is closed last or never."""
    quoted, last, at_start = False, 0, True
    for at, char in enumerate(text):
        if char == '"' and (quoted or at_start):
            quoted = not quoted
            last = at if quoted and not (at and text[at - 1] == '"' and not at_start) else last
        at_start = not quoted and char in (delimiter, "\n", "\r")
    return max(sum(1 for _ in io.StringIO(text[: last + 1], newline="")) - 1, 0)


def literal_quotes(line: str, dialect: Dialect) -> list[str] | None:
    """Reads one line whose quotation marks stand inside quoted text: one ends a cell only before a delimiter."""
    mark = re.escape(dialect.delimiter)
    cell = re.compile(rf'(?:"((?:[^"]|"(?!{mark}|$))*)"|([^{mark}"][^{mark}]*|))(?:{mark}|$)', re.DOTALL)
    text, at, cells = line.rstrip("\r\n"), 0, []
    while at <= len(text):
        found = cell.match(text, at)
        if not found:
            return None
        cells.append(found[1].replace('""', '"') if found[1] is not None else found[2])
        if found.end() == len(text):
            return cells + ([""] if text.endswith(dialect.delimiter) and found.end() > found.start() else [])
        at = found.end()
    return cells
