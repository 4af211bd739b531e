"""Services ask who works in a tenant, each as itself and inside that tenant alone."""

from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import grpc
import pytest
from kontor_protos.kontor.governance.v1 import passports_pb, users_pb

from kontor_platform.contract.problem import NotFound, PermissionDenied, Refusal
from kontor_platform.runtime.grpc_errors import refusal_from
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import KeySet, PassportSigner, PassportVerifier
from support.stack import Stack
from support.tenants import Tenant, create_tenant

NAME = "crm-governance"


@dataclass(frozen=True)
class CrmCore:
    """The service that asks."""

    stack: Stack
    channel: grpc.aio.Channel

    async def passport(self, tenant: UUID) -> str:
        """Its passport in a tenant."""
        key = (self.stack.secrets / "service_keys" / "crm-core").read_text().strip()
        request = passports_pb.ExchangeRequest(credential=key, door="internal", tenant=str(tenant))
        exchange: grpc.aio.UnaryUnaryMultiCallable[passports_pb.ExchangeRequest, passports_pb.ExchangeResponse] = (
            self.channel.unary_unary(
                "/kontor.governance.v1.Passports/Exchange",
                request_serializer=lambda message: message.to_binary(),
                response_deserializer=passports_pb.ExchangeResponse.from_binary,
            )
        )
        answer = await exchange(request, metadata=(("kontor-service-key", key),), timeout=5)
        return str(answer.passport)

    async def find(self, passport: str, **wanted: list[str]) -> users_pb.FindUsersResponse:
        """Who works there; raises the Refusal."""
        find: grpc.aio.UnaryUnaryMultiCallable[users_pb.FindUsersRequest, users_pb.FindUsersResponse] = (
            self.channel.unary_unary(
                "/kontor.governance.v1.Users/FindUsers",
                request_serializer=lambda message: message.to_binary(),
                response_deserializer=users_pb.FindUsersResponse.from_binary,
            )
        )
        request = users_pb.FindUsersRequest(**wanted)
        try:
            return await find(request, metadata=(("kontor-passport", passport),), timeout=5)
        except grpc.aio.AioRpcError as error:
            raise refusal_from(error, NAME) from error

    def verified(self, passport: str) -> Principal:
        """What a passport says."""
        return PassportVerifier(KeySet(self.stack.secrets / "passport.jwks")).verify(passport)

    def signed(self, principal: Principal) -> str:
        """A passport for somebody."""
        return PassportSigner(self.stack.secrets / "passport.private.jwk").sign(principal)


@pytest.fixture
async def crm_core(stack: Stack) -> CrmCore:
    """The service with a connection to governance."""
    return CrmCore(stack, grpc.aio.insecure_channel(stack.rpc(NAME)))


async def test_people_are_found_by_id_and_address(crm_core: CrmCore, tenant: Tenant) -> None:
    """Each once, whichever way they were named; an address of nobody comes with the nearest."""
    ada, bea = (f"{name}@{tenant.slug}.example" for name in ("ada", "bea"))
    passport = await crm_core.passport(tenant.id)
    found = await crm_core.find(
        passport,
        ids=[str(tenant.actor("admin")), str(uuid4())],
        emails=[ada.upper(), bea, f"bee@{tenant.slug}.example", "who@else.where"],
    )
    assert {each.email: each.active for each in found.people} == {ada: True, bea: True}
    near = {each.email: each.did_you_mean for each in found.mistyped}
    assert near == {f"bee@{tenant.slug}.example": bea, "who@else.where": ""}


async def test_a_service_sees_the_tenant_it_asks_for(crm_core: CrmCore, stack: Stack, tenant: Tenant) -> None:
    """The passport names the tenant with its settings, and its people alone are found with it."""
    other = create_tenant(stack)
    passport = await crm_core.passport(tenant.id)
    principal = crm_core.verified(passport)
    assert (principal.tenant, principal.slug, principal.kind, principal.door) == (
        tenant.id,
        tenant.slug,
        "service",
        "internal",
    )
    found = await crm_core.find(passport, ids=[str(other.actor("admin"))], emails=[f"ada@{other.slug}.example"])
    assert list(found.people) == []


async def test_there_is_no_passport_for_nowhere(crm_core: CrmCore) -> None:
    """A tenant that was never made has none."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await crm_core.passport(uuid4())
    assert isinstance(refusal_from(refused.value, NAME), NotFound)


@pytest.mark.parametrize(("kind", "door"), [("user", "edge"), ("agent", "gateway"), ("service", "edge")])
async def test_only_services_ask(crm_core: CrmCore, tenant: Tenant, kind: str, door: str) -> None:
    """Neither people nor agents nor a tenant's own keys of kind service list a tenant's people this way."""
    inside = crm_core.verified(await crm_core.passport(tenant.id))
    with pytest.raises(Refusal) as refused:
        await crm_core.find(crm_core.signed(replace(inside, kind=kind, door=door)))  # type: ignore[arg-type]
    assert isinstance(refused.value, PermissionDenied)
