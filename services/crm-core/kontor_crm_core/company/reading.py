"""Reads companies: as callers see them, and as plans need them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from kontor_protos.kontor.crm.v1.companies_pb import Company
from sqlalchemy import Row, text

from kontor_crm_core.company.state import CompanyState
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.views import COMPANY, one_live
from kontor_platform.runtime.call import Call

READ = text(one_live("company", COMPANY))
HOLD = text(
    "SELECT id FROM company WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE"
)
# What identified a deleted company is read with it, so that it can be given back.
STATES = text(
    """
    SELECT c.id, c.version, c.deleted_at IS NOT NULL AS deleted, c.name, c.industry, c.employees, c.phone, c.city,
        c.country, c.description, c.owner_id, c.props,
        ARRAY(SELECT d.domain FROM company_domain d
            WHERE d.tenant_id = c.tenant_id AND d.company_id = c.id AND (d.live OR c.deleted_at IS NOT NULL)
            ORDER BY d.position, d.domain) AS domains,
        (SELECT json_agg(json_build_array(x.system, x.value) ORDER BY x.system, x.value)
            FROM external_id x WHERE x.tenant_id = c.tenant_id AND x.record_id = c.id
                AND (x.live OR c.deleted_at IS NOT NULL)) AS external_ids
    FROM company c WHERE c.tenant_id = :tenant AND c.id = ANY(CAST(:ids AS uuid[]))
    """
)


async def companies(call: Call, ids: Iterable[UUID]) -> Mapping[UUID, Company]:
    """Live companies by id, as callers see them."""
    rows = await call.session.execute(READ, {"tenant": call.actor.tenant, "ids": list(ids)})
    return {row.id: Company.from_json(row.record) for row in rows}


async def states(call: Call, ids: Iterable[UUID], *, lock: bool = False) -> Mapping[UUID, CompanyState]:
    """Companies by id, deleted ones too; `lock` holds them in the order of their ids until the transaction ends."""
    wanted = {"tenant": call.actor.tenant, "ids": sorted(set(ids))}
    if not wanted["ids"]:
        return {}
    if lock:
        # Not in one statement: what hangs on a row that was waited for would be read as it was before.
        await call.session.execute(HOLD, wanted)
    return {row.id: state(row) for row in await call.session.execute(STATES, wanted)}


def state(row: Row[tuple[object, ...]]) -> CompanyState:
    """A company as its row tells it."""
    told = {name: value for name, value in row._mapping.items() if name not in ("external_ids", "domains")}
    ids = [ForeignId(*each) for each in row.external_ids or ()]
    return CompanyState(**told, domains=list(row.domains), external_ids=ids)
