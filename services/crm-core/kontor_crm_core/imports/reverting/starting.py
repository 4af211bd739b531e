"""Begins to take an import back, or ends one that runs."""

from kontor_protos.kontor.crm.v1 import imports_pb as pb

from kontor_platform.runtime.call import Call


async def start_revert(request: pb.RevertImportRequest, call: Call) -> pb.RevertImportResponse:
    """Begins to take an import back."""
    return pb.RevertImportResponse()
