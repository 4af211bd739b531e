"""Reads contacts for an export, so many at once in the order of their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_protos.kontor.records.v1.filters_pb import Filter
from sqlalchemy import text

from kontor_crm_core.exports.columns import Widths
from kontor_crm_core.segment.filters import read
from kontor_platform.data.records.filters.selecting import select_ids
from kontor_platform.runtime.call import Call

CHUNK = 2_000
FIRST = UUID(int=0)
# Either all live contacts, or the live ones of those named.
MEANT = "c.tenant_id = :tenant AND c.deleted_at IS NULL AND (:all OR c.id = ANY(CAST(:ids AS uuid[])))"
COUNT = text(f"SELECT count(*) FROM contact c WHERE {MEANT}")
WIDTHS = text(
    f"""
    WITH meant AS MATERIALIZED (SELECT c.id FROM contact c WHERE {MEANT} AND NOT :all)
    SELECT
        (SELECT coalesce(max(position) + 1, 1) FROM contact_email e WHERE e.tenant_id = :tenant AND e.live
            AND (:all OR e.contact_id IN (SELECT id FROM meant))) AS emails,
        (SELECT coalesce(max(position) + 1, 1) FROM contact_phone p WHERE p.tenant_id = :tenant AND p.live
            AND (:all OR p.contact_id IN (SELECT id FROM meant))) AS phones,
        (SELECT coalesce(json_object_agg(system, times), '{{}}') FROM (
            SELECT system, max(times) AS times FROM (
                SELECT x.system, count(*) AS times FROM external_id x
                WHERE x.tenant_id = :tenant AND x.object_type = 'contact' AND x.live
                    AND (:all OR x.record_id IN (SELECT id FROM meant))
                GROUP BY x.system, x.record_id) AS each
            GROUP BY system) AS each) AS systems
    """
)
ROWS = text(
    f"""
    SELECT c.id, c.version, c.first_name, c.last_name, c.title, c.city, c.country, c.owner_id, c.props,
        to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
        to_char(c.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at,
        (SELECT json_agg(json_build_array(e.raw, e.opted_out, e.bounced, e.consent_basis)
            ORDER BY e.position, e.email_key)
            FROM contact_email e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.id AND e.live) AS emails,
        (SELECT json_agg(p.raw ORDER BY p.position, p.phone_key)
            FROM contact_phone p WHERE p.tenant_id = c.tenant_id AND p.contact_id = c.id AND p.live) AS phones,
        (SELECT json_agg(json_build_array(x.system, x.value) ORDER BY x.system, x.value)
            FROM external_id x WHERE x.tenant_id = c.tenant_id AND x.record_id = c.id AND x.live) AS external_ids,
        company.name AS company, company.domain AS company_domain
    FROM contact c LEFT JOIN LATERAL (
        SELECT o.name, (SELECT d.domain FROM company_domain d
            WHERE d.tenant_id = o.tenant_id AND d.company_id = o.id AND d.live ORDER BY d.position LIMIT 1) AS domain
        FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
        WHERE a.tenant_id = c.tenant_id AND a.from_id = c.id AND a.type_key = 'contact_company' AND a.is_primary
            AND o.deleted_at IS NULL LIMIT 1) AS company ON true
    WHERE {MEANT} AND c.id > :after ORDER BY c.id LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which contacts are exported: those of the ids, those that meet a filter as JSON, all where there is neither."""

    ids: Sequence[UUID] = ()
    filter: str = ""

    def values(self, call: Call) -> dict[str, object]:
        """What statements are told of it."""
        return {"tenant": call.actor.tenant, "all": not self.ids, "ids": list(self.ids)}


async def count(call: Call, selection: Selection, upto: int) -> int | None:
    """How many contacts there are; None for more than `upto` that meet a filter."""
    if selection.filter:
        found = await meeting(call, selection, FIRST, upto + 1)
        return len(found) if len(found) <= upto else None
    return int((await call.session.execute(COUNT, selection.values(call))).scalar_one())


async def meeting(call: Call, selection: Selection, after: UUID, limit: int) -> list[UUID]:
    """The next contacts that meet the filter; raises InvalidField."""
    meant = await read(call, Filter.from_json(selection.filter), "contact")
    return await select_ids(call, meant.checked, meant.knowledge, after, limit)


async def widths(call: Call, selection: Selection) -> Widths:
    """How many columns their addresses, numbers and ids need."""
    row = (await call.session.execute(WIDTHS, selection.values(call))).one()
    return Widths(row.emails, row.phones, dict(row.systems))


async def rows_after(call: Call, selection: Selection, after: UUID) -> Sequence[Mapping[Any, Any]]:
    """The next contacts behind an id."""
    values = selection.values(call) | {"after": after, "limit": CHUNK}
    if selection.filter:
        found = await meeting(call, selection, after, CHUNK)
        values |= {"all": False, "ids": found}
    return (await call.session.execute(ROWS, values)).mappings().all()
