"""Tables of companies and of what identifies them."""

from uuid import UUID

from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Entity, Table
from kontor_platform.data.tables import key


class CompanyRow(Entity, table=True):
    """An organisation."""

    __tablename__ = "company"

    name: str
    name_key: str = key()
    industry: str | None = None
    employees: int | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None
    industry_key: str | None = key(default=None)
    city_key: str | None = key(default=None)
    country_key: str | None = key(default=None)
    description: str | None = None
    owner_id: UUID | None = None


class CompanyDomain(Table, table=True):
    """A domain of a company; a live one belongs to one company only."""

    __tablename__ = "company_domain"

    company_id: UUID = Field(primary_key=True)
    domain: str = key(primary_key=True)
    position: int
    live: bool = True


COMPANIES = REGISTRY.metadata.tables["company"]
COMPANY_DOMAINS = REGISTRY.metadata.tables["company_domain"]
