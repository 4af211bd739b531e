"""A service asks another as itself; whatever is wrong there, the answer comes in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import grpc.aio
import pytest
from kontor_protos.kontor.governance.v1.passports_pb import ExchangeRequest, ExchangeResponse
from kontor_protos.kontor.governance.v1.users_pb import FindUsersRequest, FindUsersResponse, Person
from protobuf.wkt import Timestamp

from kontor_platform.contract.image import own_image
from kontor_platform.contract.problem import NotFound, Unauthenticated, Unavailable
from kontor_platform.faces.rpc import add_plumbing
from kontor_platform.runtime.peers import Peers

FIND = "crm-governance/kontor.governance.v1.Users/FindUsers"
TENANT = uuid4()


@dataclass
class Governance:
    """Both rpc services in one: counts the questions, and answers by what `says` does."""

    says: Callable[[], None] = lambda: None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    exchanged: list[UUID] = field(default_factory=list)
    asked: int = 0


class Passports:
    """Gives everybody with the right key a passport."""

    implements = "kontor.governance.v1.Passports"

    def __init__(self, governance: Governance) -> None:
        self._governance = governance

    async def exchange(self, request: ExchangeRequest, metadata: Mapping[str, str]) -> ExchangeResponse:
        if metadata["kontor-service-key"] != "key":
            raise Unauthenticated
        self._governance.exchanged.append(UUID(request.tenant))
        ends = Timestamp.from_datetime(datetime.now(UTC) + timedelta(minutes=5))
        return ExchangeResponse(passport=f"passport of {request.tenant}", expires_at=ends)


class Users:
    """Knows one person in each tenant."""

    implements = "kontor.governance.v1.Users"

    def __init__(self, governance: Governance) -> None:
        self._governance = governance

    async def upsert_user(self, request: object, metadata: Mapping[str, str]) -> FindUsersResponse:
        raise NotFound

    whoami = upsert_user

    async def find_users(self, request: FindUsersRequest, metadata: Mapping[str, str]) -> FindUsersResponse:
        self._governance.asked += 1
        self._governance.says()
        await self._governance.gate.wait()
        return FindUsersResponse(people=[Person(id=metadata["kontor-passport"])])


@pytest.fixture
async def governance() -> Governance:
    """Governance as it answers."""
    made = Governance()
    made.gate.set()
    return made


@pytest.fixture
async def address(governance: Governance, tmp_path: Path) -> AsyncIterator[str]:
    """Where governance listens."""
    server, address = grpc.aio.server(), f"unix:{tmp_path}/rpc"
    for each in (Passports(governance), Users(governance)):
        add_plumbing(server, own_image(), each)
    server.add_insecure_port(address)
    await server.start()
    yield address
    await server.stop(0)


@pytest.fixture
async def peers(address: str) -> AsyncIterator[Peers]:
    """What a service with the right key has."""
    made = Peers({"crm-governance": address}, "key")
    yield made
    await made.close()


async def ask(peers: Peers, tenant: UUID = TENANT, keep_s: float = 0.0) -> str:
    """Who is answered as the only person."""
    answer = await peers.ask(FIND, FindUsersRequest(), FindUsersResponse, tenant=tenant, keep_s=keep_s)
    return answer.people[0].id


async def test_each_tenant_is_asked_with_its_own_passport(peers: Peers, governance: Governance) -> None:
    """A passport is for one tenant, and taken out once for many calls."""
    other = uuid4()
    told = [await ask(peers, each) for each in (TENANT, other, TENANT)]
    assert told == [f"passport of {TENANT}", f"passport of {other}", f"passport of {TENANT}"]
    assert (governance.exchanged, governance.asked) == ([TENANT, other], 3)


async def test_an_answer_is_kept_for_its_tenant_alone(peers: Peers, governance: Governance) -> None:
    """The same question is put once, and never answered across tenants."""
    other = uuid4()
    told = {await ask(peers, each, keep_s=60) for each in (TENANT, TENANT, other)}
    assert (len(told), governance.asked) == (2, 2)


async def test_a_peers_refusal_of_the_request_is_passed_on(peers: Peers, governance: Governance) -> None:
    """What the request got wrong is told; that this service is unwelcome is an outage."""
    governance.says = refusing(NotFound())
    with pytest.raises(NotFound):
        await ask(peers)
    governance.says = refusing(Unauthenticated())
    with pytest.raises(Unavailable):
        await ask(peers)


async def test_what_failed_is_asked_again(peers: Peers, governance: Governance) -> None:
    """A refusal is not kept."""
    governance.says = refusing(NotFound())
    with pytest.raises(NotFound):
        await ask(peers, keep_s=60)
    governance.says = lambda: None
    assert await ask(peers, keep_s=60)


async def test_a_peer_that_hangs_costs_two_seconds(peers: Peers, governance: Governance) -> None:
    """Nobody waits longer, and the refusal may be tried again."""
    governance.gate.clear()
    began = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        await ask(peers)
    assert time.monotonic() - began < 2.5
    assert refused.value.status.retryable
    governance.gate.set()
    assert await ask(peers)


@pytest.mark.parametrize("key", ["", "wrong"])
async def test_without_the_key_there_is_no_answer(address: str, key: str) -> None:
    """A service that governance does not know gets nothing."""
    peers = Peers({"crm-governance": address}, key)
    with pytest.raises(Unavailable):
        await ask(peers)
    await peers.close()


async def test_a_peer_that_is_away_is_told_at_once(tmp_path: Path) -> None:
    """Nobody listening, and no address at all, are the same outage."""
    for addresses in ({"crm-governance": f"unix:{tmp_path}/nobody"}, {}):
        peers = Peers(addresses, "key")
        with pytest.raises(Unavailable):
            await ask(peers)
        await peers.close()


def refusing(refusal: Exception) -> Callable[[], None]:
    """Raises a refusal."""

    def says() -> None:
        raise refusal

    return says
