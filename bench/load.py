"""A load client: so many HTTP requests in flight over kept connections, each answer checked, each latency kept."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace

HEAD_END = b"\r\n\r\n"
PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run measured; latencies in seconds, sorted; `failed` are the calls with a wrong answer or none."""

    calls: int
    seconds: float
    latencies: Sequence[float]
    failed: int = 0

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of the calls stayed below, in milliseconds."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what its answer must hold one of."""

    request: bytes
    expected: tuple[bytes, ...]


class WrongAnswer(Exception):
    """An answer was not the one expected."""


async def http_load(
    port: int, asked: Iterator[Asked], seconds: float, in_flight: int, *, may_fail: bool = False
) -> Measured:
    """Asks for so long over so many connections; raises WrongAnswer on the first wrong answer, or counts them."""
    latencies, failed, until = list[float](), 0, time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal failed
        while time.perf_counter() < until:
            try:
                await connected()
            except (WrongAnswer, EOFError, OSError):
                if not may_fail:
                    raise
                failed += 1

    async def connected() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (began := time.perf_counter()) < until:
                each = next(asked)
                writer.write(each.request)
                async with asyncio.timeout(PATIENCE_S):
                    head, body = await answer(reader)
                if not head.startswith(b"HTTP/1.1 200") or not any(part in body for part in each.expected):
                    raise WrongAnswer((head + body)[:600].decode(errors="replace"))
                latencies.append(time.perf_counter() - began)
        finally:
            writer.close()

    return replace(await timed(caller, in_flight, latencies), failed=failed)


async def timed(caller: Callable[[], Coroutine[None, None, None]], in_flight: int, latencies: list[float]) -> Measured:
    """Runs callers side by side and measures them together."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(caller())
    return Measured(len(latencies), time.perf_counter() - began, sorted(latencies))


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One HTTP answer: its head and its body, by length or in chunks."""
    head = await reader.readuntil(HEAD_END)
    lower = head.lower()
    place = lower.find(b"content-length:")
    if place >= 0:
        length = int(lower[place + 15 : lower.index(b"\r", place)])
        return head, await reader.readexactly(length)
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return head, body


def http_request(path: str, body: bytes, headers: dict[str, str], host: str = "localhost") -> bytes:
    """A POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + HEAD_END + body
