"""Files as people send them: encodings, delimiters, quotes, headers, rows."""

import codecs
import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_crm_core.imports.codes import FileCode, RowCode
from kontor_crm_core.imports.mapping.mapping import is_known
from kontor_crm_core.imports.reading.encoding import Survey
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.rows import Dialect, RowReader
from kontor_crm_core.imports.reading.table import Format, Wishes, read

PIECES = (7, 1 << 18)


def table(
    data: bytes | str, *, encoding: str = "", delimiter: str = ""
) -> tuple[Format, list[tuple[int, list[str], str]]]:
    """The format and rows of a file, read in tiny and in large pieces with the same result."""
    whole = data.encode() if isinstance(data, str) else data
    wishes = Wishes(encoding, delimiter)
    found = [read(whole, is_known, wishes, piece=piece) for piece in PIECES]
    assert found[0][1] == found[1][1]
    form, rows = found[0]
    return form, [(row.line, row.cells, str(row.fault)) for row in rows]


def refused(data: bytes | str, **wishes: str) -> FileFault:
    """The refusal of a file."""
    with pytest.raises(FileFault) as caught:
        table(data, **wishes)
    return caught.value


MARKED = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
)


@pytest.mark.parametrize(("mark", "encoding"), MARKED)
def test_a_byte_order_mark_says_the_encoding(mark: bytes, encoding: str) -> None:
    """Files with a mark are read in its encoding, and the mark is no part of the first name."""
    form, rows = table(mark + "Name;Email\nJürgen 李;a@x.com\n".encode(encoding))
    assert form.columns == ("Name", "Email")
    assert rows == [(2, ["Jürgen 李", "a@x.com"], "")]
    assert form.encoding.confidence == 1.0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_told_without_a_mark(encoding: str) -> None:
    """Where zero bytes stand tells UTF-16 and UTF-32."""
    form, rows = table("Name;Email\nHans Müller;a@x.com\n".encode(encoding))
    assert (form.encoding.name, rows[0][1]) == (encoding.replace("-", "_"), ["Hans Müller", "a@x.com"])


LEGACY = (
    ("cp1252", "Name;Ort\nHans Müller;Köln\nJörg Weiß;Düsseldorf\n"),
    ("cp1252", "Prénom;Société\nHélène;Crédit Général\nFrançois;Café\n"),
    ("cp1252", "Name,Note\nBob,“It’s fine” – ok €5\n"),
    ("cp1252", "Name,Email\nJosé,j@x.com\n"),
    ("cp1250", "Imię;Nazwisko;Miasto\nŁukasz;Wiśniewski;Łódź\nPaweł;Dąbrowski;Kraków\n"),
    ("cp1250", "Jméno;Příjmení\nJiří;Dvořák\nŠtěpán;Nováček\n"),
    ("cp1251", "Имя;Фамилия;Город\nИван;Петров;Москва\nОльга;Иванова;Казань\n"),
    ("koi8_r", "Имя;Фамилия;Город\nИван;Петров;Москва\nОльга;Иванова;Казань\n"),
    ("cp1253", "Όνομα;Επώνυμο\nΓιώργος;Παπαδόπουλος\n"),
    ("cp1254", "Ad;Soyad;Şehir\nAyşe;Yılmaz;İstanbul\nGül;Şahin;Muğla\n"),
    ("cp1255", "שם;עיר\nדוד כהן;תל אביב\n"),
    ("cp1256", "الاسم;المدينة\nمحمد علي;القاهرة\n"),
    ("cp932", "名前,会社,メール\n山田太郎,株式会社山田,a@x.jp\n"),
    ("euc_jp", "名前,会社,メール\n山田太郎,株式会社山田,a@x.jp\n"),
    ("gb18030", "姓名,公司,城市\n张伟,北京科技有限公司,北京\n"),
    ("big5", "姓名,公司,城市\n陳怡君,台北科技公司,台北\n"),
    ("cp949", "이름,회사,도시\n김철수,삼성전자,서울\n"),
    ("mac_roman", "Name;Ort\nHans Müller;Köln\nJörg Weiß;Düsseldorf\n"),
    ("cp850", "Name;Ort\nHans Müller;Köln\nJörg Weiß;Düsseldorf\n"),
)


@pytest.mark.parametrize(("encoding", "text"), LEGACY)
def test_legacy_encodings_are_guessed_with_their_confidence(encoding: str, text: str) -> None:
    """A short file in an old code page reads as it was written, and says that it was guessed."""
    survey = Survey()
    survey.feed(text.encode(encoding))
    found = survey.encoding()
    assert text.encode(encoding).decode(found.name) == text
    assert found.source == "guess"
    assert 0.35 <= found.confidence < 1


def test_a_guess_can_be_overridden() -> None:
    """The encoding a person names is used, under any of its names."""
    data = "Name;Ort\nŁukasz;Łódź\n".encode("cp1250")
    form, rows = table(data, encoding="Windows-1250")
    assert (form.encoding.source, rows[0][1]) == ("given", ["Łukasz", "Łódź"])


@pytest.mark.parametrize("label", ["rot13", "base64", "punycode", "unicode_escape", "undefined", "klingon", "", "idna"])
def test_only_encodings_of_text_can_be_named(label: str) -> None:
    """Codecs that are no encodings are refused."""
    if label:
        assert refused("Name,Email\na,b\n", encoding=label).code is FileCode.ENCODING_UNKNOWN


def test_one_broken_byte_late_in_a_utf8_file_is_refused_with_its_line() -> None:
    """A long valid beginning does not hide what comes after it, nor make it a guess."""
    rows = "".join(f"Zoë {at},z{at}@x.com\n" for at in range(50_000))
    data = ("Name,Email\n" + rows).encode() + b"Zo\xeb,x@x.com\nlast,y@x.com\n"
    fault = refused_at_once(data)
    assert (fault.code, fault.line) == (FileCode.ENCODING_INVALID, 50_002)


def refused_at_once(data: bytes) -> FileFault:
    """The refusal of a large file."""
    with pytest.raises(FileFault) as caught:
        read(data, is_known)
    return caught.value


def test_a_legacy_letter_late_in_a_plain_file_is_a_guess() -> None:
    """Where nothing was UTF-8 so far, one foreign byte is a legacy encoding."""
    data = (
        b"Name,Email\n"
        + b"".join(b"a%d,a%d@x.com\n" % (at, at) for at in range(40_000))
        + "Müller,m@x.com\n".encode("cp1252")
    )
    form, rows = read(data, is_known)
    assert form.encoding.name == "cp1252"
    assert rows[-1].cells[0] == "Müller"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\xef\xbb\xbfName,Email\na,b\nM\xfcller,c\n", 3),
        ("Name,Email\nä,b\nü,c\n".encode() + b"\xc3", 4),
        (codecs.BOM_UTF16_LE + "Name,Email\na,b\n".encode("utf-16-le") + b"\x00\xd8x\x00", 3),
        (codecs.BOM_UTF16_LE + "Name,Email\na,b\nc".encode("utf-16-le") + b"\x00", 3),
    ],
)
def test_invalid_bytes_are_refused_with_their_line(data: bytes, line: int) -> None:
    """A file that says its encoding, or shows it, is not guessed anew."""
    fault = refused(data)
    assert (fault.code, fault.line) == (FileCode.ENCODING_INVALID, line)


KINDS = (
    (b"PK\x03\x04....[Content_Types].xml", "Excel"),
    (b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
    (b"PK\x03\x04....contacts.csv", "ZIP"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "xls"),
    (b"\x1f\x8b\x08....", "gzip"),
    (b"%PDF-1.7 ...", "PDF"),
    (b"\xef\xbb\xbf <!DOCTYPE html><html>", "HTML"),
    (b"<table><tr>", "HTML"),
    (b"<?xml version='1.0'?>", "XML"),
    (b"BEGIN:VCARD\r\nVERSION:3.0", "vCard"),
    (b'[{"name": "x"}]', "JSON"),
    (b"{\\rtf1", "RTF"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"PAR1....", "Parquet"),
)


@pytest.mark.parametrize(("data", "kind"), KINDS)
def test_other_formats_are_called_by_their_name(data: bytes, kind: str) -> None:
    """An archive, workbook or document under the name of a CSV file is told as what it is."""
    fault = refused(data)
    assert fault.code is FileCode.ENCODING_UNKNOWN
    assert kind in fault.message


@pytest.mark.parametrize(
    "data", [b"", b"\n\n\r\n", codecs.BOM_UTF8, b"  \n", b"Name,Email\n", b"Name,Email", b"Name,Email\n,\n\n"]
)
def test_a_file_without_rows_is_refused(data: bytes) -> None:
    """Nothing, blank lines or a header alone are no import."""
    assert refused(data).code is FileCode.FILE_EMPTY


def test_random_bytes_are_no_text() -> None:
    """Noise is refused by one of the codes for it, never read."""
    for seed in range(30):
        noise = random.Random(seed).randbytes(4_000)
        assert refused_at_once(noise).code in (FileCode.ENCODING_UNKNOWN, FileCode.NUL_BYTE, FileCode.ENCODING_INVALID)


@pytest.mark.parametrize(
    ("text", "line"),
    [("Name,Email\na\0,b\n", 2), ("Na\0me,Email\na,b\n", 1), ('Name,Email\r\n"x\r\ny",b\r\nc,\0\r\n', 4)],
)
def test_a_zero_byte_is_refused_with_its_line(text: str, line: int) -> None:
    """PostgreSQL has no zero bytes, so a file that has is refused whole."""
    fault = refused(text)
    assert (fault.code, fault.line) == (FileCode.NUL_BYTE, line)


DELIMITED = (
    ("Name,Email\na,b@x.com\n", ","),
    ("Name;Email\na;b@x.com\n", ";"),
    ("Name\tEmail\na\tb@x.com\n", "\t"),
    ("Name|Email\na|b@x.com\n", "|"),
    ("Name;Preis;Email\nx;1,5;a@x.com\ny;2,5;b@x.com\nz;3,75;c@x.com\n", ";"),
    ("Name\tNote\tEmail\na, b; c\td, e\tf@x.com\n", "\t"),
    ('Name,Note,Email\na,"x;y;z",b@x.com\nc,"u;v;w",d@x.com\n', ","),
    ('Name;Note;Email\n"Doe, Jane";"a, b";b@x.com\n"Roe, Jim";"c, d";d@x.com\n', ";"),
    ('"Name";"E-Mail"\r\n"Weiß, Jörg";"j@x.de"\r\n', ";"),
    ("Name;Email\nDoe, Jane;j@x.com\nRoe, Jim;r@x.com\n", ";"),
)


@pytest.mark.parametrize(("text", "delimiter"), DELIMITED)
def test_the_delimiter_is_found_by_consistency(text: str, delimiter: str) -> None:
    """Decimal commas and delimiters within quotes do not mislead."""
    form, rows = table(text)
    assert form.layout.dialect.delimiter == delimiter
    assert all(not fault for _, _, fault in rows)


def test_excels_line_that_names_the_delimiter_is_obeyed() -> None:
    """`sep=` is no header and no row, and counts as a line."""
    form, rows = table("sep=;\r\nName;Email\r\na;b@x.com\r\n")
    assert (form.columns, form.header.line, rows) == (("Name", "Email"), 2, [(3, ["a", "b@x.com"], "")])
    assert table('"sep=|"\nName|Email\na,b|c@x.com\n')[1][0][1] == ["a,b", "c@x.com"]


def test_a_file_of_one_column_has_no_delimiter() -> None:
    """A list of addresses is a file."""
    form, rows = table("email\na@x.com\nb@x.com\n")
    assert (form.columns, [cells for _, cells, _ in rows]) == (("email",), [["a@x.com"], ["b@x.com"]])


@pytest.mark.parametrize("text", ["Name,Email;x\na,b;y\nc,d;z\n", "Name^Email\na^b\nc^d\n", "Name~Email\na~b\n"])
def test_an_unclear_delimiter_is_asked_for(text: str) -> None:
    """Where two would do, or none of the usual ones, the caller is asked and obeyed."""
    assert refused(text).code is FileCode.DELIMITER_UNCLEAR
    mark = next(each for each in ";^~" if each in text)
    assert len(table(text, delimiter=mark)[0].columns) == 2


def test_quotes_are_read_by_their_rules() -> None:
    """Doubled quotes, delimiters and line breaks within quotes; lines count as an editor shows them."""
    text = 'Name,Note\r\n"a ""b"" c","1\r\n2\r\n3"\r\n\r\nd,"e,f"\r\n5" pipe,6\' tall\r\n'
    assert table(text)[1] == [
        (2, ['a "b" c', "1\r\n2\r\n3"], ""),
        (6, ["d", "e,f"], ""),
        (7, ['5" pipe', "6' tall"], ""),
    ]


def test_spaces_before_quotes_and_backslashes_are_understood() -> None:
    """Hand-written and database-made files read as meant."""
    assert table('Name, Email\n"a", "b,c"\n"d", "e,f"\n')[1][0][1] == ["a", "b,c"]
    assert table('Name,Note\n"a \\"b\\" c",d\ne,f\n')[1][0][1] == ['a "b" c', "d"]


def test_quotation_marks_within_quoted_text_are_literal() -> None:
    """A mark that no delimiter follows does not end its cell, as long as the row comes out right."""
    assert table('Name,Email\n"Bob "Bobby" Ray",b@x.com\nc,d@x.com\n')[1][0][1] == ['Bob "Bobby" Ray', "b@x.com"]


UNCLOSED = (
    ('Name,Email\na,b\n"c,d\ne,f\ng,h\n', 3),
    ('Name,Email\na,"b\n"c",d\n', 2),
    ('Name,Email\na,b\nc,"d', 3),
    ('Name,Email\na,"1\n2",b\n' + 'x,"y\n' + "e,f\n" * 100_000, 4),
    ('Name,Email\n"a" b,c\n', 2),
    ('A,B,Email\n1,"2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6",7\n', 2),
)


@pytest.mark.parametrize(("text", "line"), UNCLOSED)
def test_an_unclosed_quote_is_refused_with_the_line_it_opens_in(text: str, line: int) -> None:
    """Else it would swallow the rows below."""
    with pytest.raises(FileFault) as caught:
        table(text) if len(text) < 1_000 else read(text.encode(), is_known)
    assert (caught.value.code, caught.value.line) == (FileCode.QUOTE_UNCLOSED, line)


def test_line_ends_may_be_mixed() -> None:
    """Old Mac, Unix and Windows ends in one file each end a line."""
    text = "Name,Email\r\na,1\rb,2\nc,3\r\n\r\r\n\nd,4"
    assert [(line, cells[0]) for line, cells, _ in table(text)[1]] == [(2, "a"), (3, "b"), (4, "c"), (8, "d")]


def test_only_the_three_line_ends_end_a_row() -> None:
    """Vertical tabs, form feeds, NEL and Unicode's separators stay within their cells."""
    odd = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g"
    assert table(f"Name,Email\n{odd},x@x.com\n")[1] == [(2, [odd, "x@x.com"], "")]


HEADERS = (
    ("\ufeffName,\u00a0Email\u200b , Pho ne \n", ("Name", "Email", "Pho ne")),
    ("Name,Email,Name,,Email,Name\n", ("Name", "Email", "Name 2", "Column 4", "Email 2", "Name 3")),
    ('"First\nName",Email,"  x "\n', ("First Name", "Email", "x")),
    ("\u2003Name\u2003,\u200eEmail\u200f,\u3000City\u3000\n", ("Name", "Email", "City")),
    ("Email,Name,Name 2,Name\n", ("Email", "Name", "Name 2", "Name 3")),
)


@pytest.mark.parametrize(("head", "names"), HEADERS)
def test_names_are_trimmed_and_told_apart(head: str, names: tuple[str, ...]) -> None:
    """Spaces of any kind and what is invisible are no part of a name; a repeated one gets a number."""
    form, _ = table(head + ",".join("v" for _ in names) + "\n")
    assert form.columns == names


def test_titles_above_the_header_are_passed_over() -> None:
    """Reports begin with lines that are no header."""
    form, rows = table("Contacts export\nCreated 2024-01-01\n\nFirst Name,Last Name,Email\na,b,c@x.com\nd,e,f@x.com\n")
    assert (form.header.line, form.columns, len(rows)) == (4, ("First Name", "Last Name", "Email"), 2)
    form, rows = table("My report,,\nFirst Name,Last Name,Email\na,b,c@x.com\n")
    assert (form.header.line, rows) == (2, [(3, ["a", "b", "c@x.com"], "")])


@pytest.mark.parametrize("first", ["Jane,Doe,jane@x.com", "1,2,3", "Jane,2024-01-31,Doe", "https://x.com,a,b"])
def test_a_file_without_header_is_refused(first: str) -> None:
    """Values are not taken for names, which would lose the first person and mean nothing."""
    fault = refused(f"{first}\nJim,Roe,jim@x.com\n")
    assert (fault.code, fault.line) == (FileCode.HEADER_MISSING, 1)


def test_ragged_rows_are_told_and_the_others_go_on() -> None:
    """Too few and too many cells are the row's fault; empty cells too many are nobody's."""
    text = "Name,Email,City\na,b,c\nd,e\nf,g,h,i\nj,k,l,,\n,,\n  , \nm,n,o\n"
    assert table(text)[1] == [
        (2, ["a", "b", "c"], ""),
        (3, ["d", "e"], RowCode.ROW_LENGTH),
        (4, ["f", "g", "h", "i"], RowCode.ROW_LENGTH),
        (5, ["j", "k", "l"], ""),
        (8, ["m", "n", "o"], ""),
    ]


def test_footers_and_repeated_headers_are_no_rows() -> None:
    """What reports add below, and a header that stands again in the middle, is passed over."""
    text = "Name,Email\na,a@x.com\nName,Email\nb,b@x.com\nTotal: 2 records\n\nCopyright (c) 2024 Some CRM\n"
    assert [cells[0] for _, cells, _ in table(text)[1]] == ["a", "b"]


def test_a_delimiter_at_every_end_makes_no_column() -> None:
    """Trailing delimiters in header or rows are nothing."""
    assert table("Name,Email,\na,b,\nc,d,\n")[0].columns == ("Name", "Email")
    assert table("Name,Email,\na,b\nc,d\n")[1][0][1] == ["a", "b"]


@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_a_huge_cell_costs_its_row_alone(size: int) -> None:
    """The rows around it stay, whatever it is made of."""
    for filling in ("x", "x\n", 'y""z'):
        cell = '"' + filling * (size // len(filling)) + '"'
        _, rows = read(f"Name,Email\na,b\nc,{cell}\nd,e\n".encode(), is_known)
        assert [(row.cells[0][:1], str(row.fault)) for row in rows] == [
            ("a", ""),
            ("c", RowCode.ROW_TOO_LARGE),
            ("d", ""),
        ]


def test_too_many_columns_are_refused() -> None:
    """A thousand columns are enough."""
    head = ",".join(f"c{at}" for at in range(1_001))
    assert refused_at_once(f"{head}\n{head}\n".encode()).code is FileCode.TOO_MANY_COLUMNS


def test_a_flood_of_blank_lines_is_nothing() -> None:
    """Blank lines cost no rows and shift no line numbers."""
    _, rows = read(b"Name,Email\n" + b"\n" * 300_000 + b"a,b\n" + b",\n" * 100_000, is_known)
    assert [(row.line, row.cells) for row in rows] == [(300_002, ["a", "b"])]


CELLS = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.integers(1, 9),
)
def test_whatever_is_written_by_the_rules_is_read_back(rows: list[list[str]], delimiter: str, piece: int) -> None:
    """Any text, quoted, comes back with the line its row begins in, whatever the pieces."""
    text, lines, line = "", [], 1
    for cells in rows:
        row = delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n"
        lines.append(line)
        text += row
        line += len(row.replace("\r\n", "\n").replace("\r", "\n")) - len(
            row.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "")
        )
    reader = RowReader(Dialect(delimiter))
    found = [row for at in range(0, len(text), piece) for row in reader.feed(text[at : at + piece])] + reader.finish()
    assert [row.cells for row in found] == rows
    assert [row.line for row in found] == lines


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_read_or_refuse(data: bytes) -> None:
    """Any bytes are a table or a refusal with a code."""
    for given_bytes in (data, b"Name,Email\n" + data, b'Name,Email\n"a' + data):
        with contextlib.suppress(FileFault):
            read(given_bytes, is_known)
