"""Knows services by their own keys."""

import hmac
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from kontor_crm_governance.door.keyring import Admission
from kontor_platform.runtime.principal import SYSTEM_TENANT, Principal, TenantSettings
from kontor_platform.runtime.settings import MissingSecret

SYSTEM_SLUG = "system"


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant in which a service works."""

    id: UUID
    slug: str
    settings: TenantSettings


SYSTEM = Place(SYSTEM_TENANT, SYSTEM_SLUG, TenantSettings())


class ServiceKeys:
    """The keys of all services: one file each, named after the service."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise MissingSecret(f"SERVICE_KEYS_DIR names {directory.name}, which is no directory")
        self._directory = directory

    def name(self, key: str) -> str:
        """The service that holds the key, empty if none does; every file is compared."""
        names = [file.name for file in sorted(self._directory.iterdir()) if _same(file, key)]
        return names[0] if key and names else ""


def _same(file: Path, key: str) -> bool:
    return hmac.compare_digest(file.read_text().strip().encode(), key.encode())


def service_admission(name: str, place: Place = SYSTEM) -> Admission:
    """What a service is inside: an admin of the tenant it works in."""
    principal = Principal(
        tenant=place.id,
        slug=place.slug,
        actor=actor_of(name),
        kind="service",
        roles=frozenset({"admin"}),
        door="internal",
        key=f"service:{name}",
        name=name,
        settings=place.settings,
    )
    return Admission(principal)


def actor_of(name: str) -> UUID:
    """The id under which a service acts."""
    return uuid5(SYSTEM_TENANT, name)
