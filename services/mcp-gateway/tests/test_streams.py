"""Calls that share a stream: what each is answered, and what becomes of them when the stream breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from kontor_protos.kontor.platform.v1.calls_pb import AnswerBatch, CallBatch, NumberedAnswer

from kontor_mcp_gateway.fanout.stream import RUN, CallStream, StreamBroken

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Scripted:
    """A service that answers each call with its request, in the order and at the time that it is told."""

    def __init__(self) -> None:
        self.seen: list[list[tuple[int, str]]] = []
        self.cancelled: list[int] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.ends_after = 10_000

    async def run(self, _: object, context: Any) -> None:
        """One stream."""
        while isinstance(data := await context.read(), bytes):
            calls = CallBatch.from_binary(data).calls
            self.cancelled += [each.number for each in calls if not each.rpc]
            asked = [each for each in calls if each.rpc]
            self.seen.append([(each.number, each.rpc) for each in asked])
            await self.hold.wait()
            answers = [NumberedAnswer(number=each.number, message=each.request) for each in reversed(asked)]
            await context.write(AnswerBatch(answers=answers).to_binary())
            self.ends_after -= len(asked)
            if self.ends_after <= 0:
                return


@asynccontextmanager
async def scripted(folder: Path, *, offered: bool = True) -> AsyncIterator[tuple[Scripted, grpc.aio.Channel]]:
    """The service and a channel to it."""
    service, server = Scripted(), grpc.aio.server()
    if offered:
        name, method = RUN.strip("/").split("/")
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            method: grpc.stream_stream_rpc_method_handler(service.run)
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    server.add_insecure_port(f"unix:{folder}/scripted.sock")
    await server.start()
    async with grpc.aio.insecure_channel(f"unix:{folder}/scripted.sock") as channel:
        yield service, channel
    await server.stop(0)


async def test_calls_made_together_travel_together(tmp_path: Path) -> None:
    """A hundred calls at once share a few messages, and each gets the answer to its own."""
    async with scripted(tmp_path) as (service, channel):
        stream = CallStream(channel)
        answers = await asyncio.gather(*(stream.call("/a/B", str(n).encode(), {}, 5) for n in range(100)))
        assert [each.message for each in answers] == [str(n).encode() for n in range(100)]
        assert len(service.seen) < 20
        await stream.close()


async def test_a_call_that_is_given_up_is_told_of(tmp_path: Path) -> None:
    """Who stops waiting, by time or by will, frees the service of the call; the others go on."""
    async with scripted(tmp_path) as (service, channel):
        stream = CallStream(channel)
        service.hold.clear()
        late = asyncio.create_task(stream.call("/a/B", b"late", {}, 0.05))
        gone = asyncio.create_task(stream.call("/a/B", b"gone", {}, 5))
        stays = asyncio.create_task(stream.call("/a/B", b"stays", {}, 5))
        with pytest.raises(TimeoutError):
            await late
        gone.cancel()
        service.hold.set()
        assert (await stays).message == b"stays"
        assert (await stream.call("/a/B", b"next", {}, 5)).message == b"next"
        assert service.cancelled == [1, 2]
        await stream.close()


async def test_a_broken_stream_fails_what_it_carries(tmp_path: Path) -> None:
    """When a service ends the stream, calls without an answer are told so, and no more are taken."""
    async with scripted(tmp_path) as (service, channel):
        stream = CallStream(channel)
        service.ends_after = 1
        assert (await stream.call("/a/B", b"x", {}, 5)).message == b"x"
        with pytest.raises(StreamBroken) as broken:
            await stream.call("/a/B", b"y", {}, 5)
        assert broken.value.offered
        assert not stream.takes_calls


async def test_a_retired_stream_answers_what_it_has(tmp_path: Path) -> None:
    """An old stream ends with its last answer."""
    async with scripted(tmp_path) as (service, channel):
        stream = CallStream(channel)
        service.hold.clear()
        asked = asyncio.create_task(stream.call("/a/B", b"x", {}, 5))
        await asyncio.sleep(0)
        stream.retire()
        service.hold.set()
        assert (await asked).message == b"x"
        with pytest.raises(StreamBroken):
            await stream.call("/a/B", b"y", {}, 5)


async def test_a_service_without_streams_is_known(tmp_path: Path) -> None:
    """Whoever does not know the rpc is told apart from who broke off."""
    async with scripted(tmp_path, offered=False) as (_, channel):
        with pytest.raises(StreamBroken) as broken:
            await CallStream(channel).call("/a/B", b"x", {}, 5)
        assert not broken.value.offered


async def test_a_stopped_service_breaks_streams_and_loses_nothing(world: Any, people: Any) -> None:
    """Reads under way while the service stops and comes back are answered or refused, and later ones work."""
    plant = await world.sow(people)

    async def read() -> str:
        told = await world.call(people.agent, "garden_get_plant", {"id": plant})
        return str(told.structured_content["code"]) if told.is_error else "ok"

    before = await asyncio.gather(*(read() for _ in range(20)))
    reading = [asyncio.create_task(read()) for _ in range(40)]
    await world.stop_garden()
    during = await asyncio.gather(*reading)
    await world.go_on_garden()
    assert set(before) == {"ok"}
    assert set(during) <= {"ok", "unavailable"}
    assert await read() == "ok"
