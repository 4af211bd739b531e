"""What the keys of wishes lead to, for any number of companies in one statement."""

from collections.abc import Sequence
from uuid import UUID

from kontor_crm_core.company.wanted import WantedCompany
from kontor_crm_core.record.finding import BURIED_EXTERNAL_ID, EXTERNAL_ID, ID, PROPERTY, Sought, in_place, led_to
from kontor_crm_core.record.matching import CROWD, Found, MatchKey
from kontor_platform.runtime.call import Call

COLUMNS = ("record", "named")
BURIED_COLUMNS = ("record",)
DOMAIN = """
SELECT d.company_id AS record, NULL::uuid AS named FROM company_domain d
WHERE d.tenant_id = :tenant AND d.domain = told.value AND d.live LIMIT 1
"""
NAME = f"""
SELECT c.id AS record, NULL::uuid AS named FROM company c
WHERE c.tenant_id = :tenant AND c.name_key = told.value AND c.deleted_at IS NULL LIMIT {CROWD}
"""
BURIED_DOMAIN = """
SELECT d.company_id AS record FROM company_domain d
WHERE d.tenant_id = :tenant AND d.domain = told.value AND NOT d.live
"""
BURIED_NAME = """
SELECT c.id AS record FROM company c
WHERE c.tenant_id = :tenant AND c.name_key = told.value AND c.deleted_at IS NOT NULL
"""
# A LIMIT inside each LATERAL keeps the planner from joining the keys with all that the tenant has.
BURIED = """
SELECT c.id AS record FROM ({} LIMIT 2) AS holding CROSS JOIN LATERAL (
    SELECT c.id FROM company c
    WHERE c.tenant_id = :tenant AND c.id = holding.record AND c.merged_into IS NULL LIMIT 1) AS c
"""
BRANCHES = {
    MatchKey.ID: ID,
    MatchKey.EXTERNAL_ID: EXTERNAL_ID.format(kind="company"),
    MatchKey.DOMAIN: DOMAIN,
    MatchKey.NAME: NAME,
    MatchKey.PROPERTY: PROPERTY,
}
BURIED_BRANCHES = {
    MatchKey.EXTERNAL_ID: BURIED.format(BURIED_EXTERNAL_ID.format(kind="company")),
    MatchKey.DOMAIN: BURIED.format(BURIED_DOMAIN),
    MatchKey.NAME: BURIED.format(BURIED_NAME),
}


def sought(wanted: Sequence[WantedCompany]) -> Sought:
    """The keys of wishes."""
    keys = Sought()
    for at, each in enumerate(wanted):
        keys.add_wish(at, each.wish)
        if each.domains and MatchKey.DOMAIN in each.wish.match_on:
            keys.add(MatchKey.DOMAIN, at, [(domain,) for domain in each.domains])
        if each.name_key:
            keys.add(MatchKey.NAME, at, [(each.name_key,)])
    return keys


async def found_many(call: Call, wanted: Sequence[WantedCompany]) -> list[list[Found]]:
    """The live companies that the keys of each wish lead to; one named by id is among them whatever became of it."""
    found: list[list[Found]] = [[] for _ in wanted]
    for row in await led_to(call, sought(wanted), BRANCHES, COLUMNS):
        found[row.at].append(Found(MatchKey(row.key), row.record, named=row.named))
    return found


async def buried_many(call: Call, wanted: Sequence[WantedCompany]) -> list[list[UUID]]:
    """The deleted companies that the keys of each wish would have led to; asked where no live one was found."""
    rows = await led_to(call, sought(wanted), BURIED_BRANCHES, BURIED_COLUMNS)
    return in_place(((row.at, row.record) for row in rows), len(wanted))
