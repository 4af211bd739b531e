"""Reads contacts: as callers see them, and as plans need them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from kontor_protos.kontor.crm.v1.contacts_pb import Contact
from sqlalchemy import Row, text

from kontor_crm_core.contact.rules import Consent
from kontor_crm_core.contact.state import Address, ContactState, Employer
from kontor_crm_core.identity.parse import Phone
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.views import CONTACT, one_live
from kontor_platform.runtime.call import Call

READ = text(one_live("contact", CONTACT))
HOLD = text(
    """
    SELECT id FROM contact WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
    """
)
# What identified a deleted contact is read with it, so that it can be given back.
STATES = text(
    """
    SELECT c.id, c.version, c.deleted_at IS NOT NULL AS deleted, c.first_name, c.last_name, c.title, c.city, c.country,
        c.owner_id, c.props,
        (SELECT json_agg(json_build_array(e.raw, e.email_key, e.opted_out, e.bounced, e.consent_basis)
            ORDER BY e.position, e.email_key)
            FROM contact_email e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.id
                AND (e.live OR c.deleted_at IS NOT NULL)) AS emails,
        (SELECT json_agg(json_build_array(p.raw, p.e164, p.national_digits, p.ext, p.region)
            ORDER BY p.position, p.phone_key)
            FROM contact_phone p WHERE p.tenant_id = c.tenant_id AND p.contact_id = c.id
                AND (p.live OR c.deleted_at IS NOT NULL)) AS phones,
        (SELECT json_agg(json_build_array(x.system, x.value) ORDER BY x.system, x.value)
            FROM external_id x WHERE x.tenant_id = c.tenant_id AND x.record_id = c.id
                AND (x.live OR c.deleted_at IS NOT NULL)) AS external_ids,
        company.id AS company_id, company.name AS company_name
    FROM contact c LEFT JOIN LATERAL (
        SELECT o.id, o.name FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
        WHERE a.tenant_id = c.tenant_id AND a.from_id = c.id AND a.type_key = 'contact_company' AND a.is_primary
            AND o.deleted_at IS NULL LIMIT 1) AS company ON true
    WHERE c.tenant_id = :tenant AND c.id = ANY(CAST(:ids AS uuid[]))
    """
)


async def contacts(call: Call, ids: Iterable[UUID]) -> Mapping[UUID, Contact]:
    """Live contacts by id, as callers see them."""
    rows = await call.session.execute(READ, {"tenant": call.actor.tenant, "ids": list(ids)})
    return {row.id: Contact.from_json(row.record) for row in rows}


async def states(call: Call, ids: Iterable[UUID], *, lock: bool = False) -> Mapping[UUID, ContactState]:
    """Contacts by id, deleted ones too; `lock` holds them in the order of their ids until the transaction ends."""
    wanted = {"tenant": call.actor.tenant, "ids": sorted(set(ids))}
    if not wanted["ids"]:
        return {}
    if lock:
        # Not in one statement: what hangs on a row that was waited for would be read as it was before.
        await call.session.execute(HOLD, wanted)
    return {row.id: state(row) for row in await call.session.execute(STATES, wanted)}


def state(row: Row[tuple[object, ...]]) -> ContactState:
    """A contact as its row tells it."""
    return ContactState(
        id=row.id,
        version=row.version,
        deleted=row.deleted,
        first_name=row.first_name,
        last_name=row.last_name,
        title=row.title,
        city=row.city,
        country=row.country,
        owner_id=row.owner_id,
        emails=[address(*each) for each in row.emails or ()],
        phones=[Phone(*each) for each in row.phones or ()],
        external_ids=[ForeignId(*each) for each in row.external_ids or ()],
        props=row.props,
        company=Employer(row.company_id, row.company_name) if row.company_id else None,
    )


def address(raw: str, key: str, opted_out: bool, bounced: bool, basis: str | None) -> Address:
    """An address as its row tells it."""
    return Address(raw, key, Consent(opted_out, bounced, basis))
