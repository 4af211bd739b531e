"""Creates companies and brings present ones to what is wished."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_crm_core.company.models import CompanyRow
from kontor_crm_core.company.queries import domains
from kontor_crm_core.company.wanted import WantedCompany
from kontor_crm_core.record.identities import (
    Identifying,
    changed_shelves,
    external_ids,
    first_shelves,
    foreign_rows,
)
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.objects import DOMAINS, FOREIGN
from kontor_crm_core.record.values import MultiValueMode, combined
from kontor_crm_core.record.wishes import Written, told_field
from kontor_crm_core.record.writer import check_version, created, locked, updated
from kontor_platform.contract.problem import JSON, InvalidField, NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call, Change


@dataclass(frozen=True, slots=True)
class Identities:
    """What identifies a company, primary ones first."""

    domains: Sequence[str]
    external_ids: Sequence[ForeignId]

    def told(self) -> dict[str, JSON]:
        """Identities as a change tells them."""
        return {
            "domains": list(self.domains),
            "external_ids": [f"{each.system}:{each.value}" for each in self.external_ids],
        }


async def create(call: Call, wanted: WantedCompany) -> Written:
    """Makes a company of a wish that no present one fits.

    Raises InvalidField without a name, IdentityTaken, and NotFound where values were only to be taken away.
    """
    if wanted.mode is MultiValueMode.REMOVE:
        raise NotFound("No company has these values.")
    if not wanted.name:
        raise InvalidField("No company has these keys, and a new one needs a name.", field="name")
    holds = Identities(wanted.domains, wanted.external_ids)
    fields: dict[str, Any] = {"owner_id": call.actor.owner} | wanted.fields
    row = CompanyRow(
        tenant_id=call.actor.tenant,
        id=new_id(),
        name_key=fold(wanted.name),
        created_at=call.now,
        updated_at=call.now,
        **fields,
    )
    begun = {name: told_field(value) for name, value in fields.items()} | holds.told()
    await created(call, "company", row, begun, shelves=first_shelves(identifying(holds)))
    if not (wanted.domains or wanted.external_ids or wanted.name_key):
        wanted.notes.warn("no_identity", "Without a domain or external id a repeat makes a second company.")
    return Written(row.id, "created", [name for name, value in begun.items() if value not in (None, [])])


async def change(call: Call, company: UUID, wanted: WantedCompany, version: int | None) -> Written:
    """Brings a present company to what is wished; raises NotFound, Gone, VersionConflict or IdentityTaken."""
    present = await locked(call, "company", company)
    held = Identities(await domains(call, company), await external_ids(call, company))
    holds = merged(held, wanted)
    before = {name: told_field(present[name]) for name in wanted.fields} | held.told()
    after = {name: told_field(value) for name, value in wanted.fields.items()} | holds.told()
    changes = [Change(name, before[name], after[name]) for name in after if before[name] != after[name]]
    check_version(version, present["version"], changes)
    if not changes:
        return Written(company, "unchanged", ())
    values: dict[str, object] = dict(wanted.fields)
    if wanted.name:
        values["name_key"] = fold(wanted.name)
    shelves = await changed_shelves(call, company, identifying(holds))
    await updated(call, "company", company, version, changes, values, shelves=shelves)
    return Written(company, "updated", [each.field for each in changes])


def merged(held: Identities, wanted: WantedCompany) -> Identities:
    """What identifies the company after the wish."""
    kept_domains = () if "domains" in wanted.clear else held.domains
    kept_ids = () if "external_ids" in wanted.clear else held.external_ids
    return Identities(
        combined(kept_domains, wanted.domains, wanted.mode, lambda each: each),
        combined(kept_ids, wanted.external_ids, wanted.mode, lambda each: each),
    )


def identifying(holds: Identities) -> Identifying:
    """Identities as the rows that keep them."""
    rows = [{"domain": domain, "position": at} for at, domain in enumerate(holds.domains)]
    return {DOMAINS: rows, FOREIGN: foreign_rows("company", holds.external_ids)}
