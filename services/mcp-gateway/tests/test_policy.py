"""Policy that changes while the gateway runs, and limits whose store is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.metering.limiter import MAX_STREAMS_PER_ACTOR, Limiter
from kontor_platform.contract.image import Image
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import RateLimited
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tenant_policy import Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def server_yaml(world: Any) -> Iterator[Path]:
    """The file that the gateway reads, as it was again afterwards."""
    path: Path = world.folder / "server.yaml"
    before = path.read_text()
    yield path
    path.write_text(before)


async def until(condition: Any, within: float = 5.0) -> None:
    """Waits for a condition to come true."""
    async with asyncio.timeout(within):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


async def test_switches_work_within_seconds(world: Any, server_yaml: Path) -> None:
    """A tool switched off in the file is refused in under five seconds, and audited."""
    people = world.governance.people("switched")
    plant = await world.sow(people)
    assert not (await world.call(people.agent, "garden_get_plant", {"id": plant})).is_error
    server_yaml.write_text(server_yaml.read_text() + "  switched: {switched_off: {tools: [garden_get_plant]}}\n")

    async def off() -> bool:
        return bool((await world.call(people.agent, "garden_get_plant", {"id": plant})).is_error)

    await until(off)
    assert (await world.audited(people.tenant, "garden_get_plant"))[-1]["reason"] == "permission_denied"


async def test_a_faulty_file_is_told_and_changes_nothing(world: Any, people: Any, server_yaml: Path) -> None:
    """An error in the file is told with its line in `/health`, and the policy before stays in force."""
    plant = await world.sow(people)
    server_yaml.write_text(server_yaml.read_text() + "  broken: {mode: whatever}\n")

    async def told() -> bool:
        return any("line" in each for each in (await world.get("", "/health")).json().get("problems", ()))

    await until(told)
    assert not (await world.call(people.agent, "garden_get_plant", {"id": plant})).is_error


@pytest.fixture
def operations(garden_image: Image) -> dict[str, Operation]:
    """The garden's operations by name."""
    return {each.name: each for each in garden_image.operations(["garden.v1.Plants"])}


def caller(tenant: Any = None) -> Caller:
    """A caller nobody else is."""
    actor = uuid4()
    principal = Principal(tenant or uuid4(), "t", actor, "agent", frozenset({"sales"}), "gateway", str(uuid4()))
    return Caller(principal, "gateway", 0, False, "", "")


async def spent(limiter: Limiter, who: Caller, limits: Limits, operation: Operation, calls: int) -> int:
    """How many of so many calls are let through."""
    passed = 0
    for _ in range(calls):
        with suppress(RateLimited):
            await limiter.charge(who, limits, operation, as_read=not operation.is_write)
            passed += 1
    return passed


async def test_narrow_limits_protect_wide_ones(operations: dict[str, Operation]) -> None:
    """A noisy actor exhausts itself and not its tenant; the tenant's bound holds however many actors there are."""
    limiter, limits, tenant = Limiter(), Limits(per_actor=10, classes={"read": 25}), uuid4()
    read = operations["garden_get_plant"]
    assert await spent(limiter, caller(tenant), limits, read, 100) == 10
    assert [await spent(limiter, caller(tenant), limits, read, 20) for _ in range(3)] == [10, 5, 0]
    assert await spent(limiter, caller(), limits, read, 20) == 10


async def test_limits_by_tool_role_and_key(operations: dict[str, Operation]) -> None:
    """Each of the other bounds holds by itself."""
    read = operations["garden_get_plant"]
    for limits in (
        Limits(every=100, tools={read.name: 3}),
        Limits(every=100, roles={"sales": 3}),
        Limits(every=100, per_key=3),
    ):
        assert await spent(Limiter(), caller(), limits, read, 10) == 3


async def test_streams_are_few() -> None:
    """An actor cannot hold any number of streams, and places are given back."""
    limiter, who = Limiter(), caller()
    held = [limiter.listening(who) for _ in range(MAX_STREAMS_PER_ACTOR)]
    for each in held:
        each.__enter__()
    with pytest.raises(RateLimited), limiter.listening(who):
        pass
    held[0].__exit__(None, None, None)
    with limiter.listening(who):
        pass
