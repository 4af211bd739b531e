"""Finds out in which encoding a file is, by looking at all of it once."""

import codecs
import re
from dataclasses import dataclass

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.guess import guessed
from kontor_crm_core.imports.reading.magic import refuse_other_kinds

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf_32_le"),
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)
HEAD = 1 << 16
SAMPLE = 1 << 16
FOREIGN_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*\r?\n?")
TEXT_ENCODINGS = frozenset(
    """
    ascii utf_8 utf_16_le utf_16_be utf_32_le utf_32_be cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    cp437 cp850 cp852 cp855 cp858 cp866 cp874 cp932 cp949 cp950 iso8859_1 iso8859_2 iso8859_3 iso8859_4 iso8859_5
    iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_13 iso8859_14 iso8859_15 iso8859_16 koi8_r koi8_u
    mac_roman mac_cyrillic mac_greek mac_latin2 mac_turkish shift_jis euc_jp iso2022_jp gb2312 gbk gb18030 big5
    big5hkscs euc_kr tis_620 hz
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding as Python names it, how sure it is from 0 to 1, how it was found, and the bytes of its mark."""

    name: str
    confidence: float
    source: str
    mark: int = 0


def named(label: str) -> str:
    """Python's name of an encoding given by a person; raises FileFault for one that is no encoding of text."""
    try:
        name = codecs.lookup(label.strip()).name.replace("-", "_").lower()
    except (LookupError, ValueError):
        name = ""
    name = {"utf_8_sig": "utf_8", "utf_16": "utf_16_le", "utf_32": "utf_32_le", "big5hkscs": "big5hkscs"}.get(
        name, name
    )
    if name not in TEXT_ENCODINGS:
        told = f"{label!r} is no known encoding; give one such as utf-8, windows-1252, iso-8859-2 or shift_jis."
        raise FileFault(FileCode.ENCODING_UNKNOWN, told)
    return name


class Survey:
    """What all bytes of a file say about its encoding; holds samples only."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._strict = codecs.getincrementaldecoder("utf-8")()
        self._lines = Lines()
        self._fault_line: int | None = None
        self._foreign = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Looks at the next bytes."""
        if len(self._head) < HEAD:
            self._head += chunk[: HEAD - len(self._head)]
        self.size += len(chunk)
        if not chunk.isascii() and len(self._foreign) < SAMPLE:
            self._sample(chunk)
        if self._fault_line is None:
            self._check(chunk)

    def _sample(self, chunk: bytes) -> None:
        for line in FOREIGN_LINE.finditer(chunk):
            self._foreign += line.group()
            if len(self._foreign) >= SAMPLE:
                return

    def _check(self, chunk: bytes) -> None:
        try:
            self._strict.decode(chunk)
        except UnicodeDecodeError as fault:
            # The fault counts from the bytes the decoder had kept of the chunk before.
            kept = len(fault.object) - len(chunk)
            self._fault_line = self._lines.count + self._lines.ahead(chunk[: max(fault.start - kept, 0)])
        else:
            self._lines.pass_over(chunk)

    def encoding(self, wanted: str = "") -> Encoding:
        """The file's encoding, the wanted one if given; raises FileFault."""
        if not self._head.strip(b" \t\r\n\xef\xbb\xbf"):
            raise FileFault(FileCode.FILE_EMPTY, "The file is empty.")
        refuse_other_kinds(self._head)
        marked = next(
            (Encoding(name, 1.0, "mark", len(mark)) for mark, name in MARKS if self._head.startswith(mark)), None
        )
        if wanted:
            name = named(wanted)
            return Encoding(name, 1.0, "given", marked.mark if marked and marked.name == name else 0)
        if marked:
            return self._faultless(marked) if marked.name == "utf_8" else marked
        return zeros(self._head) or self._unmarked()

    def _unmarked(self) -> Encoding:
        if self._fault_line is None and not self._ends_within():
            return Encoding("utf_8", 1.0, "utf-8")
        if mostly_utf8(bytes(self._foreign)):
            return self._faultless(Encoding("utf_8", 1.0, "utf-8"))
        guess = guessed(bytes(self._foreign))
        if guess is None:
            told = "The encoding cannot be told. Save the file as UTF-8, or say which it is with `encoding`."
            raise FileFault(FileCode.ENCODING_UNKNOWN, told)
        return Encoding(guess.encoding, guess.confidence, "guess")

    def _faultless(self, encoding: Encoding) -> Encoding:
        if self._ends_within() and self._fault_line is None:
            self._fault_line = self._lines.count
        if self._fault_line is not None:
            raise invalid(encoding.name, self._fault_line)
        return encoding

    def _ends_within(self) -> bool:
        return bool(self._strict.getstate()[0])


class Lines:
    """Counts lines as an editor does: `\\n`, `\\r\\n` and a lone `\\r` each end one."""

    def __init__(self) -> None:
        self.count = 1
        self._after_return = False

    def ahead(self, chunk: bytes) -> int:
        """How many line ends a chunk adds."""
        ends = chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
        return ends - (1 if self._after_return and chunk.startswith(b"\n") else 0)

    def pass_over(self, chunk: bytes) -> None:
        """Goes past a chunk."""
        self.count += self.ahead(chunk)
        self._after_return = chunk.endswith(b"\r")


def invalid(encoding: str, line: int) -> FileFault:
    """The refusal of bytes that an encoding does not have."""
    told = (
        f"A byte here is not valid in {encoding.replace('_', '-')}. Save the file as UTF-8 anew, "
        "or say its encoding with `encoding`."
    )
    return FileFault(FileCode.ENCODING_INVALID, told, line=line)


def mostly_utf8(sample: bytes) -> bool:
    """Tells whether a text with invalid bytes was meant as UTF-8: at least half of what is not ASCII is valid."""
    broken = sample.decode("utf-8", "replace")
    faults = broken.count("\ufffd") - sample.count(b"\xef\xbf\xbd")
    good = sum(not each.isascii() for each in broken) - faults
    return good > 0 and good >= faults


def zeros(head: bytes) -> Encoding | None:
    """UTF-16 or UTF-32 without a mark, told by where zero bytes stand."""
    quarter = len(head) // 4
    if not quarter or not head.count(0) / len(head) > 0.1:
        return None
    shares = [head[at : quarter * 4 : 4].count(0) / quarter for at in range(4)]
    for name, zero in (
        ("utf_32_le", (1, 2, 3)),
        ("utf_32_be", (0, 1, 2)),
        ("utf_16_le", (1, 3)),
        ("utf_16_be", (0, 2)),
    ):
        others = [share for at, share in enumerate(shares) if at not in zero]
        if all(shares[at] > 0.3 for at in zero) and all(share < 0.05 for share in others):
            return Encoding(name, 0.9, "guess")
    return None
