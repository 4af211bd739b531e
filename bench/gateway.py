"""`make bench`: one indexed read through the governed gateway, beside the same read by other ways.

Every server process (gateway and service together) runs on core 0; the client, PostgreSQL and the rest on core 1.
Rounds are interleaved, every answer is checked, medians are printed.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from uuid import UUID

import grpc
import grpc.aio
from kontor_protos.kontor.crm.v1.records_pb import GetRecordRequest, GetRecordResponse
from load import Asked, Measured, http_load, http_request, timed
from stack import Stack, cpu_seconds, descendants, pin, stack

from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import PassportSigner

SERVER_CORE, CLIENT_CORE = 0, 1
PROTOCOL = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
RECORDS = 200
JSON = {"content-type": "application/json"}
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Way:
    """One way to make the read: what loads it and which processes serve it."""

    name: str
    load: Callable[[int, int], Awaitable[Measured]]
    processes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Round:
    """What one run of one way took, CPU in milliseconds a call by process."""

    measured: Measured
    cpu_ms: Mapping[str, float]


async def main() -> None:
    """Runs the bench and prints its table."""
    arguments = options()
    os.sched_setaffinity(0, {CLIENT_CORE})
    with stack() as running:
        ids = create_records(running)
        with bare_chain(running) as (bare_port, bare):
            for each in descendants(running.run.supervisor.pid):
                pin(each, CLIENT_CORE)
            served = {"gateway": running.pid("mcp-gateway"), "service": running.pid("crm-core")}
            for pid in (*served.values(), *bare.values()):
                pin(pid, SERVER_CORE)
            service = {"service": served["service"]}
            passport = signed_passport(running)
            ways = [
                Way("MCP, all governance on", governed(running, ids), served),
                Way("bare Starlette + grpc.aio + psycopg", bare_reads(running, bare_port, ids), bare),
                Way("plain gRPC to the service", over_grpc(running, passport, ids), service),
                Way("REST on the service's port", over_rest(running, passport, ids), service),
            ]
            rounds = await measured(ways, arguments)
    print(table(rounds, arguments))


def options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4000, help="calls a round")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds, after one that is not counted")
    parser.add_argument("--in-flight", type=int, default=16, help="calls in flight")
    return parser.parse_args()


def create_records(running: Stack) -> list[str]:
    """Contacts to read, made through the edge by a person."""
    url, key = running.credentials["edge_url"], running.credentials["sales_key"]
    made = []
    for number in range(RECORDS):
        body = {"first_name": "Bench", "last_name": f"Contact {number}", "email": f"bench{number}@example.com"}
        request = urllib.request.Request(
            f"{url}/crm/upsert_contact", json.dumps(body).encode(), JSON | {"authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request) as answer:
            made.append(json.load(answer)["contact"]["id"])
    return made


def governed(running: Stack, ids: Sequence[str]) -> Callable[[int, int], Awaitable[Measured]]:
    """Reads through the gateway, as an agent speaks to it."""
    headers = JSON | {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {running.credentials['agent_key']}",
        "mcp-protocol-version": PROTOCOL,
        "mcp-method": "tools/call",
        "mcp-name": "crm_get_record",
    }
    asked = []
    for number, record in enumerate(ids):
        parameters = {"name": "crm_get_record", "arguments": {"id": record}, "_meta": META}
        body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": parameters}
        asked.append(Asked(http_request("/mcp", json.dumps(body).encode(), headers), record.encode()))
    port = int(running.credentials["mcp_url"].rsplit(":", 1)[1].split("/")[0])
    return lambda calls, in_flight: http_load(port, cycle(asked), calls, in_flight)


def bare_reads(running: Stack, port: int, ids: Sequence[str]) -> Callable[[int, int], Awaitable[Measured]]:
    """Reads through the bare chain."""
    tenant, asked = running.credentials["tenant"], []
    for number, record in enumerate(ids):
        body = {"jsonrpc": "2.0", "id": number, "method": "get", "params": {"key": [tenant, record]}}
        asked.append(Asked(http_request("/mcp", json.dumps(body).encode(), JSON), record.encode()))
    return lambda calls, in_flight: http_load(port, cycle(asked), calls, in_flight)


def over_rest(running: Stack, passport: str, ids: Sequence[str]) -> Callable[[int, int], Awaitable[Measured]]:
    """Reads on the service's own HTTP port."""
    headers = JSON | {"x-kontor-passport": passport}
    bodies = ((record.encode(), json.dumps({"id": record}).encode()) for record in ids)
    asked = [Asked(http_request("/crm/get_record", body, headers), record) for record, body in bodies]
    return lambda calls, in_flight: http_load(running.port("crm-core", "http"), cycle(asked), calls, in_flight)


def over_grpc(running: Stack, passport: str, ids: Sequence[str]) -> Callable[[int, int], Awaitable[Measured]]:
    """Reads on the service's own gRPC address."""
    requests = cycle([GetRecordRequest(id=record) for record in ids])

    async def load(calls: int, in_flight: int) -> Measured:
        latencies, begun = list[float](), iter(range(calls))
        async with grpc.aio.insecure_channel(rpc_address(running)) as channel:
            get = channel.unary_unary(
                "/kontor.crm.v1.Records/GetRecord",
                request_serializer=GetRecordRequest.to_binary,
                response_deserializer=GetRecordResponse.from_binary,
            )

            async def caller() -> None:
                for _ in begun:
                    request, began = next(requests), time.perf_counter()
                    answer = await get(request, timeout=2, metadata=(("kontor-passport", passport),))
                    latencies.append(time.perf_counter() - began)
                    assert answer.id == request.id

            return await timed(caller, in_flight, latencies)

    return load


def rpc_address(running: Stack) -> str:
    """Where the service listens for gRPC, as its own environment says."""
    environment = Path(f"/proc/{running.pid('crm-core')}/environ").read_bytes().decode()
    return next(each.partition("=")[2] for each in environment.split("\0") if each.startswith("RPC_ADDRESS="))


def signed_passport(running: Stack) -> str:
    """A passport of the demo agent, as the gateway would send it."""
    tenant, actor = UUID(running.credentials["tenant"]), UUID(int=1)
    agent = Principal(tenant, "demo", actor, "agent", frozenset({"sales"}), "gateway", "bench")
    return PassportSigner(running.data_dir / "secrets" / "passport.private.jwk").sign(agent)


@contextmanager
def bare_chain(running: Stack) -> Iterator[tuple[int, dict[str, int]]]:
    """The floor's two processes: their port, and their pids by name."""
    postgres = EmbeddedPostgres(running.data_dir / "postgres")
    postgres.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"unix:{running.data_dir}/bare.sock"
    commands = {"service": ["upstream", postgres.url, address], "gateway": ["gateway", address, str(port)]}
    processes = {
        name: subprocess.Popen([sys.executable, str(HERE / "bare.py"), *arguments])
        for name, arguments in commands.items()
    }
    try:
        wait_for(port)
        yield port, {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    """Waits until somebody listens on a port."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the bare chain did not start")


async def measured(ways: Sequence[Way], arguments: argparse.Namespace) -> dict[str, list[Round]]:
    """Interleaved rounds of every way, the first of them left out."""
    rounds: dict[str, list[Round]] = {way.name: [] for way in ways}
    for number in range(arguments.rounds + 1):
        for way in ways:
            done = await one_round(way, arguments)
            print(f"round {number}: {way.name}: {done.measured.rate:.0f} calls a second", file=sys.stderr)
            if number:
                rounds[way.name].append(done)
    return rounds


async def one_round(way: Way, arguments: argparse.Namespace) -> Round:
    """One run of one way with the CPU each of its processes used."""
    before = {name: cpu_seconds(pid) for name, pid in way.processes.items()}
    result = await way.load(arguments.calls, arguments.in_flight)
    used = {name: cpu_seconds(pid) - before[name] for name, pid in way.processes.items()}
    return Round(result, {name: seconds * 1000 / result.calls for name, seconds in used.items()})


def table(rounds: Mapping[str, Sequence[Round]], arguments: argparse.Namespace) -> str:
    """The figures as a Markdown table, ratios against the bare chain."""
    floor = median_cpu(rounds["bare Starlette + grpc.aio + psycopg"])
    lines = [
        f"crm_get_record, {arguments.in_flight} in flight, {arguments.calls} calls a round, "
        f"median of {arguments.rounds} interleaved rounds; servers on one core; Python {platform.python_version()}",
        "",
        "| way | calls a second | CPU ms a call | gateway | service | p50 ms | p99 ms | CPU against the bare chain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, done in rounds.items():
        cpu = {part: statistics.median(each.cpu_ms.get(part, 0.0) for each in done) for part in ("gateway", "service")}
        rate, p50, p99 = (
            statistics.median(read(each.measured) for each in done)
            for read in (lambda m: m.rate, lambda m: m.percentile(0.5), lambda m: m.percentile(0.99))
        )
        total = median_cpu(done)
        lines.append(
            f"| {name} | {rate:.0f} | {total:.2f} | {cpu['gateway']:.2f} | {cpu['service']:.2f} "
            f"| {p50:.1f} | {p99:.1f} | {total / floor:.2f} |"
        )
    return "\n".join(lines)


def median_cpu(done: Sequence[Round]) -> float:
    """CPU milliseconds a call over all processes of a way."""
    return statistics.median(sum(each.cpu_ms.values()) for each in done)


if __name__ == "__main__":
    asyncio.run(main())
