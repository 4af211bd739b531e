"""Finds out how a file separates its cells, from its first rows."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.rows import Dialect

DELIMITERS = ",;\t|"
DECLARED = re.compile(r'^\ufeff?"?sep=(.)"?\s*(?:\r\n|\n|\r|$)', re.IGNORECASE)
OWN = re.compile(r"[^\r\n]*([,;\t|])\"?_kontor\"?(?:[,;\t|][^\r\n]*)?(?:\r|\n|$)")
ENTRIES = 200
CONSISTENT = 0.5
CLOSE = 0.08
OTHERS = re.compile(r"[:^~#\x01\x1f\u00a6]|\s{2,}")
SPACED = re.compile(r'(?:^|[,;|\t]) +"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layout:
    """The dialect of a file, the usual number of its cells, and the lines above its first row that only declare it.

    One of our own exports `is_ours`: it is as it is written, and nothing in it is a title, a footer or a slip.
    """

    dialect: Dialect
    width: int
    declared: int = 0
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """How the first rows look when read with a dialect."""

    dialect: Dialect
    width: int
    share: float
    faults: int
    filled: float

    @property
    def score(self) -> float:
        """How consistent the reading is, from 0 to 1."""
        return self.share - 0.2 * min(self.faults, 3)


def layout(sample: str, *, delimiter: str = "", whole: bool = True) -> Layout:
    """The layout of a file by its first text; `whole` if that is all of it. Raises FileFault where it is unclear."""
    own = OWN.match(sample)
    if own:
        head = sample[: own.end()]
        return Layout(Dialect(own[1]), len(next(csv.reader([head], delimiter=own[1]))), is_ours=True)
    declared = DECLARED.match(sample)
    if declared:
        wanted = delimiter or declared[1]
        body = sample[declared.end() :]
        return Layout(*best(body, wanted, whole), declared=1)
    return Layout(*best(sample, delimiter, whole))


def best(sample: str, delimiter: str, whole: bool) -> tuple[Dialect, int]:
    """The dialect that reads the sample most consistently, and its usual width."""
    readings = [reading(sample, each, whole) for each in candidates(sample, delimiter)]
    if delimiter:
        chosen = max(readings, key=lambda each: (each.score, each.width))
        return chosen.dialect, chosen.width
    split = [each for each in readings if each.width > 1 and each.share >= CONSISTENT]
    if not split:
        return one_column(sample)
    split.sort(key=lambda each: (-each.score, -each.width, each.dialect.spaced, each.dialect.escaped))
    first = split[0]
    rivals = [each for each in split if each.dialect.delimiter != first.dialect.delimiter]
    if rivals and first.score - rivals[0].score < CLOSE:
        return decided(first, rivals[0])
    return first.dialect, first.width


def decided(first: Reading, rival: Reading) -> tuple[Dialect, int]:
    """The better of two readings that are about as consistent; raises FileFault if neither is clearly better."""
    wide, narrow = sorted((first, rival), key=lambda each: (each.width, each.filled), reverse=True)
    if wide.width >= narrow.width * 1.5 or wide.filled > narrow.filled + 0.2:
        return wide.dialect, wide.width
    one, other = name(first.dialect.delimiter), name(rival.dialect.delimiter)
    told = f"Both {one} and {other} could separate the columns. Say which with `delimiter`."
    raise FileFault(FileCode.DELIMITER_UNCLEAR, told)


def candidates(sample: str, delimiter: str) -> list[Dialect]:
    """The dialects worth trying."""
    spaced = [False, True] if SPACED.search(sample) else [False]
    escaped = [False, True] if '\\"' in sample else [False]
    return [Dialect(each, skip, back) for each in (delimiter or DELIMITERS) for skip in spaced for back in escaped]


def reading(sample: str, dialect: Dialect, whole: bool) -> Reading:
    """How the first rows look in a dialect."""
    rows, faults = entries(sample, dialect, whole)
    widths = Counter(len(row) for row in rows if len(row) > 1 and any(map(str.strip, row)))
    width, _ = max(widths.items(), key=lambda each: (each[1] * (each[0] ** 0.25), each[0]), default=(1, 0))
    fitting = [row for row in rows if len(row) == width]
    full = sum(bool(cell.strip()) for row in fitting for cell in row)
    share = len(fitting) / len(rows) if rows else 0.0
    return Reading(dialect, width, share, faults, full / (len(fitting) * width) if fitting else 0.0)


def entries(sample: str, dialect: Dialect, whole: bool) -> tuple[list[list[str]], int]:
    """The first rows that are not blank, and how many quotation marks did not fit."""
    lines = list(io.StringIO(sample, newline=""))
    reader = csv.reader(iter(lines if whole else lines[:-1] or lines), **dialect.options)
    rows: list[list[str]] = []
    faults = 0
    while len(rows) < ENTRIES:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            faults += 1
            continue
        if any(map(str.strip, row)):
            rows.append(row)
    return rows, faults


def one_column(sample: str) -> tuple[Dialect, int]:
    """The layout of a file with one column; raises FileFault if something unknown seems to separate several."""
    lines = [line for line in sample.splitlines()[:ENTRIES] if line.strip()]
    found = [Counter(OTHERS.findall(line)) for line in lines]
    shared = {mark for mark in set().union(*found) if all(each[mark] == found[0][mark] for each in found)}
    if shared and len(lines) > 1 and not shared <= {":"}:
        told = "No comma, semicolon, tab or bar separates the columns. Say with `delimiter` what does."
        raise FileFault(FileCode.DELIMITER_UNCLEAR, told)
    return Dialect(), 1


def name(delimiter: str) -> str:
    """A delimiter as people call it."""
    return {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}.get(delimiter, repr(delimiter))


def widest(rows: Sequence[Sequence[str]]) -> int:
    """The number of cells of the widest row."""
    return max(map(len, rows), default=0)
