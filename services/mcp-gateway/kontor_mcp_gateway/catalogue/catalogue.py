"""The catalogue: every tool of every service, immutable, replaced whole."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kontor_mcp_gateway.catalogue.profile import WHOLE, Profile
from kontor_mcp_gateway.catalogue.tool import Tool, compiled
from kontor_platform.contract.image import BadContract, Image
from kontor_platform.contract.names import nearest
from kontor_platform.contract.operation import Operation
from kontor_platform.runtime.tenant_policy import TenantPolicy


class Claimed(ValueError):
    """Two services claim one name or one path."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one service offers: its image, the rpc services behind it, and the tools compiled from both."""

    service: str
    sha: str
    data: bytes
    services: tuple[str, ...]
    tools: tuple[Tool, ...]
    operations: tuple[Operation, ...]

    @classmethod
    def read(cls, service: str, data: bytes, services: Iterable[str]) -> "Offer":
        """Compiles a service's image; raises BadContract or ValueError for one that breaks the rules."""
        image, served = Image.from_bytes(data), tuple(sorted(services))
        operations = tuple(image.operations(served))
        tools = tuple(compiled(service, each) for each in operations if each.policy.tool)
        return cls(service, image.sha, data, served, tools, operations)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Tools by every name they answer to, and which services can be reached."""

    offers: Mapping[str, Offer] = field(default_factory=dict)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    names: Mapping[str, Tool] = field(default_factory=dict)
    unavailable: frozenset[str] = frozenset()

    def find(self, name: str) -> Tool | None:
        """The tool of that canonical name or alias."""
        return self.names.get(name)

    def near(self, name: str, policy: TenantPolicy) -> str:
        """The name nearest to an unknown one among those the tenant has."""
        return nearest(name, [each.name for each in self.tools.values() if policy.offers(each.operation)])

    def with_offer(self, offer: Offer) -> "Catalogue":
        """The catalogue with a service's new offer in place of its last; raises Claimed naming both services."""
        offers = {**self.offers, offer.service: offer}
        names = claimed_names(offers.values())
        claimed_paths(offers.values())
        tools = {tool.name: tool for each in offers.values() for tool in each.tools}
        return Catalogue(offers, dict(sorted(tools.items())), names, self.unavailable)

    def with_unavailable(self, services: Collection[str]) -> "Catalogue":
        """The same catalogue with other services out of reach."""
        return replace(self, unavailable=frozenset(services))

    def listed(self, policy: TenantPolicy, roles: frozenset[str], profile: Profile = WHOLE) -> Sequence[dict[str, Any]]:
        """The tools a principal sees, in the order of their names."""
        offered = (each for each in self.tools.values() if profile.offers(each.operation))
        return [self.told(tool) for tool in offered if policy.visible(tool.operation, roles)]

    def told(self, tool: Tool) -> dict[str, Any]:
        """A tool as MCP lists it, with a word on whether its service answers."""
        if tool.service not in self.unavailable:
            return tool.listed
        return {**tool.listed, "_meta": {**tool.listed["_meta"], "kontor/unavailable": True}}

    def operations(self) -> list[Operation]:
        """Every operation of every service."""
        return [each for offer in self.offers.values() for each in offer.operations]

    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each tool by name."""
        return {name: tool.fingerprint for name, tool in self.tools.items()}


def claimed_names(offers: Iterable[Offer]) -> dict[str, Tool]:
    """Tools by canonical name and alias; raises Claimed."""
    names: dict[str, Tool] = {}
    for tool in (tool for offer in offers for tool in offer.tools):
        for name in (tool.name, *tool.operation.aliases):
            if name in names and names[name] is not tool:
                raise Claimed(f"{names[name].service} and {tool.service} both claim the tool {name}")
            names[name] = tool
    return names


def claimed_paths(offers: Iterable[Offer]) -> None:
    """Holds that no two operations answer one path; raises Claimed."""
    claims: dict[tuple[str, str], str] = {}
    for offer in offers:
        for route in (each.route for each in offer.operations if each.route is not None):
            first = claims.setdefault((route.method, route.path), offer.service)
            if first != offer.service:
                raise Claimed(f"{first} and {offer.service} both claim {route.method} {route.path}")


__all__ = ["BadContract", "Catalogue", "Claimed", "Offer"]
