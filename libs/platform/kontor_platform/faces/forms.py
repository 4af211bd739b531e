"""The bytes of an uploaded file as they come in, from a body that is the file or from the one file of a form."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from kontor_platform.contract.problem import Malformed, UnsupportedMediaType

FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Named:
    """What comes before the bytes: the name the sender gives the file, empty if none."""

    name: str


async def incoming_file(request: Request) -> AsyncIterator[Named | bytes]:
    """The file's name, then its bytes; raises Malformed, and UnsupportedMediaType for a coded body."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the bytes as they are, without Content-Encoding.")
    media, options = parse_options_header(request.headers.get("content-type", ""))
    source = form_file(request, options.get(b"boundary", b"")) if media == FORM.encode() else whole_body(request)
    try:
        async for each in source:
            yield each
    except ClientDisconnect as error:
        raise Malformed("The body ended before its length.") from error


async def whole_body(request: Request) -> AsyncIterator[Named | bytes]:
    """A body that is the file."""
    yield Named(file_name(request.headers.get("content-disposition", "").encode("latin-1")) or "")
    async for data in request.stream():
        yield data


async def form_file(request: Request, boundary: bytes) -> AsyncIterator[Named | bytes]:
    """The one file of a form; its other fields are passed over."""
    form = Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for data in request.stream():
            parser.write(data)
            for each in form.taken():
                yield each
        parser.finalize()
    except FormParserError as error:
        raise Malformed("The form cannot be read: it is not multipart/form-data as RFC 7578 writes it.") from error
    if not form.ended:
        raise Malformed("The form ended before its last boundary.")
    if form.files != 1:
        raise Malformed("The form holds no file: send one part with a filename.")


@dataclass
class Form:
    """What a parser has found so far."""

    files: int = 0
    ended: bool = False
    in_file: bool = False
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    found: list[Named | bytes] = field(default_factory=list)

    def callbacks(self) -> Any:
        """What the parser calls."""
        return {
            "on_part_begin": self.part_begins,
            "on_header_field": lambda data, start, end: self.name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self.value.extend(data[start:end]),
            "on_header_end": self.header_ends,
            "on_headers_finished": self.headers_end,
            "on_part_data": self.data,
            "on_end": self.end,
        }

    def taken(self) -> list[Named | bytes]:
        """What was found since it was last asked for."""
        found, self.found = self.found, []
        return found

    def part_begins(self) -> None:
        """A part begins."""
        self.disposition, self.in_file = b"", False

    def header_ends(self) -> None:
        """A header of a part is complete."""
        if self.name.lower() == b"content-disposition":
            self.disposition = bytes(self.value)
        self.name.clear()
        self.value.clear()

    def headers_end(self) -> None:
        """A part's bytes begin; raises Malformed for a second file."""
        name = file_name(self.disposition)
        self.in_file = name is not None
        self.files += self.in_file
        if self.files > 1:
            raise Malformed("The form holds more than one file: send one at a time.")
        if name is not None:
            self.found.append(Named(name))

    def data(self, data: bytes, start: int, end: int) -> None:
        """Bytes of a part."""
        if self.in_file:
            self.found.append(data[start:end])

    def end(self) -> None:
        """The form is complete."""
        self.ended = True


def file_name(disposition: bytes) -> str | None:
    """The file name in a Content-Disposition (RFC 6266), without any directory; None if it names no file."""
    _, options = parse_options_header(disposition)
    if b"filename" not in options:
        return None
    plain = options[b"filename"].decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in plain if each.isprintable()).strip()[:200]
