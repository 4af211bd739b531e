"""Reads CSV files as other systems export them."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kontor_cli.demo.encoding import Encoding, detect
from kontor_cli.failure import Failure

DELIMITERS = ",;\t|"
SAMPLE = 8192


@dataclass(frozen=True, slots=True)
class TableFile:
    """The rows of a file, by upper-case column, and how its bytes were read."""

    path: Path
    encoding: Encoding
    rows: Sequence[Mapping[str, str]]


def read_table(path: Path, required: Sequence[str]) -> TableFile:
    """Reads a file; raises Failure if it cannot be read or lacks a column."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from error
    encoding = detect(data)
    text = data.decode(encoding.name, errors="replace")
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect=dialect_of(text))
    columns = [name.strip().upper() for name in reader.fieldnames or []]
    if missing := [name for name in required if name not in columns]:
        raise Failure(f"{path} has no column {', '.join(missing)}.", f"Its columns: {', '.join(columns[:20])}.")
    return TableFile(path, encoding, [row_of(row) for row in reader])


def dialect_of(text: str) -> type[csv.Dialect] | csv.Dialect:
    """How the columns are parted."""
    try:
        return csv.Sniffer().sniff(text[:SAMPLE], delimiters=DELIMITERS)
    except csv.Error:
        return csv.excel


def row_of(row: Mapping[str | None, str | list[str] | None]) -> dict[str, str]:
    """A row with clean names and values; cells beyond the header are dropped."""
    return {name.strip().upper(): value.strip() for name, value in row.items() if name and isinstance(value, str)}
