import asyncio

import pytest

from kontor_platform.runtime.memory import Memory


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Answers the number of times it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.gate.wait()
        return mine


class Down(Exception):
    """The source does not answer."""


async def failing() -> int:
    raise Down


async def test_a_value_is_kept_for_its_seconds() -> None:
    """Within its time a value is not asked for again; after it, it is."""
    clock, source = Clock(), Source()
    memory: Memory[str, int] = Memory(5.0, clock=clock)
    assert await memory.get("key", source) == 1
    clock.now = 4.9
    assert await memory.get("key", source) == 1
    clock.now = 5.0
    assert await memory.get("key", source) == 2


async def test_many_callers_cause_one_look_up() -> None:
    """Callers that come while a value is looked up wait for that one."""
    source, memory = Source(), Memory[str, int](5.0)
    source.gate.clear()
    callers = [asyncio.create_task(memory.get("key", source)) for _ in range(20)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*callers) == [1] * 20


async def test_a_caller_that_goes_away_costs_the_others_nothing() -> None:
    """Cancelling one of two callers leaves the look-up running for the other."""
    source, memory = Source(), Memory[str, int](5.0)
    source.gate.clear()
    leaving, staying = (asyncio.create_task(memory.get("key", source)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    source.gate.set()
    assert await staying == 1


async def test_a_failure_is_not_kept() -> None:
    """After a failed look-up the next caller asks again."""
    memory: Memory[str, int] = Memory(5.0)
    with pytest.raises(Down):
        await memory.get("key", failing)
    assert await memory.get("key", Source()) == 1


async def test_the_oldest_goes_first_when_it_is_full() -> None:
    """Beyond the capacity the value looked up longest ago is forgotten."""
    memory: Memory[int, int] = Memory(5.0, capacity=2)
    sources = [Source() for _ in range(3)]
    for number, source in enumerate(sources):
        await memory.get(number, source)
    assert await memory.get(2, sources[2]) == 1
    assert await memory.get(0, sources[0]) == 2
