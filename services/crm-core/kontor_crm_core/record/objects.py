"""The kinds of record this service holds, and the one writer of them."""

from collections.abc import Mapping
from uuid import UUID

from kontor_crm_core.activity.models import ACTIVITIES
from kontor_crm_core.company.models import COMPANIES, COMPANY_DOMAINS
from kontor_crm_core.contact.models import CONTACT_EMAILS, CONTACT_PHONES, CONTACTS
from kontor_crm_core.deal.models import DEALS
from kontor_crm_core.record.models import EXTERNAL_IDS
from kontor_platform.data.records.clashes import refusal_of_clash
from kontor_platform.data.records.planned import Clashes, Planned, Shelf
from kontor_platform.data.records.write import ObjectTable, Writer, Written
from kontor_platform.runtime.call import Call

FOREIGN = Shelf(EXTERNAL_IDS, "record_id", ("system", "value"), scope=("object_type",))
EMAILS = Shelf(CONTACT_EMAILS, "contact_id", ("email_key",))
PHONES = Shelf(CONTACT_PHONES, "contact_id", ("phone_key",), exclusive=False)
DOMAINS = Shelf(COMPANY_DOMAINS, "company_id", ("domain",))
OBJECTS: Mapping[str, ObjectTable] = {
    "contact": ObjectTable(
        CONTACTS, (EMAILS, PHONES, FOREIGN), folded=("first_name", "last_name", "title", "city", "country")
    ),
    "company": ObjectTable(COMPANIES, (DOMAINS, FOREIGN), folded=("industry", "city", "country")),
    "deal": ObjectTable(DEALS, (FOREIGN,)),
    "task": ObjectTable(ACTIVITIES, folded=("subject",)),
    "activity": ObjectTable(ACTIVITIES, folded=("subject",)),
}
WRITER = Writer(OBJECTS)


async def write(call: Call, *planned: Planned) -> Mapping[UUID, Written]:
    """Stores what one call planned; raises VersionConflict, IdentityTaken or UniqueTaken."""
    try:
        return await WRITER.apply(call, planned)
    except Clashes as clashes:
        raise refusal_of_clash(clashes) from clashes
