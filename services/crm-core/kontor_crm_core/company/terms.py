"""What a company is found by."""

from collections.abc import Iterable, Iterator

from kontor_crm_core.company.state import CompanyState
from kontor_crm_core.identity.parse import digits, parse_phone
from kontor_platform.data.records import terms
from kontor_platform.data.records.terms import Field, Plain


def company_terms(state: CompanyState, region: str, properties: Iterable[Plain] = ()) -> dict[str, int]:
    """The terms of a company with the bits of their fields; `properties` are those of searched ones."""
    return terms.gathered(terms_of(state, region, properties))


def terms_of(state: CompanyState, region: str, properties: Iterable[Plain]) -> Iterator[Plain]:
    """Every term, in no order."""
    yield from terms.of_text(state.name, Field.NAME)
    for domain in state.domains:
        yield from terms.of_domain(domain)
    if state.phone:
        phone = parse_phone(state.phone, region)
        yield from terms.of_phone(phone.e164 or "", phone.national_digits or digits(phone.raw))
    for foreign in state.external_ids:
        yield from terms.of_external_id(foreign.value)
    for text, field in ((state.industry, Field.TITLE), (state.city, Field.CITY)):
        if text:
            yield from terms.of_text(text, field)
    yield from properties
