"""Makes and changes segments."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import segments_pb as pb
from sqlalchemy import text

from kontor_crm_core.operation import store as operations
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.refs import live_refs
from kontor_crm_core.segment import members
from kontor_crm_core.segment.answers import today
from kontor_crm_core.segment.filters import Meant, dependencies, kept, read, stored
from kontor_crm_core.segment.reading import rows
from kontor_crm_core.segment.rules import MOST_AT_ONCE, RESTORABLE_DAYS, Impossible, Kind, Wish, alone, kind_of
from kontor_platform.contract.problem import (
    AlreadyExists,
    Conflict,
    Gone,
    InvalidField,
    NotFound,
    VersionConflict,
    difference,
)
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.filters.selecting import select_ids
from kontor_platform.runtime.call import Call

FILL = "segment"
HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('segments ' || CAST(:tenant AS text), 0))")
INSERT = text(
    """
    INSERT INTO segment (tenant_id, id, key, name, object_type, kind, created_at, created_by, updated_at)
    VALUES (:tenant, :id, :key, :name, :object_type, :kind, clock_timestamp(), :actor, clock_timestamp())
    """
)
FOLLOW = text(
    """
    INSERT INTO segment_head (tenant_id, seq)
    SELECT :tenant, coalesce((SELECT seq FROM outbox_head WHERE tenant_id = :tenant), 0) ON CONFLICT DO NOTHING
    """
)
COLUMNS = ("name", "description", "kind", "filter")
DOCUMENTS = ("filter",)


class SegmentInUse(Conflict):
    """Other segments refer to the segment; change them first."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a segment."""

    outcome: str
    row: Mapping[Any, Any]
    changed: Sequence[str] = ()
    added: int = 0
    removed: int = 0


async def change(call: Call, request: pb.CreateSegmentRequest) -> Done:
    """Makes, changes, deletes or restores the segment of a key, alone among such calls of the tenant."""
    await call.session.execute(HOLD, {"tenant": call.actor.tenant})
    request = await led_on(call, request, "add", "remove")
    wish = wish_of(request)
    known = await rows(call, deleted=True)
    present = next((row for row in known if row["key"] == request.key and row["deleted_at"] is None), None)
    try:
        alone(wish)
        if request.restore:
            return await restored(call, request, present, known)
        kind = kind_of(wish, present["kind"] if present else "") if not request.delete else Kind.STATIC
    except Impossible as fault:
        raise InvalidField(fault.message, field=fault.field, allowed=fault.allowed) from fault
    if request.delete:
        return await deleted(call, request, present, known)
    return await stored_as(call, request, present, kind)


def wish_of(request: pb.CreateSegmentRequest) -> Wish:
    """The request as far as it decides what becomes of the segment."""
    return Wish(
        kind=request.kind,
        type=request.type,
        has_filter=request.filter is not None,
        adds=bool(request.add),
        removes=bool(request.remove),
        delete=request.delete,
        restore=request.restore,
    )


async def stored_as(
    call: Call, request: pb.CreateSegmentRequest, present: Mapping[Any, Any] | None, kind: Kind
) -> Done:
    """The segment as the request wants it."""
    if present is not None and request.type and request.type != present["object_type"]:
        raise InvalidField(f"The segment holds {present['object_type']} records and stays so.", field="type")
    object_type = present["object_type"] if present else request.type
    meant = await read(call, request.filter, object_type) if request.filter is not None else None
    row = present or await begun(call, request, object_type, kind)
    if meant is not None and row["id"] in meant.checked.traits.segments:
        raise InvalidField("The segment would be a part of itself.", field="filter")
    wanted = values(request, row, kind, meant)
    changed = [name for name in COLUMNS if name in wanted and wanted[name] != row[name]]
    check_version(request, row, wanted, changed)
    if changed:
        await update(call, row["id"], {**wanted, **(dependencies(meant) if meant else {})}, raised=present is not None)
    added, removed = await given_members(call, request, row, object_type)
    if "filter" in changed or (present is not None and "kind" in changed):
        await filled(call, row["id"], request.key)
    await members.sized(call, today(call), row["id"])
    outcome = "created" if present is None else "updated" if changed or added or removed else "unchanged"
    return Done(outcome, await one(call, row["id"]), changed if present else [], added, removed)


async def begun(call: Call, request: pb.CreateSegmentRequest, object_type: str, kind: Kind) -> Mapping[Any, Any]:
    """The row of a new segment."""
    if request.has_field("expected_version"):
        raise NotFound(f"There is no segment {request.key}; leave expected_version out to make it.", field="key")
    id = new_id()
    row = {
        "tenant": call.actor.tenant,
        "id": id,
        "key": request.key,
        "name": request.name or request.key,
        "object_type": object_type,
        "kind": kind,
        "actor": call.actor.actor,
    }
    await call.session.execute(INSERT, row)
    if kind is Kind.DYNAMIC:
        await call.session.execute(FOLLOW, {"tenant": call.actor.tenant})
    return await one(call, id)


def values(request: pb.CreateSegmentRequest, row: Mapping[Any, Any], kind: Kind, meant: Meant | None) -> dict[str, Any]:
    """The columns that the request gives."""
    given: dict[str, Any] = {"kind": kind.value}
    given |= {name: getattr(request, name) for name in ("name", "description") if getattr(request, name)}
    if meant is not None and request.filter is not None:
        given["filter"] = kept(request.filter, meant.checked.object_type, meant.knowledge)
    return given


def check_version(
    request: pb.CreateSegmentRequest, row: Mapping[Any, Any], wanted: Mapping[str, Any], changed: Sequence[str]
) -> None:
    """Raises VersionConflict unless the caller saw the present version or named none."""
    expected = request.expected_version if request.has_field("expected_version") else None
    if expected is not None and expected != row["version"]:
        differing = [difference(name, row[name], wanted[name]) for name in changed]
        raise VersionConflict(current_version=row["version"], differing=differing)


async def update(call: Call, id: UUID, values: Mapping[str, Any], *, raised: bool) -> None:
    """Stores columns; a change raises the version."""
    told = {name: json.dumps(value) if name in DOCUMENTS else value for name, value in values.items()}
    columns = ", ".join(
        f"{name} = CAST(:{name} AS jsonb)" if name in DOCUMENTS else f"{name} = :{name}" for name in told
    )
    version = "version = version + 1, updated_at = clock_timestamp(), " if raised else ""
    statement = text(f"UPDATE segment SET {version}{columns} WHERE tenant_id = :tenant AND id = :id")
    await call.session.execute(statement, {**told, "tenant": call.actor.tenant, "id": id})


async def given_members(
    call: Call, request: pb.CreateSegmentRequest, row: Mapping[Any, Any], object_type: str
) -> tuple[int, int]:
    """Adds and takes out records by id; raises NotFound for ids of no such record, Gone for deleted ones."""
    wanted = [UUID(each) for each in request.add]
    await live_refs(call, wanted, ("activity", "task") if object_type == "activity" else (object_type,))
    added = await members.add(call, row["id"], request.key, object_type, wanted)
    leaving = [UUID(each) for each in request.remove]
    return added, await members.remove(call, row["id"], request.key, object_type, leaving)


async def filled(call: Call, id: UUID, key: str) -> None:
    """Gathers the members that a filter gives: at once if they are few, else by a job."""
    row = await one(call, id)
    meant = await gathering(call, row)
    found = await select_ids(call, meant.checked, meant.knowledge, limit=MOST_AT_ONCE + 1)
    if len(found) > MOST_AT_ONCE:
        if not call.dry_run:
            await operations.begin(call, FILL, {"segment": str(id)})
        await update(call, id, {"state": "building", "operation_id": call.call_id}, raised=False)
        return
    held = await held_members(call, id)
    await members.remove(call, id, key, row["object_type"], held - set(found))
    await members.add(call, id, key, row["object_type"], set(found) - held)
    await update(call, id, {"state": "ready", "compared_on": today(call)}, raised=False)


async def gathering(call: Call, row: Mapping[Any, Any]) -> Meant:
    """The filter that fills a segment; raises SegmentBroken."""
    return await stored(call, {**row, "kind": Kind.DYNAMIC.value})


async def held_members(call: Call, id: UUID) -> set[UUID]:
    """The members of a segment as they are kept."""
    statement = text("SELECT record_id FROM segment_member WHERE tenant_id = :tenant AND segment_id = :id")
    return set((await call.session.execute(statement, {"tenant": call.actor.tenant, "id": id})).scalars())


async def one(call: Call, id: UUID) -> Mapping[Any, Any]:
    """The row of a segment."""
    statement = text("SELECT * FROM segment WHERE tenant_id = :tenant AND id = :id")
    found = await call.session.execute(statement, {"tenant": call.actor.tenant, "id": id})
    return found.mappings().one()


async def deleted(
    call: Call, request: pb.CreateSegmentRequest, present: Mapping[Any, Any] | None, known: Sequence[Mapping[Any, Any]]
) -> Done:
    """Takes a segment out of use; raises SegmentInUse while another refers to it."""
    if present is None:
        raise NotFound(f"There is no segment {request.key}; crm_list_segments lists them.", field="key")
    check_version(request, present, {}, ())
    users = [row["key"] for row in known if row["deleted_at"] is None and present["id"] in row["segment_ids"]]
    if users:
        raise SegmentInUse(f"The segments {', '.join(users)} refer to {request.key}; change them first.")
    gone = {"deleted_at": call.now, "deleted_by": call.actor.actor}
    await update(call, present["id"], gone, raised=True)
    return Done("deleted", await one(call, present["id"]), ["deleted_at"])


async def restored(
    call: Call, request: pb.CreateSegmentRequest, present: Mapping[Any, Any] | None, known: Sequence[Mapping[Any, Any]]
) -> Done:
    """Brings the segment of a key back that was deleted last; raises NotFound, AlreadyExists or Gone."""
    if present is not None:
        raise AlreadyExists(f"The key {request.key} is in use; there is nothing to restore.", ids=[str(present["id"])])
    ended = [row for row in known if row["key"] == request.key]
    if not ended:
        raise NotFound(f"There is no deleted segment {request.key}.", field="key")
    row = max(ended, key=lambda each: each["deleted_at"])
    if row["deleted_at"] < call.now - timedelta(days=RESTORABLE_DAYS):
        raise Gone(f"The segment was deleted more than {RESTORABLE_DAYS} days ago.", ids=[str(row["id"])])
    check_version(request, row, {}, ())
    await update(call, row["id"], {"deleted_at": None, "deleted_by": None}, raised=True)
    if row["kind"] == Kind.DYNAMIC:
        await filled(call, row["id"], request.key)
    return Done("restored", await one(call, row["id"]), ["deleted_at"])
