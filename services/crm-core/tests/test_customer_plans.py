"""Under forced row security the application role reads customers by ranges of indexes only."""

from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import ExternalId
from kontor_protos.kontor.crm.v1.companies_pb import UpsertCompanyRequest
from kontor_protos.kontor.crm.v1.contacts_pb import UpsertContactRequest
from sqlalchemy import Executable

from kontor_crm_core.association.queries import REACHED
from kontor_crm_core.company import matching as company_matching
from kontor_crm_core.company import reading as company_reading
from kontor_crm_core.company import renaming
from kontor_crm_core.company.wanted import wanted_company
from kontor_crm_core.contact import employer
from kontor_crm_core.contact import matching as contact_matching
from kontor_crm_core.contact import reading as contact_reading
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_crm_core.record.finding import finding, used_of
from kontor_crm_core.record.queries import COUNTS_OF_ONE, HISTORY, RECORD
from kontor_platform.runtime.principal import TenantSettings
from support.filled import Filled

FOREIGN = [ExternalId(system="hubspot", value="7")]
CONTACT = UpsertContactRequest(email="p30777@x.example", phone="+49301234567", external_ids=FOREIGN)
COMPANIES = (
    UpsertCompanyRequest(name="lasth", domain="d7.example", external_ids=FOREIGN),
    UpsertCompanyRequest(name="lasth"),
)


def test_every_query_is_a_range_of_an_index(filled: Filled) -> None:
    """Matching and reading are done without a scan of what belongs to others."""
    tenant, contact = filled.home.tenant, str(some_contact(filled))
    both: dict[str, Any] = {"tenant": tenant, "types": ["contact", "company"]}
    one = {"tenant": tenant, "id": contact}
    links = {"type": "", "label": "", "record_type": "", "record": contact, "most": 1001, "limit": 11}
    first = {"after_depth": 0, "after_far": UUID(int=0), "after_type": "", "after_forward": False}
    companies = [wanted_company(each, TenantSettings()) for each in COMPANIES]
    queries: dict[str, tuple[str | Executable, dict[str, Any]]] = {
        "record": (RECORD, one),
        "history": (HISTORY, one | {"limit": 20}),
        "counts": (COUNTS_OF_ONE, one),
        "links": (REACHED, both | links | first | {"activities": False, "depth": 1}),
        "links in two steps": (REACHED, both | links | first | {"activities": False, "depth": 2}),
        **by_keys("contacts", contact_matching, [wanted_contact(CONTACT, TenantSettings())], tenant),
        **by_keys("companies", company_matching, companies, tenant),
        "contacts as plans need them": (contact_reading.STATES, one | {"ids": [contact]}),
        "companies as plans need them": (company_reading.STATES, one | {"ids": [contact]}),
        "companies of contacts": (
            employer.FIND,
            both | {"ids": [UUID(contact)], "domains": ["d7.example"], "names": ["lasth"]},
        ),
        "people of a company": (
            renaming.STAFF,
            both | {"companies": [contact], "after": renaming.FIRST, "limit": 1000},
        ),
    }
    filled.wasted = {}
    for name, (statement, values) in queries.items():
        filled.check(name, statement, values)
    assert filled.wasted == {}


def by_keys(
    noun: str, matching: Any, wanted: list[Any], tenant: UUID
) -> dict[str, tuple[str | Executable, dict[str, Any]]]:
    """The queries that find live and deleted records by keys."""
    keys = matching.sought(wanted)
    live = finding(used_of(keys, matching.BRANCHES), matching.COLUMNS)
    buried = finding(used_of(keys, matching.BURIED_BRANCHES), matching.BURIED_COLUMNS)
    values = keys.values(tenant)
    return {f"{noun} by keys": (live, values), f"deleted {noun} by keys": (buried, values)}


def some_contact(filled: Filled) -> UUID:
    """A contact like most others."""
    found = "SELECT contact_id FROM contact_email WHERE tenant_id = %s AND email_key = 'p30777@x.example'"
    row = filled.connection.execute(found, (filled.home.tenant,)).fetchone()
    assert row is not None
    contact: UUID = row[0]
    return contact
