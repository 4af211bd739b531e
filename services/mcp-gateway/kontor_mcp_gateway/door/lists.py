"""The lists of tools as callers see them, made once per policy, set of roles and profile: as values and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from kontor_mcp_gateway.catalogue.catalogue import Catalogue
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.profile import Profile
from kontor_mcp_gateway.door import searching
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.tenant_policy import TenantPolicy

MAX_LISTS = 1_000
LIST_TTL_MS = 60_000
Key = tuple[int, frozenset[str], Profile]


@dataclass(frozen=True)
class Listing:
    """The tools that some callers see. It holds the policy itself, so that its id cannot come to mean another one."""

    policy: TenantPolicy
    tools: Sequence[Mapping[str, Any]]

    @cached_property
    def json(self) -> str:
        """The tools as a JSON array."""
        return json.dumps(self.tools, separators=(",", ":"))


class Lists:
    """The lists of the present catalogue; another catalogue begins with none."""

    def __init__(self, feed: Feed, config: ServerConfig) -> None:
        self._feed, self._config = feed, config
        self._made: tuple[Catalogue, dict[Key, Listing]] = (feed.present, {})

    def of(self, principal: Principal, profile: Profile) -> Listing:
        """The tools of the caller's roles, tenant and profile."""
        policy, catalogue = self._config.tenant(principal.slug), self._feed.present
        if self._made[0] is not catalogue or len(self._made[1]) >= MAX_LISTS:
            self._made = (catalogue, {})
        made, key = self._made[1], (id(policy), principal.roles, profile)
        if key not in made:
            made[key] = Listing(policy, listed(catalogue, policy, principal.roles, profile))
        return made[key]


def listed(
    catalogue: Catalogue, policy: TenantPolicy, roles: frozenset[str], profile: Profile
) -> Sequence[Mapping[str, Any]]:
    """The tools in the order of their names, the search of the catalogue among them where the tenant has it."""
    tools = catalogue.listed(policy, roles, profile)
    return sorted([searching.LISTED, *tools], key=itemgetter("name")) if policy.catalog_search else tools
