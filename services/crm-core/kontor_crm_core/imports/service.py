"""The rpc service of imports."""

from kontor_protos.kontor.crm.v1 import imports_pb as pb

from kontor_crm_core.imports.reverting.starting import start_revert
from kontor_crm_core.imports.starting import start_import
from kontor_platform.runtime.call import Call


class Imports:
    """Imports contacts and takes imports back."""

    implements = "kontor.crm.v1.Imports"

    async def import_contacts_csv(
        self, request: pb.ImportContactsCsvRequest, call: Call
    ) -> pb.ImportContactsCsvResponse:
        """Imports contacts."""
        return await start_import(request, call)

    async def revert_import(self, request: pb.RevertImportRequest, call: Call) -> pb.RevertImportResponse:
        """Takes an import back."""
        return await start_revert(request, call)
