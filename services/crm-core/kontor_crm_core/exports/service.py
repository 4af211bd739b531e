"""The rpc service of exports, and the job that writes large ones."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import exports_pb as pb
from kontor_protos.kontor.records.v1.filters_pb import Filter
from protobuf.wkt import Timestamp

from kontor_crm_core.exports.reading import Selection, count, widths
from kontor_crm_core.exports.writing import Export, cells_of, export_kept, write_chunk
from kontor_crm_core.imports.store import begin_run, read_run
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, begin, begin_within, claim, finish, in_operation, opened
from kontor_crm_core.record.redirects import led_on
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.files import KEPT, Draft, FileWriter, give_up
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import Work

KIND = "export"
AT_MOST = 500
NAME = "contacts.csv"
MEDIA_TYPE = "text/csv; charset=utf-8"


class Exports:
    """Exports contacts."""

    implements = "kontor.crm.v1.Exports"

    async def export_contacts_csv(
        self, request: pb.ExportContactsCsvRequest, call: Call
    ) -> pb.ExportContactsCsvResponse:
        """Writes contacts as a CSV file, or begins to."""
        request = await led_on(call, request, "ids")
        selection = selected(request)
        export = Export(selection, list(request.columns), await widths(call, selection), request.bom)
        cells = await cells_of(call, export)
        total = await count(call, selection, AT_MOST)
        draft = Draft(NAME, MEDIA_TYPE, call.actor.actor, call.call_id)
        writer = await FileWriter.create(call.session, call.actor.tenant, draft)
        data = export.to_json() | {"file": str(writer.id)}
        if total is not None and total <= AT_MOST:
            await begin_within(call, KIND, data, total)
            run = await begin_run(call, call.call_id, {})
            while await write_chunk(call, run, export, writer) is None:
                pass
        else:
            await begin(call, KIND, data, total)
        return answer(call, writer.id, total, [each.name for each in cells])


def selected(request: pb.ExportContactsCsvRequest) -> Selection:
    """Which contacts are asked for; raises InvalidField where two things say so."""
    filters = [request.filter] if request.filter is not None else []
    filters += [Filter(in_segment=request.segment)] if request.segment else []
    if request.ids and filters:
        raise InvalidField("Give ids, or a filter and a segment, and not both.", field="ids")
    both = filters[0] if len(filters) == 1 else Filter(all=filters)
    return Selection([UUID(each) for each in request.ids], both.to_json() if filters else "")


def answer(call: Call, file: UUID, total: int | None, columns: list[str]) -> pb.ExportContactsCsvResponse:
    """Where the file is."""
    done = total is not None and total <= AT_MOST
    many = "The contacts" if total is None else f"{total} contacts"
    told = f"{many} are in the file." if done else f"{many} are being written; the file follows."
    return pb.ExportContactsCsvResponse(
        summary=told,
        file_id=str(file),
        path=f"/crm/files/{file}",
        state=State.DONE if done else State.STARTED,
        operation_id=str(call.call_id),
        rows=total or 0,
        columns=columns,
        expires_at=Timestamp.from_datetime(call.now + KEPT),
    )


async def run_export(work: Work, tenant: UUID, id: UUID) -> None:
    """Writes an export from wherever it stands."""
    row = await opened(work, tenant, id)
    export, file = export_kept(row.data), UUID(row.data["file"])
    writer = await FileWriter.resume(work.database, tenant, file)
    ended = False
    while not ended:
        async with in_operation(work, row) as call:
            if (await claim(call, id)).cancel_requested:
                await give_up(call.session, tenant, file)
                await finish(call, id, State.CANCELED, {})
                return
            run = await read_run(call, id)
            if run is None:
                run = await begin_run(call, id, {})
                await advance(call, id, 0)
            ended = await write_chunk(call, run, export, writer) is not None
