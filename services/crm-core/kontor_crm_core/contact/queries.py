"""What finds a contact, and what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Row, select, text

from kontor_crm_core.contact.models import CONTACT_EMAILS, CONTACT_PHONES
from kontor_crm_core.contact.rules import Name, contradicts
from kontor_crm_core.contact.wanted import WantedContact
from kontor_crm_core.identity.parse import Email, Phone
from kontor_crm_core.record.identities import external_ids
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.matching import Found, MatchKey
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

FIND = text(
    """
    SELECT 'external_id' AS key, x.record_id AS record,
        NULL AS first_name, NULL AS last_name, CAST(NULL AS text[]) AS emails
    FROM unnest(CAST(:systems AS text[]), CAST(:values AS text[])) AS told(system, value)
    JOIN external_id x ON x.tenant_id = :tenant AND x.object_type = 'contact' AND x.live
        AND x.system = told.system AND x.value = told.value
    UNION ALL
    SELECT 'email', e.contact_id, NULL, NULL, CAST(NULL AS text[]) FROM contact_email e
    WHERE e.tenant_id = :tenant AND e.email_key = ANY(:emails) AND e.live
    UNION ALL
    SELECT 'phone', c.id, c.first_name, c.last_name,
        ARRAY(SELECT e.email_key FROM contact_email e
            WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.id AND e.live)
    FROM contact_phone p JOIN contact c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id
    WHERE p.tenant_id = :tenant AND p.e164 = ANY(:phones) AND p.live
    """
)


@dataclass(frozen=True, slots=True)
class Identities:
    """What identifies a contact, primary ones first."""

    emails: Sequence[Email] = ()
    phones: Sequence[Phone] = ()
    external_ids: Sequence[ForeignId] = ()


async def found(call: Call, wanted: WantedContact) -> list[Found]:
    """The contacts that the keys of a wish lead to, itself named by id not among them."""
    keys = wanted.match_on
    values = {
        "tenant": call.actor.tenant,
        "systems": [each.system for each in wanted.external_ids if MatchKey.EXTERNAL_ID in keys],
        "values": [each.value for each in wanted.external_ids if MatchKey.EXTERNAL_ID in keys],
        "emails": [each.key for each in wanted.emails if MatchKey.EMAIL in keys],
        "phones": wanted.e164s if MatchKey.PHONE in keys and not wanted.id else [],
    }
    rows = await call.session.execute(FIND, values)
    named = [Found(MatchKey.ID, wanted.id)] if wanted.id else []
    return named + [Found(MatchKey(row.key), row.record, against(row, wanted)) for row in rows]


def against(row: Row[tuple[object, ...]], wanted: WantedContact) -> bool:
    """Tells whether what is said of a contact speaks against the holder of its number."""
    if row.key != MatchKey.PHONE:
        return False
    holder = Name(fold(row.first_name or ""), fold(row.last_name or ""))
    return contradicts(wanted.folded_name, [each.key for each in wanted.emails], holder, row.emails)


async def identities(call: Call, contact: UUID) -> Identities:
    """What identifies a contact now."""
    tenant, execute = call.actor.tenant, call.session.execute
    held, dialled = CONTACT_EMAILS.c, CONTACT_PHONES.c
    emails = await execute(
        select(held.raw, held.email_key)
        .where(held.tenant_id == tenant, held.contact_id == contact, held.live)
        .order_by(held.position)
    )
    phones = await execute(
        select(dialled.raw, dialled.e164, dialled.national_digits, dialled.ext, dialled.region)
        .where(dialled.tenant_id == tenant, dialled.contact_id == contact, dialled.live)
        .order_by(dialled.position)
    )
    return Identities(
        [Email(row.raw, row.email_key, "") for row in emails],
        [Phone(*row) for row in phones],
        await external_ids(call, contact),
    )
