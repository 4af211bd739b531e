"""Who a person is here: the ids they have and had, and the activities that are about them alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.record.redirects import present
from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

FAMILY = text(
    """
    SELECT r.id FROM record r WHERE r.tenant_id = :tenant AND r.object_type = 'contact' AND (r.id = :id
        OR r.id IN (SELECT d.old_id FROM redirect d WHERE d.tenant_id = :tenant AND d.present_id = :id))
    ORDER BY r.id <> :id, r.id
    """
)
# Companies and deals beside the person do not make an activity another person's; another contact does.
OWN = text(
    """
    SELECT DISTINCT l.activity_id FROM activity_link l
    WHERE l.tenant_id = :tenant AND l.record_id = ANY(CAST(:ids AS uuid[])) AND NOT EXISTS (
        SELECT FROM activity_link o JOIN record r ON r.tenant_id = :tenant AND r.id = o.record_id
        WHERE o.tenant_id = :tenant AND o.activity_id = l.activity_id AND r.object_type = 'contact'
            AND o.record_id <> ALL(CAST(:ids AS uuid[])))
    ORDER BY l.activity_id
    """
)
ADDRESSES = text(
    """
    SELECT email_key AS address FROM contact_email WHERE tenant_id = :tenant AND contact_id = ANY(CAST(:ids AS uuid[]))
    UNION SELECT e164 FROM contact_phone
    WHERE tenant_id = :tenant AND contact_id = ANY(CAST(:ids AS uuid[])) AND e164 <> '' ORDER BY address
    """
)
IMPORTS = text(
    """
    SELECT DISTINCT import_id FROM import_row
    WHERE tenant_id = :tenant AND record_id = ANY(CAST(:ids AS uuid[])) ORDER BY import_id
    """
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A person: ids with the present one first, own activities, addresses and numbers, imports that had them."""

    ids: Sequence[UUID] = ()
    activities: Sequence[UUID] = ()
    addresses: Sequence[str] = ()
    imports: Sequence[UUID] = ()

    @property
    def records(self) -> Sequence[UUID]:
        """Every record that goes with the person."""
        return (*self.ids, *self.activities)

    def values(self, tenant: UUID) -> Mapping[str, object]:
        """The person as the parameters of a statement."""
        return {
            "tenant": tenant,
            "ids": array(self.ids),
            "activities": array(self.activities),
            "records": array(self.records),
            "addresses": array(self.addresses),
            "imports": array(self.imports),
        }


async def family(call: Call, subject: str) -> Sequence[UUID]:
    """Every id under which a contact is kept, the present one first; none if it is not kept, or is no contact."""
    asked = UUID(subject)
    stands = (await present(call, [asked]))[asked]
    return (await call.session.execute(FAMILY, {"tenant": call.actor.tenant, "id": stands})).scalars().all()


async def subject_of(call: Call, subject: str) -> Subject:
    """The person of an id, with nothing in it if nothing is kept."""
    ids = await family(call, subject)
    if not ids:
        return Subject()
    values = {"tenant": call.actor.tenant, "ids": array(ids)}
    found = [(await call.session.execute(each, values)).scalars().all() for each in (OWN, ADDRESSES, IMPORTS)]
    return Subject(ids, *found)
