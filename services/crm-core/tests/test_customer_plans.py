"""Under forced row security the application role reads customers by ranges of indexes only."""

from typing import Any
from uuid import UUID

from sqlalchemy import Executable

from kontor_crm_core.association.queries import REACHED
from kontor_crm_core.company.queries import FIND as FIND_COMPANY
from kontor_crm_core.contact.queries import FIND as FIND_CONTACT
from kontor_crm_core.record.queries import COUNTS_OF_ONE, HISTORY, RECORD
from support.filled import Filled


def test_every_query_is_a_range_of_an_index(filled: Filled) -> None:
    """Matching and reading are done without a scan of what belongs to others."""
    tenant, contact = filled.home.tenant, str(some_contact(filled))
    both: dict[str, Any] = {"tenant": tenant, "types": ["contact", "company"]}
    one = {"tenant": tenant, "id": contact}
    links = {"type": "", "label": "", "record_type": "", "record": contact, "most": 1001, "limit": 11}
    first = {"after_depth": 0, "after_far": UUID(int=0), "after_type": "", "after_forward": False}
    foreign = {"systems": ["hubspot"], "values": ["7"]}
    queries: dict[str, tuple[str | Executable, dict[str, Any]]] = {
        "record": (RECORD, one),
        "history": (HISTORY, one | {"limit": 20}),
        "counts": (COUNTS_OF_ONE, one),
        "links": (REACHED, both | links | first | {"depth": 1}),
        "links in two steps": (REACHED, both | links | first | {"depth": 2}),
        "contact by keys": (FIND_CONTACT, both | foreign | {"emails": ["p30777@x.example"], "phones": ["+4930777"]}),
        "company by keys": (FIND_COMPANY, both | foreign | {"domains": ["d7.example"], "name": "lasth"}),
    }
    filled.wasted = {}
    for name, (statement, values) in queries.items():
        filled.check(name, statement, values)
    assert filled.wasted == {}


def some_contact(filled: Filled) -> UUID:
    """A contact like most others."""
    found = "SELECT contact_id FROM contact_email WHERE tenant_id = %s AND email_key = 'p30777@x.example'"
    row = filled.connection.execute(found, (filled.home.tenant,)).fetchone()
    assert row is not None
    contact: UUID = row[0]
    return contact
