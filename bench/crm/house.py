"""The tenant that is measured, and the ways to it: REST with a passport, the edge with a key, gRPC with a grant."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import httpx2
import psycopg
from kontor_protos.kontor.governance.v1.tenants_pb import CreatedTenant, CreateTenantRequest, TenantSettings
from stack import Stack

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.data.ids import new_id
from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.runtime import principal
from kontor_platform.runtime.principal import SYSTEM_TENANT, Principal
from kontor_platform.runtime.tokens import Grant, GrantSigner, PassportSigner

SERVICE, WORKER, GOVERNANCE = "crm-core", "crm-core-worker", "crm-governance"
CREATE = "/kontor.governance.v1.Tenants/CreateTenant"
BERLIN = principal.TenantSettings(time_zone="Europe/Berlin", region="DE", currency="EUR")
OPERATIONS: Mapping[str, Operation] = {each.policy.tool: each for each in own_image().operations() if each.policy.tool}
JSON_BODY = {"content-type": "application/json"}
Body = dict[str, Any]


class Refused(Exception):
    """A call that should have been done was refused."""


@dataclass(frozen=True, slots=True)
class House:
    """A stack with a tenant in it and its admin."""

    running: Stack
    admin: Principal
    key: str
    http: httpx2.Client
    channel: grpc.Channel

    @property
    def tenant(self) -> UUID:
        """The tenant's id."""
        return self.admin.tenant

    @property
    def secrets(self) -> Path:
        """The system's keys."""
        return self.running.data_dir / "secrets"

    def passport(self, who: Principal | None = None) -> str:
        """A passport, good for five minutes."""
        return PassportSigner(self.secrets / "passport.private.jwk").sign(who or self.admin)

    def do(self, tool: str, who: Principal | None = None, **body: Any) -> Body:
        """The answer to a call over REST; raises Refused."""
        route = OPERATIONS[tool].route
        assert route is not None
        headers = JSON_BODY | {"x-kontor-passport": self.passport(who)}
        if route.method == "GET":
            return answered(self.http.get(route.path, params=body, headers=headers))
        return answered(self.http.request(route.method, route.path, content=json.dumps(body), headers=headers))

    def granted(self, tool: str, **body: Any) -> Body:
        """The answer to a call that an operator approved, over gRPC."""
        operation = OPERATIONS[tool]
        request = operation.request_type.from_json(json.dumps(body))
        given = Grant(
            jti=str(new_id()),
            audience=SERVICE,
            tenant=self.tenant,
            actor=self.admin.actor,
            tool=operation.name,
            arguments=arguments_hash(request),
            fingerprint="",
            level=2,
            records=(),
            idempotency_key="",
        )
        grant = GrantSigner(self.secrets / "grant.private.jwk").sign(given)
        call: grpc.UnaryUnaryMultiCallable[Any, Any] = self.channel.unary_unary(
            operation.rpc,
            request_serializer=lambda message: message.to_binary(),
            response_deserializer=operation.response_type.from_binary,
        )
        metadata = (("kontor-passport", self.passport()), ("kontor-grant", grant))
        told: Body = json.loads(call(request, metadata=metadata, timeout=60).to_json(always_emit_implicit=True))
        return told

    def upload(self, data: bytes) -> Body:
        """A file that was taken: its id and hash."""
        headers = {"x-kontor-passport": self.passport(), "content-type": "text/csv"}
        return answered(self.http.post("/crm/files?name=people.csv", content=data, headers=headers))

    def status(self, operation: str) -> Body:
        """How long work stands."""
        told: Body = self.do("crm_import_status", operation_id=operation)["operation"]
        return told

    def ended(self, operation: str, every_s: float = 0.5) -> Body:
        """Long work once it has ended; asks now and then."""
        while not (told := self.status(operation))["ended"]:
            time.sleep(every_s)
        return told

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection as the owner of the tables, whom row security does not bind."""
        url = EmbeddedPostgres(self.running.data_dir / "postgres").url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET search_path TO crm_core")
            yield connection


def answered(answer: httpx2.Response) -> Body:
    """The body of an answer; raises Refused."""
    if answer.status_code != 200:
        raise Refused(answer.text[:1000])
    told: Body = answer.json()
    return told


def environment(running: Stack, name: str, variable: str) -> str:
    """A variable of a running process."""
    told = Path(f"/proc/{running.pid(name)}/environ").read_bytes().decode()
    return next(each.partition("=")[2] for each in told.split("\0") if each.startswith(f"{variable}="))


@contextmanager
def house(running: Stack) -> Iterator[House]:
    """A new tenant `bench` with ways to it."""
    address = environment(running, SERVICE, "RPC_ADDRESS")
    base = f"http://127.0.0.1:{running.port(SERVICE, 'http')}"
    with httpx2.Client(base_url=base, timeout=600) as http, grpc.insecure_channel(address) as channel:
        with creating(running) as create:
            made = create("bench")
        yield House(running, admin_of(made), key_of(made).secret, http, channel)


def key_of(made: CreatedTenant) -> Any:
    """The admin's key."""
    return next(each for each in made.keys if each.name == "admin_key")


def admin_of(made: CreatedTenant) -> Principal:
    """The admin of a tenant just made, as the edge would tell of them."""
    return Principal(
        tenant=UUID(made.tenant),
        slug=made.slug,
        actor=UUID(key_of(made).actor_id),
        kind="user",
        roles=frozenset({"admin"}),
        door="edge",
        key="bench",
        settings=BERLIN,
    )


class Creating:
    """Makes tenants by crm-governance's own rpc."""

    def __init__(self, running: Stack, channel: grpc.Channel) -> None:
        self._signer = PassportSigner(running.data_dir / "secrets" / "passport.private.jwk")
        self._service = Principal(
            tenant=SYSTEM_TENANT,
            slug="system",
            actor=uuid4(),
            kind="service",
            roles=frozenset({"admin"}),
            on_behalf_of=None,
            door="internal",
            key="bench",
        )
        self._call: grpc.UnaryUnaryMultiCallable[CreateTenantRequest, CreatedTenant] = channel.unary_unary(
            CREATE,
            request_serializer=lambda message: message.to_binary(),
            response_deserializer=CreatedTenant.from_binary,
        )

    def __call__(self, slug: str, *, with_agents: bool = False) -> CreatedTenant:
        """A tenant of that name, with keys of agents too where asked."""
        request = CreateTenantRequest(
            name=slug,
            slug=slug,
            admin_email=f"ada@{slug}.example",
            approver_email=f"bea@{slug}.example",
            demo_keys=with_agents,
            settings=TenantSettings(time_zone="Europe/Berlin", region="DE", currency="EUR"),
        )
        return self._call(request, metadata=(("kontor-passport", self._signer.sign(self._service)),), timeout=30)


@contextmanager
def creating(running: Stack) -> Iterator[Creating]:
    """A way to make tenants."""
    with grpc.insecure_channel(environment(running, GOVERNANCE, "RPC_ADDRESS")) as channel:
        yield Creating(running, channel)


def small_tenants(house: House, count: int) -> Sequence[float]:
    """Seconds that each of so many tenants took, from the call to its first contact."""
    taken: list[float] = []
    with creating(house.running) as create:
        for number in range(count):
            began = time.perf_counter()
            admin = admin_of(create(f"small-{number}"))
            house.do("crm_upsert_contact", admin, name=f"Erika Muster{number}", email=f"e{number}@small.example")
            taken.append(time.perf_counter() - began)
    return taken
