"""What one tenant allows: its mode, its tools, its roles, its limits and its switches."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from kontor_platform.contract.canonical import fingerprint
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import NotFound, PermissionDenied, Refusal, RoleRequired
from kontor_platform.runtime.principal import Principal

Mode = Literal["verified", "compat", "strict"]
TENANT_PER_MINUTE = 120
ACTOR_PER_MINUTE = 60
KEY_PER_MINUTE = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a minute: per tenant and class, per actor, per role, per key, and per actor and tool."""

    every: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    per_actor: int = 0
    per_key: int = 0
    roles: Mapping[str, int] = field(default_factory=dict)
    tools: Mapping[str, int] = field(default_factory=dict)

    def tenant(self, limit_class: str) -> int:
        """The calls of one class that a tenant may make."""
        return self.classes.get(limit_class) or self.every or TENANT_PER_MINUTE

    def actor(self) -> int:
        """The calls of any kind that one actor may make."""
        return self.per_actor or self.every or ACTOR_PER_MINUTE

    def key(self, own: int) -> int:
        """The calls that one key may make, `own` being its own budget (0: it has none)."""
        return own or self.per_key or self.every or KEY_PER_MINUTE

    def tool(self, operation: Operation) -> int:
        """The calls of one operation that an actor may make, 0 for no limit of its own."""
        named = self.tools.get(operation.name)
        if named is not None:
            return named
        declared = operation.policy.per_actor_per_minute
        return max(declared, self.every) if declared else 0

    def role(self, roles: Collection[str]) -> int:
        """The calls that an actor may make by its roles: the widest of them, 0 if none is limited or one is free."""
        limits = [self.roles.get(role, 0) for role in roles]
        return max(limits) if limits and all(limits) else 0


@dataclass(frozen=True, slots=True)
class TenantPolicy:
    """Decides what a tenant's principals may call; it can narrow the policy of an operation, never widen it."""

    mode: Mode = "verified"
    limits: Limits = field(default_factory=Limits)
    allowed: frozenset[str] | None = None
    denied: frozenset[str] = frozenset()
    narrowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    off: bool = False
    actors_off: frozenset[UUID] = frozenset()
    tools_off: frozenset[str] = frozenset()
    catalog_search: bool = False

    def refuse(self, principal: Principal, operation: Operation) -> Refusal | None:
        """Says why the principal may not call the operation, None if it may."""
        if not self.offers(operation):
            return NotFound(f"There is no operation {operation.name}.")
        return self._switched_off(principal, operation) or self._role_missing(principal, operation)

    def offers(self, operation: Operation) -> bool:
        """Says whether the operation exists for this tenant at all."""
        if not operation.policy.tool:
            return True
        listed = self.allowed is None or operation.name in self.allowed
        return listed and operation.name not in self.denied

    def visible(self, operation: Operation, roles: Collection[str]) -> bool:
        """Says whether a principal with these roles finds the operation in its list of tools."""
        return self.offers(operation) and not self.roles(operation).isdisjoint({*roles, "all"})

    def roles(self, operation: Operation) -> frozenset[str]:
        """The roles that may call the operation here."""
        declared = operation.policy.roles
        named = self.narrowed.get(operation.name)
        if named is None:
            return declared
        return (named if "all" in declared else named & declared) | {"admin"}

    def policy_version(self, operation: Operation) -> str:
        """SHA-256 of the effective policy for this one operation; an approval given under another version is void."""
        policy = operation.policy
        return fingerprint(
            {
                "mode": self.mode,
                "offered": self.offers(operation),
                "roles": sorted(self.roles(operation)),
                "effect": str(policy.effect),
                "approval": str(policy.approval),
                "open_world": policy.open_world,
                "preview": policy.preview,
                "cost": policy.cost,
                "per_minute": self.limits.tool(operation),
            }
        )

    def _switched_off(self, principal: Principal, operation: Operation) -> Refusal | None:
        if self.off:
            return PermissionDenied("This tenant is switched off by its operator.")
        if principal.actor in self.actors_off:
            return PermissionDenied("This actor is switched off by the operator.")
        if operation.name in self.tools_off:
            return PermissionDenied(f"{operation.name} is switched off by the operator.")
        return None

    def _role_missing(self, principal: Principal, operation: Operation) -> Refusal | None:
        needed = self.roles(operation)
        if "all" in needed or not needed.isdisjoint(principal.roles):
            return None
        return RoleRequired(f"{operation.name} needs one of: {', '.join(sorted(needed))}")
