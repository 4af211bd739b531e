"""`credentials.json`: the two addresses, and keys of people and agents to try the system with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kontor_cli.failure import Failure

KEYS = ("admin_key", "sales_key", "agent_key", "agent_admin_key", "operator_key", "viewer_key")
OTHER = "other"


@dataclass(frozen=True, slots=True)
class TenantCredentials:
    """One tenant's keys by name, without the `_key` the file adds."""

    tenant: str
    slug: str
    keys: Mapping[str, str]

    def key(self, name: str) -> str:
        """The key of that name; raises Failure naming those there are."""
        if name not in self.keys:
            raise Failure(f"credentials.json has no key {name!r}.", f"It has: {', '.join(sorted(self.keys))}.")
        return self.keys[name]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the file says: the demo tenant, the other one, and where the stack answers."""

    edge_url: str
    mcp_url: str
    demo: TenantCredentials
    other: TenantCredentials

    def to_json(self) -> str:
        """The file's text."""
        addresses = {"edge_url": self.edge_url, "mcp_url": self.mcp_url}
        whole = {**addresses, **_told(self.demo), OTHER: {**addresses, **_told(self.other)}}
        return json.dumps(whole, indent=2) + "\n"

    def of(self, slug: str) -> TenantCredentials:
        """The keys of a tenant by its slug; raises Failure."""
        for each in (self.demo, self.other):
            if slug in (each.slug, each.tenant):
                return each
        raise Failure(f"credentials.json has no tenant {slug!r}.", f"It has: {self.demo.slug}, {self.other.slug}.")


def read_credentials(path: Path) -> Credentials:
    """Reads the file; raises Failure if there is none that can be read."""
    try:
        value = json.loads(path.read_text())
        return Credentials(value["edge_url"], value["mcp_url"], _read(value), _read(value[OTHER]))
    except FileNotFoundError as error:
        raise Failure(f"There is no {path}.", "Start the stack first: kontor up") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} cannot be read: {error!r}.", "Delete it; kontor up writes a new one.") from error


def _told(one: TenantCredentials) -> dict[str, str]:
    named = {f"{name}_key": key for name, key in one.keys.items()}
    ordered = sorted(named, key=lambda name: KEYS.index(name) if name in KEYS else len(KEYS))
    return {"tenant": one.tenant, "slug": one.slug, **{name: named[name] for name in ordered}}


def _read(value: Mapping[str, str]) -> TenantCredentials:
    keys = {name.removesuffix("_key"): key for name, key in value.items() if name.endswith("_key")}
    if missing := [name for name in KEYS if name.removesuffix("_key") not in keys]:
        raise KeyError(*missing)
    return TenantCredentials(value["tenant"], value["slug"], keys)
