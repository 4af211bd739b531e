"""The rpc methods of files; their bytes are streamed by the face."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import files_pb as pb
from protobuf.wkt import Timestamp

from kontor_platform.data.files import StoredFile, purge_files, stored_file
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.dispatcher import single_read
from kontor_platform.runtime.work import Work


class Files:
    """Keeps files and tells of them."""

    implements = "kontor.crm.v1.Files"

    async def upload_file(self, request: pb.UploadFileRequest, call: Call) -> pb.StoredFile:
        """Ends the file whose bytes came with the call."""
        assert call.upload is not None
        return file_message(await call.upload.finish(call.session))

    @single_read
    async def download_file(self, request: pb.DownloadFileRequest, call: Call) -> pb.StoredFile:
        """Tells of the file whose bytes the answer holds."""
        return file_message(await stored_file(call.database, call.actor.tenant, UUID(request.id)))


def file_message(file: StoredFile) -> pb.StoredFile:
    """A file as callers see it."""
    return pb.StoredFile(
        id=str(file.id),
        sha256=file.sha256,
        size=file.size,
        name=file.name,
        state=file.state,
        expires_at=Timestamp.from_datetime(file.expires_at),
    )


async def forget_files(work: Work) -> None:
    """Takes away files that are past their time."""
    await purge_files(work.database)
