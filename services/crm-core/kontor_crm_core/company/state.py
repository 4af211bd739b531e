"""A company as a value: what it holds, and how the change log tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kontor_crm_core.record.lookups import ForeignId
from kontor_platform.contract.problem import JSON


@dataclass(frozen=True, slots=True)
class CompanyState:
    """A company; `domains` has the primary one first, `props` maps ids of properties to stored values.

    `version` is 0 before it is first written. `phone` is in E.164 form where it could be read.
    """

    id: UUID
    version: int = 0
    deleted: bool = False
    name: str = ""
    industry: str | None = None
    employees: int | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None
    description: str | None = None
    owner_id: UUID | None = None
    domains: Sequence[str] = ()
    external_ids: Sequence[ForeignId] = ()
    props: Mapping[str, JSON] = field(default_factory=dict)

    def told(self) -> dict[str, JSON]:
        """Every field as the change log tells it; None, empty texts and lists say that there is nothing."""
        return {
            "name": self.name,
            "industry": self.industry,
            "employees": self.employees,
            "phone": self.phone,
            "city": self.city,
            "country": self.country,
            "description": self.description,
            "owner_id": str(self.owner_id) if self.owner_id else None,
            "domains": list(self.domains),
            "external_ids": [str(each) for each in self.external_ids],
        }
