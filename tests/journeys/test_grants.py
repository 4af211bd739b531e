"""crm-core called past the gateway: a passport alone writes nothing, and a grant only the call it was made for."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import status_pb2
from kontor_protos.kontor.crm.v1 import deals_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import Problem

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import Grant, GrantSigner, generate_key_pair
from support.stack import Stack
from support.tenants import Tenant

CREATE = "/kontor.crm.v1.Deals/CreateDeal"
REQUEST = pb.CreateDealRequest(name="Past the gateway")
SECONDS = 10


def agent(tenant: Tenant) -> Principal:
    """The tenant's agent, as the gateway's passport tells it."""
    actor = tenant.actor("agent")
    return Principal(tenant.id, tenant.slug, actor, "agent", frozenset({"sales"}), "gateway", str(uuid4()))


def grant_for(tenant: Tenant) -> Grant:
    """A grant for the one request of these tests."""
    return Grant(
        jti=str(uuid4()),
        audience="crm-core",
        tenant=tenant.id,
        actor=tenant.actor("agent"),
        tool="crm_create_deal",
        arguments=arguments_hash(REQUEST),
        fingerprint="",
        level=3,
        records=(),
        idempotency_key="",
    )


def create(stack: Stack, tenant: Tenant, grant: str = "", request: pb.CreateDealRequest = REQUEST) -> str:
    """Calls crm-core itself; answers `ok` or the code of the refusal."""
    metadata = [("kontor-passport", stack.passport(agent(tenant)))] + ([("kontor-grant", grant)] if grant else [])
    with grpc.insecure_channel(stack.rpc("crm-core")) as channel:
        call: Any = channel.unary_unary(
            CREATE,
            request_serializer=lambda message: message.to_binary(),
            response_deserializer=None,
        )
        try:
            call(request, metadata=metadata, timeout=SECONDS)
        except grpc.RpcError as error:
            return code_of(error)
    return "ok"


def code_of(error: Any) -> str:
    """The code of the problem in a status."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    packed = status_pb2.Status.FromString(details).details[0].value
    return Problem.from_binary(packed).reason.name.lower()


def deals(stack: Stack, tenant: Tenant) -> int:
    """How many deals the tenant has."""
    with stack.sql("crm-core") as connection:
        row = connection.execute("SELECT count(*) FROM deal WHERE tenant_id = %s", (tenant.id,)).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def signer(stack: Stack) -> GrantSigner:
    """The gateway's own signer."""
    return GrantSigner(stack.secrets / "grant.private.jwk")


def test_without_a_grant_nothing_is_written(stack: Stack, tenant: Tenant) -> None:
    """A passport says who calls, not that anybody agreed."""
    assert create(stack, tenant) == "approval_required"
    assert deals(stack, tenant) == 0


def test_a_grant_works_once(stack: Stack, tenant: Tenant, signer: GrantSigner) -> None:
    """The same grant again answers the first result; there is one deal."""
    grant = signer.sign(grant_for(tenant))
    assert [create(stack, tenant, grant) for _ in range(2)] == ["ok", "ok"]
    assert deals(stack, tenant) == 1


@pytest.mark.parametrize("name", ["audience", "tenant", "actor", "tool", "arguments"])
def test_a_grant_for_something_else_is_refused(stack: Stack, tenant: Tenant, signer: GrantSigner, name: str) -> None:
    """Another service, tenant, actor, tool or other arguments: a grant fits one call only."""
    other = {
        "tenant": uuid4(),
        "actor": uuid4(),
        "audience": "crm-governance",
        "tool": "crm_create_note",
        "arguments": "0" * 64,
    }
    grant = signer.sign(replace(grant_for(tenant), **{name: other[name]}))  # type: ignore[arg-type]
    assert create(stack, tenant, grant) == "approval_invalid"
    assert deals(stack, tenant) == 0


def test_a_grant_for_other_arguments_is_refused(stack: Stack, tenant: Tenant, signer: GrantSigner) -> None:
    """What was approved is what may be sent."""
    changed = pb.CreateDealRequest(name="Past the gateway", amount="1000000.00", currency="EUR")
    assert create(stack, tenant, signer.sign(grant_for(tenant)), changed) == "approval_invalid"


def test_an_expired_grant_is_refused(stack: Stack, tenant: Tenant, signer: GrantSigner) -> None:
    """A grant lives for a minute, and half a minute of leeway for clocks."""
    assert create(stack, tenant, signer.sign(grant_for(tenant), ttl_s=-31)) == "approval_invalid"


def test_a_forged_grant_is_refused(stack: Stack, tenant: Tenant, tmp_path: Path) -> None:
    """A grant signed with another key, or with the passport's key, is none."""
    generate_key_pair(tmp_path / "own.jwk", tmp_path / "own.jwks", "own")
    for key in (tmp_path / "own.jwk", stack.secrets / "passport.private.jwk"):
        assert create(stack, tenant, GrantSigner(key).sign(grant_for(tenant))) == "approval_invalid"
    assert create(stack, tenant, stack.passport(agent(tenant))) == "approval_invalid"
