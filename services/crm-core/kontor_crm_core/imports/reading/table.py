"""Reads a CSV file as a table: its format from the beginning, then row after row."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kontor_crm_core.imports.codes import FileCode, RowCode
from kontor_crm_core.imports.reading.dialect import Layout, layout
from kontor_crm_core.imports.reading.encoding import Encoding, Lines, Survey, invalid
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.header import Header, header, trimmed
from kontor_crm_core.imports.reading.rows import Row, RowReader

HEAD = 1 << 18
SAMPLES = 100
FOOTER = re.compile(
    r"\s*((grand |sub)?totals?\b|copyright\b|\(c\) |©|confidential\b|generated (by|on|at)\b|exported (by|on|at|from)\b"
    r"|end of (file|report)\b|\*+ ?end\b|(summe|gesamt(summe)?|anzahl|exportiert|erstellt am|total général|totale?)\b"
    r"|\d+ (records?|rows?|contacts?|leads?|datensätze|kontakte|zeilen|enregistrements|lignes)\b"
    r"|(records?|rows?|contacts?) ?(count)?: ?\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person said about the file; empty is found out."""

    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """All that has to be known to read a file, and its first rows as samples."""

    encoding: Encoding
    layout: Layout
    header: Header
    samples: Sequence[Row] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.header.names


def format_of(head: bytes, encoding: Encoding, wishes: Wishes, known: Callable[[str], bool], *, whole: bool) -> Format:
    """The format of a file by its first bytes, or all of them; raises FileFault."""
    text = Text(encoding).feed(head, final=whole).removeprefix("\ufeff")
    found = layout(text, delimiter=wishes.delimiter, whole=whole)
    rows = [row for row in first_rows(text, found, whole) if not row.fault]
    head_row = header(rows, found.width, known)
    below = [row for row in rows if row.line > head_row.line and any(map(str.strip, row.cells))][:SAMPLES]
    if whole and not below:
        raise FileFault(FileCode.FILE_EMPTY, "The file has names of columns and no rows below them.")
    return Format(encoding, found, narrowed(head_row, below), below)


def first_rows(text: str, found: Layout, whole: bool) -> list[Row]:
    """The first rows of a file."""
    reader = RowReader(found.dialect, width=found.width, is_trusted=found.is_ours)
    rows = reader.feed(text) + (reader.finish() if whole else [])
    return [row for row in rows if row.line > found.declared]


def narrowed(head: Header, samples: Sequence[Row]) -> Header:
    """The header without nameless columns at its end in which nothing stands."""
    width = head.width
    while width > 1 and not trimmed(head.raw[width - 1]) and not any(filled(row.cells, width - 1) for row in samples):
        width -= 1
    return replace(head, names=head.names[:width], raw=head.raw[:width])


def filled(cells: Sequence[str], at: int) -> bool:
    """Tells whether a row has something in a column."""
    return len(cells) > at and bool(cells[at].strip())


class Text:
    """Decodes a file strictly, chunk by chunk; raises FileFault with the line of a byte that is not valid."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding.name)("strict")
        self._mark = encoding.mark
        self._lines = Lines()

    def feed(self, chunk: bytes, *, final: bool = False) -> str:
        """The text of the next bytes."""
        mark = min(self._mark, len(chunk))
        self._mark -= mark
        try:
            text = self._decoder.decode(chunk[mark:] if mark else chunk, final)
        except UnicodeDecodeError as fault:
            good = fault.object[: fault.start].decode(self._encoding.name, "replace")
            raise invalid(self._encoding.name, self._lines.count + Lines().ahead(good.encode())) from fault
        self._lines.pass_over(text.encode("utf-8", "replace") if not text.isascii() else text.encode())
        return text


@dataclass(slots=True)
class Skipped:
    """Rows that are no data: how many, and the first of them by line."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Notes one."""
        self.count += 1
        if len(self.lines) < 20:
            self.lines.append(line)


class TableReader:
    """Gives the data rows of a file of known format, faulty ones with their code; raises FileFault."""

    def __init__(self, form: Format) -> None:
        self.skipped = Skipped()
        self._form = form
        self._text = Text(form.encoding)
        self._rows = RowReader(form.layout.dialect, width=form.header.width, is_trusted=form.layout.is_ours)
        self._begun = False

    def feed(self, chunk: bytes) -> list[Row]:
        """The data rows that end within the next bytes."""
        return list(self._data(self._rows.feed(self._first(self._text.feed(chunk)))))

    def finish(self) -> list[Row]:
        """The rows that remain at the end of the file."""
        rest = self._first(self._text.feed(b"", final=True))
        return list(self._data([*self._rows.feed(rest), *self._rows.finish()]))

    def _first(self, text: str) -> str:
        if self._begun or not text:
            return text
        self._begun = True
        return text.removeprefix("\ufeff")

    def _data(self, rows: Iterable[Row]) -> Iterator[Row]:
        head, width = self._form.header, self._form.header.width
        first, raw = head.raw[0], list(head.raw)
        for row in rows:
            line, cells, fault = row
            if line <= head.line:
                continue
            if fault:
                yield row
            elif len(cells) == width:
                if not cells[0].strip() and not any(map(str.strip, cells)):
                    continue
                if (cells[0] == first and cells == raw) or self._is_footer(cells):
                    self.skipped.add(line)
                    continue
                yield row
            else:
                yield from self._ragged(row, width)

    def _ragged(self, row: Row, width: int) -> Iterator[Row]:
        cells = row.cells
        if not any(map(str.strip, cells)):
            return
        if len(cells) > width and not any(map(str.strip, cells[width:])):
            yield from self._data([Row(row.line, cells[:width])])
        elif self._is_footer(cells) or [trimmed(each) for each in cells] == [
            trimmed(each) for each in self._form.header.raw
        ]:
            self.skipped.add(row.line)
        else:
            yield Row(row.line, cells, RowCode.ROW_LENGTH)

    def _is_footer(self, cells: Sequence[str]) -> bool:
        if self._form.layout.is_ours:
            return False
        given = next((cell for cell in cells if cell), "")
        return bool(FOOTER.match(given)) and "@" not in "".join(cells) and sum(map(bool, cells)) <= 2


def surveyed(chunks: Iterable[bytes], wanted: str = "") -> Encoding:
    """The encoding of a file by all its bytes; raises FileFault."""
    survey = Survey()
    for chunk in chunks:
        survey.feed(chunk)
    return survey.encoding(wanted)


def read(
    data: bytes, known: Callable[[str], bool], wishes: Wishes | None = None, *, piece: int = HEAD
) -> tuple[Format, list[Row]]:
    """A small file whole: its format and its data rows; raises FileFault."""
    wishes = wishes or Wishes()
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    encoding = surveyed(pieces, wishes.encoding)
    form = format_of(data[:HEAD], encoding, wishes, known, whole=len(data) <= HEAD)
    reader = TableReader(form)
    rows = [row for each in pieces for row in reader.feed(each)]
    return form, rows + reader.finish()
