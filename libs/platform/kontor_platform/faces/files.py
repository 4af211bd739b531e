"""Files over HTTP: bytes streamed in and out around a call that runs like any other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, cast
from urllib.parse import quote
from uuid import UUID

from protobuf import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kontor_platform.contract.decode import decode_value
from kontor_platform.contract.operation import Content, Operation
from kontor_platform.contract.problem import InvalidField, Malformed, TooLarge
from kontor_platform.data.database import Database
from kontor_platform.data.files import (
    CHUNK_BYTES,
    KEPT_UNFINISHED,
    MAX_UPLOAD_BYTES,
    MIB,
    Draft,
    FileWriter,
    StoredFile,
    chunks,
    discard,
    require_room,
    stored_file,
)
from kontor_platform.faces.forms import Named, incoming_file
from kontor_platform.faces.rest import CALL_HEADER, DATA_HEADERS, Endpoint, answer_of, head_of, query_of
from kontor_platform.runtime.call import Call, Outcome
from kontor_platform.runtime.dispatcher import Dispatcher

OCTETS = "application/octet-stream"
# A browser neither guesses what it is nor runs any of it.
SAFE = {"content-security-policy": "default-src 'none'; sandbox", "accept-ranges": "none"}
# A form's own boundaries and headers.
FORM_BYTES = 64 * 1024
Makes = Callable[[Operation], Endpoint]


@dataclass(frozen=True, slots=True)
class Files:
    """The two kinds of endpoints whose bodies are files."""

    database: Database
    dispatcher: Dispatcher

    def endpoints(self) -> Mapping[Content, Makes]:
        """What makes an endpoint of an operation, by what its bodies hold."""
        return {Content.UPLOAD: self.upload, Content.DOWNLOAD: self.download}

    def upload(self, operation: Operation) -> Endpoint:
        """The handler of an operation that takes a file."""

        async def answer(request: Request) -> Response:
            receiving = Receiving(self.database, request)
            incoming = head_of(operation, request, lambda: upload_request(operation, request))
            try:
                outcome = await self.dispatcher.dispatch(replace(incoming, prepare=receiving.prepare))
            except BaseException:
                await receiving.discard()
                raise
            if outcome.replayed:
                await receiving.discard()
            return answer_of(outcome)

        return answer

    def download(self, operation: Operation) -> Endpoint:
        """The handler of an operation that answers a file, named in its path."""

        async def answer(request: Request) -> Response:
            tenants: list[UUID] = []

            async def note(call: Call, _: Message) -> None:
                tenants.append(call.actor.tenant)

            incoming = head_of(operation, request, lambda: path_request(operation, request))
            outcome = await self.dispatcher.dispatch(replace(incoming, prepare=note))
            file = await stored_file(self.database, tenants[0], UUID(request.path_params["id"]))
            return self._answer(request, outcome, tenants[0], file)

        return answer

    def _answer(self, request: Request, outcome: Outcome, tenant: UUID, file: StoredFile) -> Response:
        headers = headers_of(file) | {CALL_HEADER: str(outcome.call_id)}
        if file.is_finished and request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        length = {"content-length": str(file.size)} if file.is_finished else {}
        return StreamingResponse(chunks(self.database, tenant, file.id), headers=headers | length)


class Describes(Protocol):
    """A request whose body is a file: what is told of the file."""

    name: str
    sha256: str


class Receiving:
    """One body on its way into a file, each MiB a transaction of its own."""

    def __init__(self, database: Database, request: Request) -> None:
        self._database, self._request = database, request
        self._writer: FileWriter | None = None

    async def prepare(self, call: Call, request: Message) -> None:
        """Writes the body into the call's file and its hash into the request, so that the two belong together."""
        require_length(self._request)
        told = cast(Describes, request)
        buffer = bytearray()
        async for each in incoming_file(self._request):
            if isinstance(each, Named):
                told.name = told.name or each.name or "upload"
                self._writer = await self._begin(call, told.name)
                continue
            buffer += each
            if len(buffer) >= CHUNK_BYTES:
                await self._append(bytes(buffer[:CHUNK_BYTES]))
                del buffer[:CHUNK_BYTES]
        if buffer:
            await self._append(bytes(buffer))
        call.upload = self._written
        settle_hash(told, self._written.sha256)

    async def discard(self) -> None:
        """Takes away what was written for a call that came to nothing."""
        if self._writer is not None:
            async with self._database.transaction(self._writer.tenant) as (session, _):
                await discard(session, self._writer.tenant, self._writer.id)
                await session.commit()

    @property
    def _written(self) -> FileWriter:
        assert self._writer is not None
        return self._writer

    async def _begin(self, call: Call, name: str) -> FileWriter:
        tenant = call.actor.tenant
        draft = Draft(name, OCTETS, call.actor.actor, call.call_id, KEPT_UNFINISHED)
        async with self._database.transaction(tenant) as (session, _):
            await require_room(session, tenant, int(self._request.headers.get("content-length", 0)))
            writer = await FileWriter.create(session, tenant, draft)
            await session.commit()
        return writer

    async def _append(self, data: bytes) -> None:
        writer = self._written
        if writer.size + len(data) > MAX_UPLOAD_BYTES:
            raise too_large()
        async with self._database.transaction(writer.tenant) as (session, _):
            await writer.append(session, data)
            await session.commit()


def require_length(request: Request) -> None:
    """Raises TooLarge for a body that says it is too large, before any of it is read."""
    told = request.headers.get("content-length", "0")
    if not told.isdecimal():
        raise Malformed("Content-Length is no number.")
    if int(told) > MAX_UPLOAD_BYTES + FORM_BYTES:
        raise too_large()


def too_large() -> TooLarge:
    """The refusal of a file that is too large."""
    return TooLarge(f"A file may have at most {MAX_UPLOAD_BYTES // MIB} MiB; split it.")


def settle_hash(request: Describes, sha256: str) -> None:
    """Puts the hash of the bytes into the request; raises InvalidField if another was told."""
    if request.sha256 not in ("", sha256):
        raise InvalidField(f"The bytes that came have the SHA-256 {sha256}; send the file again.", field="sha256")
    request.sha256 = sha256


def upload_request(operation: Operation, request: Request) -> Message:
    """What the query says of the file."""
    return decode_value(query_of(operation, request), operation.request_type)


def path_request(operation: Operation, request: Request) -> Message:
    """Which file the path names."""
    return decode_value(query_of(operation, request) | request.path_params, operation.request_type)


def headers_of(file: StoredFile) -> dict[str, str]:
    """What is told of a file before its bytes; the hash only when there is nothing more to come."""
    headers = DATA_HEADERS | SAFE | {"content-type": file.media_type, "content-disposition": attachment(file.name)}
    return headers | ({"etag": f'"{file.sha256}"'} if file.is_finished else {})


def attachment(name: str) -> str:
    """A Content-Disposition that saves the file under its name, whatever that holds (RFC 6266)."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " ._-") else "_" for each in name)
    return f"attachment; filename=\"{plain or 'file'}\"; filename*=UTF-8''{quote(name or 'file', safe='')}"
