"""A tenant of its own for a test, made by crm-governance's own rpc."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import grpc
from kontor_protos.kontor.governance.v1.tenants_pb import CreatedTenant, CreateTenantRequest, IssuedKey

from kontor_platform.runtime.principal import SYSTEM_TENANT, Principal
from support.stack import Stack

GOVERNANCE = "crm-governance"
CREATE = "/kontor.governance.v1.Tenants/CreateTenant"
SECONDS = 10


@dataclass(frozen=True)
class Tenant:
    """A tenant with everybody in it; `slug` is in no server.yaml, so the default limits and mode hold."""

    id: UUID
    slug: str
    issued: Mapping[str, IssuedKey]

    def key(self, name: str) -> str:
        """The API key of `admin`, `approver`, `sales`, `agent`, `agent_admin`, `operator` or `viewer`."""
        return self.issued[f"{name}_key"].secret

    def actor(self, name: str) -> UUID:
        """The holder of a key."""
        return UUID(self.issued[f"{name}_key"].actor_id)


def create_tenant(stack: Stack) -> Tenant:
    """Makes a tenant, as `kontor tenant create` would, in one call."""
    service = Principal(
        tenant=SYSTEM_TENANT,
        slug="system",
        actor=uuid4(),
        kind="service",
        roles=frozenset({"admin"}),
        on_behalf_of=None,
        door="internal",
        key=str(uuid4()),
    )
    slug = f"t-{uuid4().hex[:12]}"
    request = CreateTenantRequest(
        name="Tenant of a test",
        slug=slug,
        admin_email=f"ada@{slug}.example",
        approver_email=f"bea@{slug}.example",
        demo_keys=True,
    )
    with grpc.insecure_channel(stack.rpc(GOVERNANCE)) as channel:
        create: grpc.UnaryUnaryMultiCallable[CreateTenantRequest, CreatedTenant] = channel.unary_unary(
            CREATE,
            request_serializer=lambda message: message.to_binary(),
            response_deserializer=CreatedTenant.from_binary,
        )
        made = create(request, metadata=(("kontor-passport", stack.passport(service)),), timeout=SECONDS)
    return Tenant(UUID(made.tenant), made.slug, {each.name: each for each in made.keys})
