"""Tells what a file is that is not text, by its first bytes."""

from collections.abc import Iterator

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.reading.faults import FileFault

BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file (.xls)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
)
ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)"),
    (b"word/", "a Word document (.docx)"),
    (b"Index/Document.iwa", "a Numbers spreadsheet"),
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"[Content_Types].xml", "an Excel workbook (.xlsx)"),
)
TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", "a web page (HTML)"),
    (b"<html", "a web page (HTML)"),
    (b"<table", "a web page (HTML)"),
    (b"<head", "a web page (HTML)"),
    (b"<?xml", "an XML file"),
    (b"begin:vcard", "a vCard file"),
    (b"begin:vcalendar", "a calendar file"),
    (b"[{", "a JSON file"),
    (b'{"', "a JSON file"),
    (b"{\n", "a JSON file"),
    (b"{\r\n", "a JSON file"),
    (b"-----begin pgp", "an encrypted file"),
)
MARKS = b"\xef\xbb\xbf \t\r\n"
HELP = "Open it in its program and save the sheet as CSV, best as \u201cCSV UTF-8\u201d."


def refuse_other_kinds(head: bytes) -> None:
    """Raises FileFault for archives, workbooks, documents and other formats under the name of a CSV file."""
    kind = next(kinds(head), "")
    if kind:
        raise FileFault(FileCode.ENCODING_UNKNOWN, f"The file is {kind}, not CSV. {HELP}")


def kinds(head: bytes) -> Iterator[str]:
    """What the first bytes say the file is."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield next((name for mark, name in ZIPPED if mark in head), "a ZIP archive")
    yield from (name for mark, name in BEGINNINGS if head.startswith(mark))
    text = head.lstrip(MARKS)[:64].lower()
    yield from (name for mark, name in TEXTS if name and text.startswith(mark))
