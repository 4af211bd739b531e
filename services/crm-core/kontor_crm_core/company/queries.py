"""What finds a company, and what it holds."""

from uuid import UUID

from sqlalchemy import select, text

from kontor_crm_core.company.models import COMPANY_DOMAINS
from kontor_crm_core.company.wanted import WantedCompany
from kontor_crm_core.record.matching import Found, MatchKey
from kontor_platform.runtime.call import Call

FIND = text(
    """
    SELECT 'external_id' AS key, x.record_id AS record
    FROM unnest(CAST(:systems AS text[]), CAST(:values AS text[])) AS told(system, value)
    JOIN external_id x ON x.tenant_id = :tenant AND x.object_type = 'company' AND x.live
        AND x.system = told.system AND x.value = told.value
    UNION ALL
    SELECT 'domain', d.company_id FROM company_domain d
    WHERE d.tenant_id = :tenant AND d.domain = ANY(:domains) AND d.live
    UNION ALL
    SELECT 'name', c.id FROM company c
    WHERE c.tenant_id = :tenant AND c.name_key = :name AND CAST(:name AS text) <> '' AND c.deleted_at IS NULL
    """
)


async def found(call: Call, wanted: WantedCompany) -> list[Found]:
    """The companies that the keys of a wish lead to."""
    keys = wanted.match_on
    values = {
        "tenant": call.actor.tenant,
        "systems": [each.system for each in wanted.external_ids if MatchKey.EXTERNAL_ID in keys],
        "values": [each.value for each in wanted.external_ids if MatchKey.EXTERNAL_ID in keys],
        "domains": list(wanted.domains) if MatchKey.DOMAIN in keys else [],
        "name": wanted.name_key,
    }
    rows = await call.session.execute(FIND, values)
    named = [Found(MatchKey.ID, wanted.id)] if wanted.id else []
    return named + [Found(MatchKey(row.key), row.record) for row in rows]


async def domains(call: Call, company: UUID) -> list[str]:
    """The company's domains, the primary one first."""
    columns = COMPANY_DOMAINS.c
    rows = await call.session.execute(
        select(columns.domain)
        .where(columns.tenant_id == call.actor.tenant, columns.company_id == company, columns.live)
        .order_by(columns.position)
    )
    return list(rows.scalars())
