"""What holds when things break: a service stopped, hung or unknown, governance away, rows waiting on disk."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from kontor_mcp_gateway.audit.intents import Intents
from kontor_mcp_gateway.fanout.breaker import Breaker

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until(condition: Any) -> None:
    """Waits for a condition to come true."""
    async with asyncio.timeout(15):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


async def test_stopped_service_answers_at_once_and_the_catalogue_stays(world: Any, people: Any) -> None:
    """Without its service a tool stays listed and answers `unavailable` in under a second; back again, it works."""
    plant = await world.sow(people)
    await world.stop_garden()
    began = time.monotonic()
    refused = await world.call(people.agent, "garden_get_plant", {"id": plant})
    assert time.monotonic() - began < 1.0
    assert refused.structured_content["code"] == "unavailable"
    assert refused.structured_content["retryable"]
    assert refused.structured_content["retry_after_s"] >= 1

    async def marked() -> bool:
        async with world.client(people.agent) as client:
            tools = (await client.list_tools()).tools
        assert len(tools) == 5
        return all(tool.meta["kontor/unavailable"] for tool in tools if "kontor/unavailable" in tool.meta) and any(
            "kontor/unavailable" in tool.meta for tool in tools
        )

    await until(marked)
    health = await world.get("", "/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["services"]["garden"] == "unavailable"
    await world.go_on_garden()

    async def works() -> bool:
        return not (await world.call(people.agent, "garden_get_plant", {"id": plant})).is_error

    await until(works)


async def test_hung_service_costs_one_deadline(world: Any, people: Any) -> None:
    """A service that hangs costs the first caller two seconds and the next ones a moment."""
    plant = await world.sow(people)
    await world.stop_garden()
    silent = await asyncio.start_unix_server(swallow, world.garden_address.removeprefix("unix:"))
    await asyncio.sleep(0)
    try:
        await until_open(world, people, plant)
        began = time.monotonic()
        refused = await world.call(people.agent, "garden_get_plant", {"id": plant})
        assert time.monotonic() - began < 0.5
        assert refused.structured_content["code"] == "unavailable"
    finally:
        silent.close()
        await world.go_on_garden()


async def until_open(world: Any, people: Any, plant: str) -> None:
    """Calls once into the silence; the answer comes with the deadline at the latest."""
    began = time.monotonic()
    refused = await world.call(people.agent, "garden_get_plant", {"id": plant})
    assert time.monotonic() - began < 2.6
    assert refused.structured_content["code"] in ("unavailable", "deadline")


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(4096):
        continue
    writer.close()


async def test_without_governance_reads_go_on_and_guarded_writes_stop(world: Any, people: Any) -> None:
    """While keys cannot be checked, known callers read, guarded writes are refused at once, strangers get 503."""
    plant = await world.sow(people)
    assert not (await world.call(people.agent, "garden_get_plant", {"id": plant})).is_error
    world.governance.away = True
    try:
        assert not (await world.call(people.agent, "garden_get_plant", {"id": plant})).is_error
        began = time.monotonic()
        refused = await world.call(people.agent, "garden_water_plant", {"id": plant, "litres": 1})
        assert time.monotonic() - began < 1.0
        assert refused.structured_content["code"] == "unavailable"
        stranger = await world.get(people.operator, "/approvals")
        assert (stranger.status_code, stranger.json()["code"]) == (503, "unavailable")
    finally:
        world.governance.away = False


async def test_strangers_are_counted_in_one_row(world: Any) -> None:
    """Many refusals of one address in a minute are one row with a count."""
    before = await world.strangers()
    await asyncio.gather(*(world.get(f"wrong {number}", "/catalogue") for number in range(10)))

    async def counted() -> bool:
        return bool(await world.strangers() == before + 10)

    await until(counted)


async def test_reads_reach_the_read_log(world: Any, people: Any) -> None:
    """Each read has its row soon after its answer."""
    plant = await world.sow(people)
    for _ in range(3):
        await world.call(people.agent, "garden_get_plant", {"id": plant})

    async def noted() -> bool:
        return len(await world.rows(people.tenant, "SELECT * FROM read_log WHERE operation = 'garden_get_plant'")) == 3

    await until(noted)


async def test_rows_of_a_killed_process_are_committed(world: Any, people: Any, tmp_path: Path) -> None:
    """A write that was under way when its gateway was killed gets a row that says so."""
    dead, call_id = tmp_path / "dead.writes", uuid4()
    dead.mkdir()
    (dead / "lock").touch()
    row = {"operation": "garden_water_plant", "outcome": "unknown"}
    entry = {"tenant": str(people.tenant), "call_id": str(call_id), "row": row, "subjects": []}
    (dead / f"{call_id}.json").write_text(json.dumps(entry))
    await Intents(world.database, tmp_path).settle()
    assert await world.audited(people.tenant, "garden_water_plant") == [row]
    assert not dead.exists()


async def test_rows_of_a_living_process_are_left_alone(world: Any, people: Any, tmp_path: Path) -> None:
    """What another gateway has under way is its own business."""
    living = Intents(world.database, tmp_path)
    living.keep(people.tenant, UUID(int=1), {"operation": "garden_water_plant", "outcome": "unknown"}, ())
    await Intents(world.database, tmp_path).settle()
    assert await world.audited(people.tenant, "garden_water_plant") == []
    living.drop(UUID(int=1))
    living.close()


async def test_breaker_closes_when_its_probe_is_answered() -> None:
    """A false alarm holds calls back for a moment only; a real one until the service answers."""
    answers, asked = asyncio.Event(), []

    async def probe() -> bool:
        asked.append(1)
        await answers.wait()
        return True

    breaker = Breaker(probe)
    breaker.failed()
    breaker.failed()
    assert not await breaker.admits()
    assert breaker.is_open
    answers.set()
    await until(breaker.admits)
    assert len(asked) == 1
    await breaker.close()
