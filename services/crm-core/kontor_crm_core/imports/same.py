"""What makes importing the same file again right: rows without keys that are there, contacts an import took back."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.contact.reading import states
from kontor_crm_core.contact.rules import display_name
from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.contact.wanted import TEXTS, WantedContact
from kontor_crm_core.record.upserting import Match, RecordDeleted
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

NAMESAKES = 5
TAKEN_BACK = text(
    """
    SELECT last.record_id FROM unnest(CAST(:ids AS uuid[])) AS told(id) CROSS JOIN LATERAL (
        SELECT c.record_id, c.operation_id FROM record_change c
        WHERE c.tenant_id = :tenant AND c.record_id = told.id ORDER BY c.version DESC LIMIT 1
    ) AS last JOIN operation o ON o.tenant_id = :tenant AND o.id = last.operation_id AND o.kind = 'import_revert'
    """
)
FIND = text(
    f"""
    SELECT found.id FROM unnest(CAST(:names AS text[])) AS told(name) CROSS JOIN LATERAL (
        SELECT c.id FROM contact c
        WHERE c.tenant_id = :tenant AND c.name_key = told.name AND c.deleted_at IS NULL ORDER BY c.id LIMIT {NAMESAKES}
    ) AS found
    """
)


async def identical(call: Call, wanted: Sequence[WantedContact]) -> Mapping[int, UUID]:
    """Contacts that already hold all that a wish without keys says, by the identity of the wish."""
    keyless = [(each, name_key(each)) for each in wanted if not has_key(each)]
    if not keyless:
        return {}
    names = sorted({name for _, name in keyless})
    found = (await call.session.execute(FIND, {"tenant": call.actor.tenant, "names": names})).scalars().all()
    by_name: dict[str, list[ContactState]] = {}
    for state in (await states(call, found)).values():
        by_name.setdefault(fold(state.name), []).append(state)
    present = ((each, next((s for s in by_name.get(name, ()) if holds(s, each)), None)) for each, name in keyless)
    return {id(each): state.id for each, state in present if state}


async def forgiven(call: Call, matches: Sequence[Match]) -> list[Match]:
    """The matches where contacts that were deleted as an import was taken back are as if they had never been."""
    deleted = {UUID(each) for match in matches if isinstance(match, RecordDeleted) for each in match.ids}
    if not deleted:
        return list(matches)
    found = await call.session.execute(TAKEN_BACK, {"tenant": call.actor.tenant, "ids": sorted(deleted)})
    gone = {str(each) for each in found.scalars()}
    return [None if isinstance(each, RecordDeleted) and gone.issuperset(each.ids) else each for each in matches]


def has_key(wanted: WantedContact) -> bool:
    """Whether anything of a wish could find a contact."""
    wish = wanted.wish
    unique = any(each.unique_key for each in wish.properties)
    return bool(wish.id or wish.external_ids or wanted.emails or unique or any(each.e164 for each in wanted.phones))


def name_key(wanted: WantedContact) -> str:
    """The name a contact made of the wish would be compared by."""
    fields = wanted.wish.fields
    first, last = str(fields.get("first_name") or ""), str(fields.get("last_name") or "")
    return fold(display_name(first, last, [each.raw for each in wanted.phones]))


def holds(state: ContactState, wanted: WantedContact) -> bool:
    """Whether a contact has nothing else and nothing less than a wish says."""
    wish = wanted.wish
    texts = all((getattr(state, name) or "") == (wish.fields.get(name) or "") for name in TEXTS)
    numbers = [each.key for each in state.phones] == [each.key for each in wanted.phones]
    properties = all(state.props.get(str(each.property_id)) == each.value for each in wish.properties)
    company = fold(wanted.employer.name) in ("", fold(state.company.name) if state.company else "")
    return texts and numbers and properties and company and not state.emails and not state.external_ids
