"""The service as a whole, over gRPC and the edge's own question, on the stack's PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

import grpc
import httpx2
import psycopg
import pytest
from google.rpc import status_pb2
from kontor_protos.kontor.governance.v1 import api_keys_pb, passports_pb, tenants_pb, users_pb
from kontor_protos.kontor.platform.v1.errors_pb import Problem
from protobuf import Message

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.problem import Refusal, Unauthenticated, refusal_of
from kontor_platform.dev.record import wait_until
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import Grant, GrantSigner, KeySet, PassportSigner, PassportVerifier

NAME = "crm-governance"
KEY_ROWS_SECONDS = 7.0
MODELS = [("gateway", "admin_key"), ("gateway", "agent_admin_key"), ("edge", "agent_admin_key")]
PEOPLES = [("user", ""), ("service", ""), ("agent", "interactive"), ("agent", "approver")]
Spoil = Callable[[str], str]
A = TypeVar("A", bound=Message)


class Stack(Protocol):
    """What these tests need of the running stack."""

    data_dir: Path

    def rpc(self, service: str) -> str: ...

    def http(self, service: str) -> str: ...

    def sql(self, service: str) -> psycopg.Connection[tuple[object, ...]]: ...


@dataclass(frozen=True)
class Governance:
    """A client of the service, with the keys that only doors hold."""

    channel: grpc.Channel
    http: str
    secrets: Path

    def call(self, rpc: str, request: Message, answer: type[A], **metadata: str) -> A:
        method: grpc.UnaryUnaryMultiCallable[Message, A] = self.channel.unary_unary(
            f"/kontor.governance.v1.{rpc}",
            request_serializer=lambda message: message.to_binary(),
            response_deserializer=answer.from_binary,
        )
        sent = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
        try:
            return method(request, metadata=sent, timeout=5)
        except grpc.RpcError as error:
            raise told(error) from error

    def exchange(self, credential: str, door: str = "gateway", service: str = "mcp-gateway") -> Principal:
        request = passports_pb.ExchangeRequest(credential=credential, door=door, address="192.0.2.7")
        key = self.service_key(service)
        answer = self.call("Passports/Exchange", request, passports_pb.ExchangeResponse, kontor_service_key=key)
        return self.verified(answer.passport)

    def service_key(self, service: str) -> str:
        return (self.secrets / "service_keys" / service).read_text()

    def verified(self, passport: str) -> Principal:
        return PassportVerifier(KeySet(self.secrets / "passport.jwks")).verify(passport)

    def is_dead(self, credential: str) -> bool:
        try:
            self.exchange(credential)
        except Unauthenticated:
            return True
        return False

    def passport(self, principal: Principal) -> str:
        return PassportSigner(self.secrets / "passport.private.jwk").sign(principal)

    def granted(self, rpc: str, tool: str, by: Principal, request: Message, answer: type[A]) -> A:
        grant = Grant(
            jti=str(uuid4()),
            audience=NAME,
            tenant=by.tenant,
            actor=by.actor,
            tool=tool,
            arguments=arguments_hash(request),
            fingerprint="",
            level=4,
            records=(),
            idempotency_key="",
        )
        signed = GrantSigner(self.secrets / "grant.private.jwk").sign(grant)
        return self.call(rpc, request, answer, kontor_passport=self.passport(by), kontor_grant=signed)

    def create_key(self, by: Principal, request: api_keys_pb.CreateApiKeyRequest) -> api_keys_pb.CreatedApiKey:
        return self.granted("ApiKeys/CreateApiKey", "crm_create_api_key", by, request, api_keys_pb.CreatedApiKey)

    def revoke_key(self, by: Principal, key: str) -> api_keys_pb.RevokedApiKey:
        request = api_keys_pb.RevokeApiKeyRequest(id=key)
        return self.granted("ApiKeys/RevokeApiKey", "crm_revoke_api_key", by, request, api_keys_pb.RevokedApiKey)

    def upsert(self, by: Principal, request: users_pb.UpsertUserRequest) -> users_pb.UpsertedUser:
        return self.call("Users/UpsertUser", request, users_pb.UpsertedUser, kontor_passport=self.passport(by))

    def new_tenant(self) -> "Office":
        slug = f"t-{uuid4().hex[:12]}"
        request = tenants_pb.CreateTenantRequest(
            name="Acme", slug=slug, admin_email="ada@acme.example", approver_email="bea@acme.example", demo_keys=True
        )
        passport = self.passport(self.exchange(self.service_key(NAME), "internal", NAME))
        created = self.call("Tenants/CreateTenant", request, tenants_pb.CreatedTenant, kontor_passport=passport)
        return Office(self, {each.name: each for each in created.keys})

    def ask(self, credential: str, **headers: str) -> httpx2.Response:
        own = {"x-kontor-edge": (self.secrets / "edge_header").read_text(), "authorization": f"Bearer {credential}"}
        return httpx2.get(f"{self.http}/authz/crm/whoami", headers=own | headers, trust_env=False)


@dataclass(frozen=True)
class Office:
    """A tenant of its own and its people."""

    governance: Governance
    keys: Mapping[str, tenants_pb.IssuedKey]

    def secret(self, name: str) -> str:
        return self.keys[name].secret

    def at(self, door: str, name: str) -> Principal:
        principal = self.governance.exchange(self.secret(name))
        return replace(principal, door=door)  # type: ignore[arg-type]


def told(error: grpc.RpcError) -> Refusal:
    details = next(each.value for each in error.trailing_metadata() if each.key == "grpc-status-details-bin")
    return refusal_of(Problem.from_binary(status_pb2.Status.FromString(details).details[0].value))


def refused(act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value


@pytest.fixture(scope="session")
def governance(stack: Stack) -> Iterator[Governance]:
    with grpc.insecure_channel(stack.rpc(NAME)) as channel:
        yield Governance(channel, stack.http(NAME), stack.data_dir / "secrets")


@pytest.fixture
def office(governance: Governance) -> Office:
    return governance.new_tenant()


def test_a_key_says_who_its_holder_is(governance: Governance, office: Office) -> None:
    """The passport tells kind, roles and on whose behalf, and the approver's role where key and person have it."""
    agent, operator = (governance.exchange(office.secret(name)) for name in ("agent_key", "operator_key"))
    assert (agent.kind, agent.roles, agent.door) == ("agent", frozenset({"sales"}), "gateway")
    assert str(agent.on_behalf_of) == office.keys["sales_key"].actor_id
    assert (operator.kind, operator.roles) == ("user", frozenset({"manager", "approver"}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: "",
        lambda good: "x",
        lambda good: good[:-1] + ("a" if good[-1] != "a" else "b"),
        lambda good: good.replace(good.split("_")[2], str(uuid4())),
        lambda good: good.replace(good.split("_")[1], str(uuid4())),
        lambda good: good * 9,
    ],
)
def test_every_bad_credential_gets_one_answer(governance: Governance, office: Office, spoil: Spoil) -> None:
    """Missing, malformed, foreign and unknown credentials are refused in the same words, at both doors."""
    bad = spoil(office.secret("sales_key"))
    here = refused(lambda: governance.exchange(bad))
    assert here.to_json() == refused(lambda: governance.exchange("kontor_x")).to_json()
    assert governance.ask(bad or "-").json()["message"] == here.message


def test_only_doors_exchange_credentials(governance: Governance, office: Office) -> None:
    """A service that is no door gets nothing for another's credential, and only its own for its own."""
    sales, gateways = office.secret("sales_key"), governance.service_key("mcp-gateway")
    assert refused(lambda: governance.exchange(sales, service="crm-core")).code == "permission_denied"
    assert refused(lambda: governance.exchange(gateways, "internal", "crm-core")).code == "unauthenticated"


@pytest.mark.parametrize("kind", ["user", "service"])
def test_tenants_cannot_make_tenants(governance: Governance, office: Office, kind: str) -> None:
    """A tenant's admin is refused, and a key of kind service is no service of the system's."""
    request = tenants_pb.CreateTenantRequest(
        name="X", slug=f"x-{uuid4().hex[:8]}", admin_email="a@x.example", approver_email="b@x.example"
    )
    admin = replace(office.at("edge", "admin_key"), kind=kind)  # type: ignore[arg-type]
    passport = governance.passport(admin)
    refusal = refused(
        lambda: governance.call("Tenants/CreateTenant", request, tenants_pb.CreatedTenant, kontor_passport=passport)
    )
    assert refusal.code == "permission_denied"


def test_upsert_says_what_it_did(governance: Governance, office: Office) -> None:
    """The same person is created once, found by any spelling of the address, and unchanged when nothing differs."""
    admin = office.at("edge", "admin_key")
    asked = [
        users_pb.UpsertUserRequest(email="Cy@acme.example", name="Cy", roles=["sales"]),
        users_pb.UpsertUserRequest(email="cy@ACME.example", name="Cy"),
        users_pb.UpsertUserRequest(email="cy@acme.example", roles=["support"], expected_version=1),
    ]
    told = [governance.upsert(admin, request) for request in asked]
    assert [each.outcome for each in told] == ["created", "unchanged", "updated"]
    assert {each.user.id for each in told if each.user} == {told[0].user.id if told[0].user else ""}
    late = refused(lambda: governance.upsert(admin, asked[2]))
    assert (late.code, late.current_version) == ("version_conflict", 2)


def test_two_admins_cannot_remove_each_other_at_once(governance: Governance, office: Office) -> None:
    """Of two admins who lock each other out in the same moment one succeeds and one stays."""
    admin = office.at("edge", "admin_key")
    governance.upsert(admin, users_pb.UpsertUserRequest(email="cy@acme.example", name="Cy", roles=["admin"]))

    def lock_out(email: str) -> str:
        try:
            return governance.upsert(admin, users_pb.UpsertUserRequest(email=email, active=False)).outcome
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lock_out, ["ada@acme.example", "cy@acme.example"])) == ["last_admin", "updated"]


def test_a_model_gets_a_link_and_never_a_secret(governance: Governance, office: Office) -> None:
    """Over MCP a key of kind agent is made without its secret; before a person collects it, it opens nothing."""
    request = api_keys_pb.CreateApiKeyRequest(
        name="bot", kind="agent", roles=["sales"], user_id=office.keys["sales_key"].actor_id
    )
    created = governance.create_key(office.at("gateway", "agent_admin_key"), request)
    assert (created.secret, created.secret_link.startswith("/crm/admin/api_key_secret/")) == ("", True)
    token = created.secret_link.rpartition("/")[2]
    assert created.key is not None
    tenant = office.secret("sales_key").split("_")[1]
    assert governance.is_dead(f"kontor_{tenant}_{created.key.id}_{token}")


@pytest.mark.parametrize(("kind", "mark"), PEOPLES)
@pytest.mark.parametrize(("door", "asking"), MODELS)
def test_a_model_makes_no_keys_for_people(
    governance: Governance, office: Office, door: str, asking: str, kind: str, mark: str
) -> None:
    """Neither an agent nor anybody over MCP makes keys of people or services, nor gives the marks of people."""
    request = api_keys_pb.CreateApiKeyRequest(name="x", kind=kind, roles=["sales"])
    if mark:
        setattr(request, mark, True)
    assert refused(lambda: governance.create_key(office.at(door, asking), request)).code == "permission_denied"


def test_a_revoked_key_dies_and_its_neighbour_lives(governance: Governance, office: Office) -> None:
    """Within the seconds that key rows are kept the revoked key opens nothing, at both doors."""
    doomed = office.secret("viewer_key")
    assert governance.ask(doomed).status_code == 200
    admin = office.at("facade", "admin_key")
    assert governance.revoke_key(admin, office.keys["viewer_key"].key_id).outcome == "revoked"
    assert governance.revoke_key(admin, office.keys["viewer_key"].key_id).outcome == "unchanged"
    assert wait_until(partial(governance.is_dead, doomed), KEY_ROWS_SECONDS)
    assert governance.ask(doomed).status_code == 401
    assert not governance.is_dead(office.secret("sales_key"))


def test_a_dead_key_is_refused_with_an_audit_row(stack: Stack, governance: Governance, office: Office) -> None:
    """The refusal stands in the key's own tenant, by its true reason, when the answer comes."""
    key = office.keys["viewer_key"]
    with stack.sql(NAME) as connection:
        past = "UPDATE crm_governance.api_key SET expires_at = now() WHERE id = %s"
        connection.execute(past, [key.key_id])
        connection.commit()
        assert governance.is_dead(key.secret)
        told = "SELECT data->>'reason' FROM crm_governance.outbox WHERE type = 'door.refused' AND data->>'key' = %s"
        assert connection.execute(told, [key.key_id]).fetchall() == [("credential_expired",)]


def test_another_tenants_key_is_as_unknown_as_any(governance: Governance, office: Office) -> None:
    """A foreign id and an invented one are refused alike."""
    admin = office.at("facade", "admin_key")
    foreign = governance.new_tenant().keys["viewer_key"].key_id
    answers = [refused(partial(governance.revoke_key, admin, key)).to_json() for key in (foreign, str(uuid4()))]
    assert answers[0] == answers[1]


def test_who_is_locked_out_takes_their_agents_along(governance: Governance, office: Office) -> None:
    """Deactivating a person ends their keys and those of agents that act for them."""
    email = f"demo-sales@{office.at('edge', 'sales_key').slug}.example"
    governance.upsert(office.at("edge", "admin_key"), users_pb.UpsertUserRequest(email=email, active=False))
    for name in ("sales_key", "agent_key"):
        assert wait_until(partial(governance.is_dead, office.secret(name)), KEY_ROWS_SECONDS)
    assert not governance.is_dead(office.secret("agent_admin_key"))


def test_the_edge_gets_a_passport_and_the_callers_budget(governance: Governance, office: Office) -> None:
    """A good key answers 200 with a passport for the door `edge`, and the headers of its budget."""
    answer = governance.ask(office.secret("sales_key"))
    passport = governance.verified(answer.headers["x-kontor-passport"])
    assert (answer.status_code, passport.door, passport.kind) == (200, "edge", "user")
    assert answer.headers["ratelimit-policy"].startswith('"key";q=')


def test_nobody_but_the_edge_is_answered(governance: Governance, office: Office) -> None:
    """Without the edge's own secret the path does not exist."""
    answer = governance.ask(office.secret("sales_key"), **{"x-kontor-edge": "guess"})
    assert (answer.status_code, "x-kontor-passport" in answer.headers) == (404, False)


def test_a_key_has_a_budget_of_its_own(governance: Governance, office: Office) -> None:
    """A key of five calls a minute passes five times and is then told how long to wait; others pass on."""
    sales = office.keys["sales_key"].actor_id
    request = api_keys_pb.CreateApiKeyRequest(name="slow", kind="user", roles=["sales"], user_id=sales, per_minute=5)
    slow = governance.create_key(office.at("facade", "admin_key"), request).secret
    answers = [governance.ask(slow) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["code"] == "rate_limited"
    assert governance.ask(office.secret("sales_key")).status_code == 200
