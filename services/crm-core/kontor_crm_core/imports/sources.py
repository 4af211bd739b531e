"""Where the bytes of an import come from: a file that was uploaded, or the text of the call."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.reading.encoding import Encoding, Survey
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.database import Database
from kontor_platform.data.files import pieces, stored_file

HEAD = 1 << 18


class UnreadableFile(InvalidField):
    """The file cannot be imported as it is."""


def refused(fault: FileFault, field: str) -> UnreadableFile:
    """The refusal of a file, with its stable code in the details."""
    details = {"code": str(fault.code)} | ({"line": fault.line} if fault.line else {})
    return UnreadableFile(f"{fault.message} ({fault.code})", field=field, details=details)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a tenant that was uploaded, with the hash that was approved."""

    database: Database
    tenant: UUID
    file: UUID
    sha256: str

    async def size(self) -> int:
        """The number of its bytes; raises FileFault where the file is not the one that was approved."""
        present = await stored_file(self.database, self.tenant, self.file)
        if present.sha256 != self.sha256:
            raise FileFault(
                FileCode.FILE_CHANGED, "The file is not the one whose sha256 is given; upload it again and pass both."
            )
        return present.size

    def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes, a piece at a time."""
        return pieces(self.database, self.tenant, self.file)

    async def head(self) -> bytes:
        """Its first bytes."""
        found = b""
        async for piece in self.pieces():
            found += piece
            if len(found) >= HEAD:
                break
        return found[:HEAD]

    async def surveyed(self, wanted: str) -> tuple[Encoding, bytes]:
        """Its encoding, by all its bytes, and the first of them; raises FileFault."""
        survey, head = Survey(), b""
        async for piece in self.pieces():
            survey.feed(piece)
            head += piece[: HEAD - len(head)] if len(head) < HEAD else b""
        return survey.encoding(wanted), head
