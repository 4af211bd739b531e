"""Begins an import: looks at the file at once, does small ones within the call, puts large ones off to a job."""

import json
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from kontor_protos.kontor.crm.v1 import imports_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.imports.mappings import keep_mapping, saved_mapping
from kontor_crm_core.imports.options import ImportOptions, options_of
from kontor_crm_core.imports.preparing import Prepared, prepared
from kontor_crm_core.imports.reading.encoding import Encoding, Survey
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.rows import Row
from kontor_crm_core.imports.reading.table import TableReader
from kontor_crm_core.imports.report import file_format, format_told, warnings
from kontor_crm_core.imports.segments import segment_named
from kontor_crm_core.imports.sources import HEAD, Source, refused
from kontor_crm_core.imports.wanting import Owners, with_owner
from kontor_crm_core.imports.within import AT_MOST, KIND, import_within
from kontor_crm_core.operation.store import begin, read
from kontor_platform.contract.problem import JSON, InvalidField
from kontor_platform.data.files import KEPT, Draft, FileWriter, keep, stored_file
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.definitions import definitions
from kontor_platform.runtime.call import Call

READ_AT_ONCE = 1 << 20
CSV, FILE = "csv", "file_id"


async def start_import(request: pb.ImportContactsCsvRequest, call: Call) -> pb.ImportContactsCsvResponse:
    """Imports a small file, or begins to import a large one; raises UnreadableFile with a stable code."""
    if bool(request.csv) == bool(request.file_id):
        raise InvalidField("Give either file_id with sha256, or csv.", field=FILE)
    if request.file_id and not request.sha256:
        raise InvalidField("Give the sha256 that POST /crm/files answered with the file's id.", field="sha256")
    options = options_of(request, await saved_mapping(call, request.use_mapping))
    try:
        return await looked_at(request, call, options)
    except FileFault as fault:
        raise refused(fault, CSV if request.csv else FILE) from fault


async def looked_at(
    request: pb.ImportContactsCsvRequest, call: Call, options: ImportOptions
) -> pb.ImportContactsCsvResponse:
    """Imports a file whose bytes are known to be those that were meant."""
    data, size, name, digest = await bytes_of(request, call)
    whole = size == len(data)
    known = await definitions(call, "contact")
    ready = prepared(data[:HEAD], encoding_of(data, options, whole=whole), options, known, whole=size <= HEAD)
    if request.save_mapping_as:
        await keep_mapping(call, request.save_mapping_as, ready)
    await segment_named(call, options.segment)
    owners = Owners()
    settled = await with_owner(call, options, owners)
    begun = sha256(f"{digest}{json.dumps(replace(options, plan='').to_json(), sort_keys=True)}".encode()).hexdigest()
    rows = small(data, ready) if whole else None
    if rows is not None:
        return await import_within(call, ready, rows, settled, begun=begun, name=name, owners=owners)
    plan: dict[str, JSON] = {
        "file": request.file_id,
        "sha256": digest,
        "name": name,
        "options": options.to_json(),
        "begun": begun,
    }
    return await put_off(call, ready, plan, data if request.csv else b"")


async def bytes_of(request: pb.ImportContactsCsvRequest, call: Call) -> tuple[bytes, int, str, str]:
    """The first bytes of what is imported, its whole size, its name and its hash."""
    if request.csv:
        data = request.csv.encode()
        return data, len(data), "contacts", sha256(data).hexdigest()
    source = Source(call.database, call.actor.tenant, UUID(request.file_id), request.sha256)
    size = await source.size()
    present = await stored_file(call.database, call.actor.tenant, source.file)
    data = b""
    async for piece in source.pieces():
        data += piece
        if len(data) >= READ_AT_ONCE:
            break
    return data, size, present.name.rpartition(".")[0] or present.name or "contacts", request.sha256


def encoding_of(data: bytes, options: ImportOptions, *, whole: bool) -> Encoding:
    """The encoding by the bytes at hand; raises FileFault."""
    survey = Survey()
    survey.feed(data if whole else data[: data.rfind(b"\n") + 1] or data)
    return survey.encoding(options.encoding)


def small(data: bytes, ready: Prepared) -> list[Row] | None:
    """All rows of a small file; None for one that is not."""
    reader = TableReader(ready.form)
    rows: list[Row] = []
    for start in range(0, len(data), HEAD):
        rows += reader.feed(data[start : start + HEAD])
        if len(rows) > AT_MOST:
            return None
    rows += reader.finish()
    return rows if len(rows) <= AT_MOST else None


async def stored(call: Call, data: bytes, name: str) -> UUID:
    """The text of the call as a file, for the job."""
    draft = Draft(f"{name}.csv", "text/csv; charset=utf-8", call.actor.actor, call.call_id)
    writer = await FileWriter.create(call.session, call.actor.tenant, draft)
    await writer.append(call.session, data)
    return (await writer.finish(call.session)).id


async def put_off(call: Call, ready: Prepared, plan: dict[str, JSON], data: bytes) -> pb.ImportContactsCsvResponse:
    """Begins the job of an import, or of a trial of one; `data` is kept as a file where there is none.

    A dry run is rolled back whatever it does, so its trial begins in a transaction of its own; it changes no record.
    """
    if not call.dry_run:
        return await begun_job(call, ready, plan, data)
    trial = Call(call.operation, call.actor, new_id(), call.database, call.cursors)
    async with call.database.transaction(call.actor.tenant) as (session, now):
        trial.enter(session, now)
        answer = await begun_job(trial, ready, plan | {"trial": True}, data)
        await session.commit()
    return answer


async def begun_job(call: Call, ready: Prepared, plan: dict[str, JSON], data: bytes) -> pb.ImportContactsCsvResponse:
    """Begins the job in the call's transaction."""
    file = await stored(call, data, str(plan["name"])) if data else UUID(str(plan["file"]))
    await keep(call.session, call.actor.tenant, file, KEPT)
    operation = await begin(call, KIND, {"trial": False} | plan | {"file": str(file)})
    return begun_answer(ready, operation, (await read(call, operation)).state)


def begun_answer(ready: Prepared, operation: UUID, state: str) -> pb.ImportContactsCsvResponse:
    """The answer for an import that has only begun."""
    return pb.ImportContactsCsvResponse(
        summary=f"The import has begun as operation {operation}; crm_import_status tells how far it is.",
        operation_id=str(operation),
        state=state,
        format=file_format(format_told(ready)),
        warnings=[Warning(**each) for each in warnings(ready)],
    )
