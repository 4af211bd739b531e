"""What the keys of wishes lead to, for any number of contacts in one statement."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row

from kontor_crm_core.contact.rules import Name, contradicts
from kontor_crm_core.contact.wanted import WantedContact
from kontor_crm_core.record.finding import BURIED_EXTERNAL_ID, EXTERNAL_ID, ID, PROPERTY, Sought, in_place, led_to
from kontor_crm_core.record.matching import CROWD, Found, MatchKey
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

NOBODY = "NULL AS first_name, NULL AS last_name, CAST(NULL AS text[]) AS emails"
EMAIL = """
SELECT e.contact_id AS record, NULL::uuid AS named FROM contact_email e
WHERE e.tenant_id = :tenant AND e.email_key = told.value AND e.live LIMIT 1
"""
# A LIMIT inside each LATERAL keeps the planner from joining the keys with all that the tenant has.
HOLDER = """
CROSS JOIN LATERAL (
    SELECT c.id, c.first_name, c.last_name,
        ARRAY(SELECT e.email_key FROM contact_email e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.id) AS emails
    FROM contact c WHERE c.tenant_id = :tenant AND c.id = holding.record AND c.merged_into IS NULL LIMIT 1) AS c
"""
PHONE = f"""
SELECT c.id AS record, NULL::uuid AS named, c.first_name, c.last_name, c.emails
FROM (SELECT DISTINCT p.contact_id AS record FROM (
        SELECT p.contact_id FROM contact_phone p
        WHERE p.tenant_id = :tenant AND p.e164 = told.value AND p.live LIMIT {CROWD}) AS p) AS holding {HOLDER}
"""
BURIED_EMAIL = """
SELECT e.contact_id AS record FROM contact_email e
WHERE e.tenant_id = :tenant AND e.email_key = told.value AND NOT e.live
"""
BURIED_PHONE = """
SELECT p.contact_id AS record FROM contact_phone p
WHERE p.tenant_id = :tenant AND p.e164 = told.value AND NOT p.live
"""
BURIED = f"""
SELECT c.id AS record, c.first_name, c.last_name, c.emails FROM ({{}} LIMIT 2) AS holding {HOLDER}
"""
COLUMNS = ("record", "named", "first_name", "last_name", "emails")
BURIED_COLUMNS = ("record", "first_name", "last_name", "emails")


def with_nobody(branch: str) -> str:
    """A branch whose key needs no more said of its holder."""
    return f"SELECT plain.record, plain.named, {NOBODY} FROM ({branch}) AS plain"


BRANCHES = {
    MatchKey.ID: with_nobody(ID),
    MatchKey.EXTERNAL_ID: with_nobody(EXTERNAL_ID.format(kind="contact")),
    MatchKey.EMAIL: with_nobody(EMAIL),
    MatchKey.PHONE: PHONE,
    MatchKey.PROPERTY: with_nobody(PROPERTY),
}
BURIED_BRANCHES = {
    MatchKey.EXTERNAL_ID: BURIED.format(BURIED_EXTERNAL_ID.format(kind="contact")),
    MatchKey.EMAIL: BURIED.format(BURIED_EMAIL),
    MatchKey.PHONE: BURIED.format(BURIED_PHONE),
}


def sought(wanted: Sequence[WantedContact]) -> Sought:
    """The keys of wishes."""
    keys = Sought()
    for at, each in enumerate(wanted):
        keys.add_wish(at, each.wish)
        if each.emails and MatchKey.EMAIL in each.wish.match_on:
            keys.add(MatchKey.EMAIL, at, [(email.key,) for email in each.emails])
        keys.add(MatchKey.PHONE, at, [(number,) for number in each.numbers])
    return keys


async def found_many(call: Call, wanted: Sequence[WantedContact]) -> list[list[Found]]:
    """The live contacts that the keys of each wish lead to; one named by id is among them whatever became of it."""
    found: list[list[Found]] = [[] for _ in wanted]
    for row in await led_to(call, sought(wanted), BRANCHES, COLUMNS):
        contradicted = row.key == MatchKey.PHONE and speaks_against(row, wanted[row.at])
        found[row.at].append(Found(MatchKey(row.key), row.record, contradicted, row.named))
    return found


async def buried_many(call: Call, wanted: Sequence[WantedContact]) -> list[list[UUID]]:
    """The deleted contacts that the keys of each wish would have led to; asked where no live one was found."""
    rows = await led_to(call, sought(wanted), BURIED_BRANCHES, BURIED_COLUMNS)
    return in_place(
        ((row.at, row.record) for row in rows if row.key != MatchKey.PHONE or not speaks_against(row, wanted[row.at])),
        len(wanted),
    )


def speaks_against(row: Row[tuple[object, ...]], wanted: WantedContact) -> bool:
    """Tells whether what is said of a contact speaks against the holder of its number."""
    holder = Name(fold(row.first_name or ""), fold(row.last_name or ""))
    return contradicts(wanted.folded_name, [each.key for each in wanted.emails], holder, row.emails)
