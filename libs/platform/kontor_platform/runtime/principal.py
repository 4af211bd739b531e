"""Who calls."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Kind = Literal["user", "agent", "service"]
Door = Literal["edge", "gateway", "facade", "internal"]

SYSTEM_TENANT = UUID("00000000-0000-7000-8000-000000000000")


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """What a tenant's dates, phones and money are read by."""

    time_zone: str = "UTC"
    region: str = "US"
    currency: str = "USD"
    fiscal_month: int = 1


@dataclass(frozen=True, slots=True)
class Principal:
    """The actor behind a call, as the passport tells it."""

    tenant: UUID
    slug: str
    actor: UUID
    kind: Kind
    roles: frozenset[str]
    door: Door
    key: str
    on_behalf_of: UUID | None = None
    name: str = ""
    settings: TenantSettings = field(default_factory=TenantSettings)

    @property
    def through_gateway(self) -> bool:
        """Whether the call came through the gateway, over MCP or as REST, which audits it and asks for consent."""
        return self.door in ("gateway", "facade")

    @property
    def owner(self) -> UUID | None:
        """Who owns what the call creates: the person acted for, else the actor if a person."""
        return self.on_behalf_of or (self.actor if self.kind == "user" else None)
