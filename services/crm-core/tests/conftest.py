"""One new tenant per test, called over the service's own faces with a signed passport."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import grpc
import httpx2
import psycopg
import pytest
from google.rpc import status_pb2
from kontor_protos.kontor.platform.v1.errors_pb import Problem
from protobuf import Message

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import refusal_of
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.principal import Principal, TenantSettings
from kontor_platform.runtime.tokens import Grant, GrantSigner, PassportSigner
from support.filled import Filled, Home, fill
from support.tenants import Tenant

from . import inside
from .importing import Importer

NAME = "crm-core"
BERLIN = TenantSettings(time_zone="Europe/Berlin", region="DE", currency="EUR")
OPERATIONS: dict[str, Operation] = {each.policy.tool: each for each in own_image().operations() if each.policy.tool}
Body = dict[str, Any]
M = TypeVar("M", bound=Message)


class Stack(inside.Stack, Protocol):
    """What these tests need of the running stack."""

    data_dir: Path

    def http(self, service: str) -> str: ...

    def sql(self, service: str) -> AbstractContextManager[psycopg.Connection]: ...


class Refused(AssertionError):
    """A call that should have been done was refused."""


@dataclass(frozen=True)
class Crm:
    """A person's or agent's way to crm-core."""

    principal: Principal
    http: httpx2.Client
    channel: grpc.Channel
    secrets: Path

    def send(self, tool: str, *, dry_run: bool = False, **body: Any) -> httpx2.Response:
        """Calls over REST."""
        passport = PassportSigner(self.secrets / "passport.private.jwk").sign(self.principal)
        route = OPERATIONS[tool].route
        assert route is not None
        query = {"dry_run": "true"} if dry_run else {}
        headers = {"x-kontor-passport": passport, "content-type": "application/json"}
        if route.method == "GET":
            return self.http.get(route.path, params=body, headers=headers)
        return self.http.request(route.method, route.path, params=query, content=json.dumps(body), headers=headers)

    def do(self, tool: str, **body: Any) -> Body:
        """The answer to a call over REST; raises Refused."""
        answer = self.send(tool, **body)
        if answer.status_code != 200:
            raise Refused(answer.text)
        told: Body = answer.json()
        return told

    def refused(self, tool: str, **body: Any) -> Body:
        """The refusal of a call over REST."""
        answer = self.send(tool, **body)
        assert answer.status_code >= 400, answer.text
        told: Body = answer.json()
        return told

    def over_grpc(self, tool: str, *, granted: bool = True, **body: Any) -> Body:
        """The answer to a call over gRPC, with a grant where the tool needs one; raises the Refusal."""
        operation = OPERATIONS[tool]
        request = operation.request_type.from_json(json.dumps(body))
        grant = self.grant(operation, request) if granted and operation.is_write else ""
        try:
            answer = self.unary(operation.rpc, request, operation.response_type, grant)
        except grpc.RpcError as error:
            raise refusal_of(problem_in(error)) from error
        told: Body = json.loads(answer.to_json(always_emit_implicit=True))
        return told

    def internal(self, rpc: str, request: Message, answer: type[M]) -> M:
        """The answer of an internal rpc to another service, in this tenant; raises grpc.RpcError."""
        service = replace(self.principal, actor=new_id(), kind="service", door="internal")
        return replace(self, principal=service).unary(rpc, request, answer)

    def unary(self, rpc: str, request: Message, answer: type[M], grant: str = "") -> M:
        """The answer of an rpc to the caller as they are; raises grpc.RpcError."""
        metadata = [("kontor-passport", PassportSigner(self.secrets / "passport.private.jwk").sign(self.principal))]
        if grant:
            metadata.append(("kontor-grant", grant))
        call: grpc.UnaryUnaryMultiCallable[Message, M] = self.channel.unary_unary(
            rpc,
            request_serializer=lambda message: message.to_binary(),
            response_deserializer=answer.from_binary,
        )
        return call(request, metadata=tuple(metadata), timeout=5)

    def grant(self, operation: Operation, request: Message) -> str:
        """The evidence that a gateway would bring of an approval."""
        given = Grant(
            jti=str(new_id()),
            audience=NAME,
            tenant=self.principal.tenant,
            actor=self.principal.actor,
            tool=operation.name,
            arguments=arguments_hash(request),
            fingerprint="",
            level=2,
            records=(),
            idempotency_key="",
        )
        return GrantSigner(self.secrets / "grant.private.jwk").sign(given)

    def agent(self) -> "Crm":
        """An agent of the same tenant who came through the gateway and acts for this person."""
        mine = self.principal
        return replace(
            self, principal=replace(mine, actor=new_id(), kind="agent", door="gateway", on_behalf_of=mine.actor)
        )

    def stranger(self) -> "Crm":
        """A person of another tenant."""
        return replace(self, principal=person())


def problem_in(error: grpc.RpcError) -> Problem:
    """The refusal in the details of a gRPC error."""
    trailing = {each.key: each.value for each in error.trailing_metadata()}
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    told = next(each for each in status.details if each.type_url.endswith("kontor.platform.v1.Problem"))
    return Problem.from_binary(told.value)


def person(roles: tuple[str, ...] = ("admin",)) -> Principal:
    """A person of a tenant that nobody else knows."""
    tenant = new_id()
    return Principal(
        tenant=tenant,
        slug=f"t-{tenant.hex[-12:]}",
        actor=new_id(),
        kind="user",
        roles=frozenset(roles),
        door="edge",
        key="test",
        settings=BERLIN,
    )


@pytest.fixture(scope="session")
def service(stack: Stack) -> Iterator[Crm]:
    """The service's faces, called by somebody."""
    with (
        httpx2.Client(base_url=stack.http(NAME), timeout=30) as http,
        grpc.insecure_channel(stack.rpc(NAME)) as channel,
    ):
        yield Crm(person(), http, channel, stack.data_dir / "secrets")


@pytest.fixture
def crm(service: Crm, tenant: Tenant) -> Crm:
    """The admin of a new tenant that crm-governance knows."""
    return replace(
        service, principal=replace(person(), tenant=tenant.id, slug=tenant.slug, actor=tenant.actor("admin"))
    )


@pytest.fixture
async def importer(stack: Stack, crm: Crm) -> AsyncIterator[Importer]:
    """A person of a new tenant who imports and exports."""
    crm.do("crm_search_customers", query="nobody")
    async with inside.working(stack) as work:
        yield Importer(work, crm.principal)


@pytest.fixture
def colleague(tenant: Tenant) -> str:
    """The id of another active user of the tenant."""
    return str(tenant.actor("sales"))


@pytest.fixture
def company(crm: Crm) -> str:
    """The id of a company of the tenant."""
    return str(crm.do("crm_upsert_company", name="Acme GmbH", domain="acme.example")["company"]["id"])


@pytest.fixture
def contact(crm: Crm) -> str:
    """The id of a contact of the tenant."""
    return str(crm.do("crm_upsert_contact", name="Jane Doe", email="jane@acme.example")["contact"]["id"])


@pytest.fixture
def deal(crm: Crm, company: str, contact: str) -> str:
    """The id of a deal with the company and the contact, in the first stage of the default pipeline."""
    made = crm.do("crm_create_deal", name="Widgets", amount="12500.50", company_id=company, contact_ids=[contact])
    return str(made["deal"]["id"])


@pytest.fixture
def nowhere() -> str:
    """An id that nobody has."""
    return str(new_id())


@pytest.fixture(scope="session")
def filled(service: Crm, stack: Stack) -> Iterator[Filled]:
    """The application role inside a tenant of 200,000 records between 200 small ones."""
    crm = replace(service, principal=person())
    contact = crm.do("crm_upsert_contact", name="Jane Doe", email="jane@acme.example")["contact"]["id"]
    deal = crm.do("crm_create_deal", name="Widgets", contact_ids=[contact])["deal"]["id"]
    home = Home(crm.principal.tenant, crm.principal.actor, UUID(deal), UUID(contact))
    with stack.sql(NAME) as connection:
        connection.autocommit = True
        fill(connection, home)
        for statement in ("SET search_path TO crm_core", "SET ROLE crm_core_app", "SET jit TO off"):
            connection.execute(statement)
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(home.tenant),))
        yield Filled(connection, home)


@pytest.fixture
def at_once() -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """Runs calls at the same time, each in a thread of its own, and answers what they answered."""

    def run(number: int, call: Callable[[int], Any]) -> list[Any]:
        with ThreadPoolExecutor(number) as threads:
            return list(threads.map(call, range(number)))

    return run
