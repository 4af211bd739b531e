"""The internal rpc by which crm-governance feeds the blocklist."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import blocklist_pb as pb
from protobuf.wkt import Timestamp
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from kontor_crm_core.blocklist.models import ENTRIES, KEYS
from kontor_crm_core.moments import moment
from kontor_crm_core.paging import scope
from kontor_platform.contract.problem import Conflict, InvalidField
from kontor_platform.runtime.call import Call

PAGE = 500


class Blocklist:
    """Keeps this service's copy of a tenant's blocklist."""

    implements = "kontor.crm.v1.Blocklist"

    async def put(self, request: pb.BlocklistPutRequest, call: Call) -> pb.BlocklistPutResponse:
        """Adds entries and takes others off, all or none."""
        await keep_key(call, request.key, replace=request.replace)
        gone = await dropped(call, request)
        added = await kept(call, request.entries)
        return pb.BlocklistPutResponse(added=added, removed=gone, total=await total(call.actor.tenant, call))

    async def list(self, request: pb.BlocklistListRequest, call: Call) -> pb.BlocklistListResponse:
        """Lists a page of entries."""
        tenant, bound, size = call.actor.tenant, scope(call, request), request.page_size or PAGE
        after = str(call.cursors.decode(request.cursor, bound)[0]) if request.cursor else ""
        columns = ENTRIES.c
        found = await call.session.execute(
            select(columns.digest, columns.created_at)
            .where(columns.tenant_id == tenant, columns.digest > after)
            .order_by(columns.digest)
            .limit(size + 1)
        )
        rows = found.all()
        shown = [
            pb.BlocklistEntry(digest=row.digest, created_at=Timestamp.from_datetime(row.created_at))
            for row in rows[:size]
        ]
        return pb.BlocklistListResponse(
            entries=shown,
            total=await total(tenant, call),
            next_cursor=call.cursors.encode([shown[-1].digest], bound) if len(rows) > size else "",
            has_key=await present_key(call) is not None,
        )


async def present_key(call: Call) -> bytes | None:
    """The tenant's secret."""
    keys = select(KEYS.c.secret).where(KEYS.c.tenant_id == call.actor.tenant)
    return (await call.session.execute(keys)).scalar_one_or_none()


async def keep_key(call: Call, secret: bytes, *, replace: bool) -> None:
    """Stores the tenant's secret; another one makes the present digests worthless and so goes with `replace` only."""
    present = await present_key(call)
    if present is None and not secret:
        raise InvalidField("The first entries need the key that made them.", field="key")
    if not secret or secret == present:
        return
    if present is not None and not replace:
        raise Conflict("Digests of another key are stored; send the whole list with replace: true.")
    storing = insert(KEYS).values(tenant_id=call.actor.tenant, secret=secret)
    await call.session.execute(
        storing.on_conflict_do_update(index_elements=[KEYS.c.tenant_id], set_={"secret": storing.excluded.secret})
    )


async def dropped(call: Call, request: pb.BlocklistPutRequest) -> int:
    """Takes entries off and answers how many there were."""
    mine = ENTRIES.c.tenant_id == call.actor.tenant
    kept_ones = [each.digest for each in request.entries]
    off = ENTRIES.c.digest.not_in(kept_ones) if request.replace else ENTRIES.c.digest.in_(list(request.removed))
    done = await call.session.execute(delete(ENTRIES).where(mine, off).returning(ENTRIES.c.digest))
    return len(done.all())


async def kept(call: Call, entries: Sequence[pb.BlocklistEntry]) -> int:
    """Adds entries that are not there and answers how many."""
    if not entries:
        return 0
    rows = [
        {
            "tenant_id": call.actor.tenant,
            "digest": each.digest,
            "created_at": moment(each.created_at, "created_at") or call.now,
        }
        for each in sorted(entries, key=lambda each: each.digest)
    ]
    adding = insert(ENTRIES).values(rows).on_conflict_do_nothing().returning(ENTRIES.c.digest)
    return len((await call.session.execute(adding)).all())


async def total(tenant: UUID, call: Call) -> int:
    """How many entries there are."""
    counting = select(func.count()).select_from(ENTRIES).where(ENTRIES.c.tenant_id == tenant)
    return int((await call.session.execute(counting)).scalar_one())
