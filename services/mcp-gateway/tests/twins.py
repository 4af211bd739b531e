"""Stand-ins with the real rules: a crm-governance that knows keys from memory, and a garden of another team."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from kontor_protos.kontor.governance.v1.passports_pb import ExchangeRequest, ExchangeResponse
from kontor_protos.kontor.governance.v1.users_pb import FindUsersRequest, FindUsersResponse, Person
from kontor_protos.kontor.platform.v1.describe_pb import DescribeRequest, DescribeResponse
from protobuf import Message
from sqlalchemy import text

from kontor_platform.contract.image import Image
from kontor_platform.contract.problem import NotFound, Unauthenticated, Unavailable
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call, Event
from kontor_platform.runtime.dispatcher import single_read
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import (
    PassportSigner,
)


@dataclass
class People:
    """The keys of one tenant."""

    tenant: UUID
    sales: str
    agent: str
    other_sales_key: str
    operator: str
    viewer: str
    interactive: str
    lone_agent: str
    foreign: str


@dataclass
class Governance:
    """A twin of crm-governance that knows keys from memory."""

    signer: PassportSigner
    keys: dict[str, tuple[Principal, bool]] = field(default_factory=dict)
    asked: int = 0
    away: bool = False
    implements = "kontor.governance.v1.Passports"

    async def exchange(self, request: ExchangeRequest, metadata: Mapping[str, str]) -> ExchangeResponse:
        """Answers a passport for a known key."""
        self.asked += 1
        if self.away:
            raise Unavailable
        if request.door == "internal":
            return ExchangeResponse(passport=f"{request.tenant} {request.credential}")
        if request.credential not in self.keys:
            raise Unauthenticated
        principal, interactive = self.keys[request.credential]
        return ExchangeResponse(
            passport=self.signer.sign(principal),
            tenant=str(principal.tenant),
            slug=principal.slug,
            actor=str(principal.actor),
            kind=principal.kind,
            roles=sorted(principal.roles),
            key=principal.key,
            on_behalf_of=str(principal.on_behalf_of or ""),
            interactive=interactive,
        )

    def add(self, tenant: UUID, slug: str, kind: str, *roles: str, **more: Any) -> str:
        """Makes a key and answers it."""
        credential, interactive = secrets.token_hex(16), more.pop("interactive", False)
        actor = more.pop("actor", None) or new_id()
        principal = Principal(tenant, slug, actor, kind, frozenset(roles), "gateway", str(new_id()), **more)  # type: ignore[arg-type]
        self.keys[credential] = (principal, interactive)
        return credential

    def people(self, slug: str = "usual") -> People:
        """Makes a tenant with everybody in it."""
        tenant = new_id()
        sales = self.add(tenant, slug, "user", "sales")
        person = self.keys[sales][0].actor
        return People(
            tenant=tenant,
            sales=sales,
            agent=self.add(tenant, slug, "agent", "sales", on_behalf_of=person),
            other_sales_key=self.add(tenant, slug, "user", "sales", actor=person),
            operator=self.add(tenant, slug, "user", "manager", "approver"),
            viewer=self.add(tenant, slug, "user", "viewer"),
            interactive=self.add(tenant, slug, "user", "sales", actor=person, interactive=True),
            lone_agent=self.add(tenant, slug, "agent", "sales"),
            foreign=self.add(new_id(), slug, "agent", "sales"),
        )


@dataclass
class Directory:
    """The people whom the twin knows by their keys, as services ask for them."""

    governance: Governance
    locked_out: set[UUID] = field(default_factory=set)
    implements = "kontor.governance.v1.Users"

    async def find_users(self, request: FindUsersRequest, metadata: Mapping[str, str]) -> FindUsersResponse:
        """People of the tenant that the passport names."""
        if self.governance.away:
            raise Unavailable
        tenant = UUID(metadata["kontor-passport"].partition(" ")[0])
        known = [principal for principal, _ in self.governance.keys.values() if principal.tenant == tenant]
        people = {each.actor: each for each in known if each.kind == "user" and str(each.actor) in request.ids}
        return FindUsersResponse(
            people=[
                Person(id=str(actor), active=actor not in self.locked_out, approver="approver" in each.roles)
                for actor, each in people.items()
            ]
        )


class Described:
    """Answers Describe for an image of one's choice."""

    implements = "kontor.platform.v1.Platform"

    def __init__(self, service: str, image: Image, services: list[str]) -> None:
        self.service, self.image, self.services = service, image, services

    async def describe(self, request: DescribeRequest, metadata: Mapping[str, str]) -> DescribeResponse:
        """The image, or nothing new."""
        data = b"" if request.known_sha == self.image.sha else self.image.data
        return DescribeResponse(service=self.service, sha=self.image.sha, image=data, services=self.services)


class Plants:
    """The garden's methods."""

    implements = "garden.v1.Plants"

    async def sow_plant(self, request: Any, call: Call) -> Message:
        """Adds a plant."""
        sql = text("INSERT INTO plant (tenant_id, id, name) VALUES (:tenant, :id, :name) RETURNING *")
        plant = new_id()
        row = (await call.session.execute(sql, {"tenant": call.actor.tenant, "id": plant, "name": request.name})).one()
        call.emit(Event("plant.sown", "plant", plant, 1))
        return answer(call, row)

    @single_read
    async def get_plant(self, request: Any, call: Call) -> Message:
        """Reads a plant."""
        found = await call.read("SELECT * FROM plant WHERE tenant_id = %s AND id = %s", [call.actor.tenant, request.id])
        if not found:
            raise NotFound("There is no such plant.")
        return answer(call, SimpleNamespace(**found[0]))

    async def water_plant(self, request: Any, call: Call) -> Message:
        """Adds water."""
        sql = """UPDATE plant SET litres = litres + :litres, version = version + 1
                 WHERE tenant_id = :tenant AND id = :id RETURNING *"""
        row = await self._row(sql, request, call, litres=request.litres)
        call.emit(Event("plant.watered", "plant", row.id, row.version))
        return answer(call, row)

    async def visit_plant(self, request: Any, call: Call) -> Message:
        """Counts a litre of tears."""
        sql = "UPDATE plant SET litres = litres + 1 WHERE tenant_id = :tenant AND id = :id RETURNING *"
        return answer(call, await self._row(sql, request, call))

    async def uproot_plant(self, request: Any, call: Call) -> Message:
        """Removes a plant."""
        row = await self._row("DELETE FROM plant WHERE tenant_id = :tenant AND id = :id RETURNING *", request, call)
        call.emit(Event("plant.uprooted", "plant", row.id, row.version + 1))
        return answer(call, row)

    async def _row(self, sql: str, request: Any, call: Call, **more: Any) -> Any:
        columns = {"tenant": call.actor.tenant, "id": UUID(request.id), **more}
        row = (await call.session.execute(text(sql), columns)).one_or_none()
        if row is None:
            raise NotFound("There is no such plant.")
        return row


def answer(call: Call, row: Any) -> Message:
    """A plant as the message of whatever image the operation came from."""
    plant = {"id": str(row.id), "name": row.name, "litres": row.litres, "version": row.version}
    return call.operation.response_type.from_json(json.dumps(plant))
