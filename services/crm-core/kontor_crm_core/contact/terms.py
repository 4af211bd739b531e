"""What a contact is found by."""

from collections.abc import Iterable, Iterator

from kontor_crm_core.contact.blocks import block_keys
from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.identity.parse import digits
from kontor_platform.data.records import terms
from kontor_platform.data.records.terms import Field, Plain


def contact_terms(state: ContactState, properties: Iterable[Plain] = ()) -> dict[str, int]:
    """The terms of a contact with the bits of their fields; `properties` are those of searched ones."""
    return terms.gathered(terms_of(state, properties))


def terms_of(state: ContactState, properties: Iterable[Plain]) -> Iterator[Plain]:
    """Every term, in no order."""
    yield from terms.of_text(state.name, Field.NAME)
    for address in state.emails:
        yield from terms.of_email(address.key)
    for phone in state.phones:
        yield from terms.of_phone(phone.e164 or "", phone.national_digits or digits(phone.raw))
    for foreign in state.external_ids:
        yield from terms.of_external_id(foreign.value)
    for text, field in (
        (state.company.name if state.company else None, Field.COMPANY),
        (state.title, Field.TITLE),
        (state.city, Field.CITY),
    ):
        if text:
            yield from terms.of_text(text, field)
    company = state.company.name if state.company else ""
    for key in block_keys(state.first_name or "", state.last_name or "", [each.key for each in state.emails], company):
        yield from terms.of_block(key)
    yield from properties
