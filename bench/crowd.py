"""`make bench-crowd`: a thousand idle agents and 64 busy ones at once, for ten minutes, through the edge.

The idle ones hold a `subscriptions/listen` stream each and must be told by pings that it lives; the busy ones read one
record after another, every answer checked. Printed are latencies minute by minute, and the memory of each process.
"""

import argparse
import asyncio
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crm.house import creating
from governed.ways import Endpoint, created
from load import Measured
from stack import Stack, stack

STREAMS_PER_ACTOR = 8
# Pings come every 15 seconds.
SILENCE_S = 40.0
PROGRAMS = ("mcp-gateway", "crm-core", "crm-governance", "edge")
NOTIFICATIONS = {"notifications": {"toolsListChanged": True}}
TENANTS_AGENTS = ("agent_key", "agent_admin_key")


@dataclass
class Idle:
    """A stream that waits."""

    reader: asyncio.StreamReader
    # Without somebody to hold it the connection would be closed.
    writer: asyncio.StreamWriter
    heard: float = field(default_factory=time.monotonic)
    ended: bool = False

    async def listen(self) -> None:
        """Hears until the stream ends."""
        while await self.reader.read(4096):
            self.heard = time.monotonic()
        self.ended = True

    @property
    def lives(self) -> bool:
        """Whether it was told of lately."""
        return not self.ended and time.monotonic() - self.heard < SILENCE_S


async def main() -> None:
    """Runs the bench and prints its tables."""
    arguments = options()
    with stack() as running:
        ids = created(running)
        port = int(running.credentials["edge_url"].rsplit(":", 1)[1])
        idle = [await opened(port, key) for key in keys(running, arguments.idle)]
        listening = [asyncio.create_task(each.listen()) for each in idle]
        busy = Endpoint(port, key=running.credentials["agent_key"]).calls(ids)
        rows = []
        for minute in range(arguments.minutes):
            measured = await busy(60, arguments.busy)
            rows.append((measured, [megabytes(running.pid(name)) for name in PROGRAMS]))
            print(f"minute {minute + 1}: {measured.rate:.0f} calls a second", file=sys.stderr)
        alive = sum(each.lives for each in idle)
        for task in listening:
            task.cancel()
    print(table(rows))
    print(
        f"\n{alive} of {len(idle)} idle streams alive at the end; "
        f"{platform.platform()}; Python {platform.python_version()}"
    )
    if alive < len(idle):
        raise SystemExit("streams were lost")


def options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=1000, help="idle streams")
    parser.add_argument("--busy", type=int, default=64, help="calls in flight")
    parser.add_argument("--minutes", type=int, default=10)
    return parser.parse_args()


def keys(running: Stack, streams: int) -> list[str]:
    """A key for each stream, no actor with more than it may have; agents of as many tenants as that takes."""
    found: list[str] = []
    with creating(running) as create:
        while len(found) < streams:
            made = create(f"crowd-{len(found)}", with_agents=True)
            agents = [each.secret for each in made.keys if each.name in TENANTS_AGENTS]
            found += agents * STREAMS_PER_ACTOR
    return found[:streams]


async def opened(port: int, key: str) -> Idle:
    """An open stream, once it was acknowledged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(Endpoint(port, key=key).message("subscriptions/listen", NOTIFICATIONS))
    head = await reader.readuntil(b"\r\n\r\n")
    first = await reader.readuntil(b"\n\r\n") if b" 200 " in head else b""
    if b"acknowledged" not in first:
        raise SystemExit(f"a stream was refused: {(head + first + await reader.read(600))[:900]!r}")
    return Idle(reader, writer)


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def table(rows: Sequence[tuple[Measured, Sequence[float]]]) -> str:
    """The figures of each minute as a Markdown table."""
    memory_of = " | ".join(f"{name} MB" for name in PROGRAMS)
    lines = [
        f"| minute | calls | failed | calls a second | p50 ms | p99 ms | {memory_of} |",
        "|---|---|---|---|---|---|" + "---|" * len(PROGRAMS),
    ]
    for number, (measured, memory) in enumerate(rows, 1):
        lines.append(
            f"| {number} | {measured.calls} | {measured.failed} | {measured.rate:.0f} | {measured.percentile(0.5):.1f} "
            f"| {measured.percentile(0.99):.1f} | {' | '.join(f'{each:.0f}' for each in memory)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    asyncio.run(main())
