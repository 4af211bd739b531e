"""The services that exist here, known by name only: none is imported."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

GATEWAY = "mcp-gateway"
GOVERNANCE = "crm-governance"
# Those that do work nobody waits for, in a second process.
WITH_WORKER = ("crm-core",)
# In the order in which they start; those that are not installed are left out.
NAMES = (GOVERNANCE, "crm-core", "memory", "reporting", "chat", GATEWAY)


@dataclass(frozen=True, slots=True)
class InstalledService:
    """A service that is installed."""

    name: str
    migrations: Path

    @property
    def package(self) -> str:
        """Its Python package, run by `python -m`."""
        return package_of(self.name)

    @property
    def has_worker(self) -> bool:
        """Whether it runs a worker beside it."""
        return self.name in WITH_WORKER

    @property
    def worker(self) -> str:
        """The name of its worker."""
        return f"{self.name}-worker"

    @property
    def schema(self) -> str:
        """Its schema, and the prefix of its database roles."""
        return self.name.replace("-", "_")

    @property
    def prefix(self) -> str:
        """The prefix of its own environment variables."""
        return self.schema.upper()


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service; the first is number 1 and has the service's own name."""

    service: InstalledService
    number: int

    @property
    def name(self) -> str:
        """Its name among the programs."""
        return self.service.name if self.number == 1 else f"{self.service.name}-{self.number}"


def is_replica(name: str, service: str) -> bool:
    """Whether a program is the service of that name or another replica of it."""
    rest = name.removeprefix(f"{service}-")
    return name == service or (name != rest and rest.isdecimal())


def package_of(name: str) -> str:
    """The Python package of a service."""
    return f"kontor_{name.replace('-', '_')}"


def installed_services() -> list[InstalledService]:
    """The services whose packages can be found."""
    found = [(name, find_spec(package_of(name))) for name in NAMES]
    return [
        InstalledService(name, Path(spec.origin).resolve().parents[1] / "migrations")
        for name, spec in found
        if spec is not None and spec.origin is not None
    ]
