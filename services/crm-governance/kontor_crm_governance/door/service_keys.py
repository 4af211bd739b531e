"""Knows services by their own keys."""

import hmac
from pathlib import Path
from uuid import UUID, uuid5

from kontor_crm_governance.door.keyring import Admission
from kontor_platform.runtime.principal import SYSTEM_TENANT, Principal
from kontor_platform.runtime.settings import MissingSecret

SYSTEM_SLUG = "system"


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


def service_admission(name: str) -> Admission:
    """What a service is inside: an admin of the system's own tenant."""
    principal = Principal(
        tenant=SYSTEM_TENANT,
        slug=SYSTEM_SLUG,
        actor=actor_of(name),
        kind="service",
        roles=frozenset({"admin"}),
        door="internal",
        key=f"service:{name}",
        name=name,
    )
    return Admission(principal)


def actor_of(name: str) -> UUID:
    """The id under which a service acts."""
    return uuid5(SYSTEM_TENANT, name)
