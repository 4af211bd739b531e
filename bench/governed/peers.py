"""What the gateway is measured against: its floor and its peers, each started, registered and stopped.

Peers from PyPI have environments of their own under build/peers, made on their first use.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from governed.ways import JSON, LEGACY, Endpoint, listed_tools, passport_key, rpc_address
from stack import Stack

from kontor_platform.dev.postgres import EmbeddedPostgres

HERE = Path(__file__).resolve().parent
PEERS = HERE.parents[1] / "build" / "peers"
FASTMCP = "fastmcp==4.1.2"
FORGE = "mcp-contextforge-gateway[postgres]==1.0.7"
FORGE_TOOL = "peer-crm-get-record"
ADMIN = "admin@example.com"
START_S = 90
SERVER_CORE = 0
# By its tuning guide and its settings' own texts: PostgreSQL, gunicorn, caches in memory, and nothing compressed or
# written that a call can do without. With stateful sessions it lost answers or hung at 16 in flight.
TUNED = {
    "CACHE_TYPE": "memory",
    "COMPRESSION_ENABLED": "false",
    "CORRELATION_ID_ENABLED": "false",
    "DB_METRICS_RECORDING_ENABLED": "false",
    "DB_POOL_SIZE": "20",
    "LOG_LEVEL": "CRITICAL",
    "PLUGINS_ENABLED": "false",
    "STRUCTURED_LOGGING_ENABLED": "false",
    "TOKEN_USAGE_LOGGING_ENABLED": "false",
}
# The servers have one core.
TUNED_WORKERS = "1"


@dataclass(frozen=True, slots=True)
class Served:
    """A peer that serves: its port and its process, whose children count with it."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Bare:
    """The floor's two processes."""

    gateway: Served
    service: int


@contextmanager
def bare_chain(running: Stack) -> Iterator[Bare]:
    """Starlette, grpc.aio and psycopg, and nothing else."""
    postgres = EmbeddedPostgres(running.data_dir / "postgres")
    address, port = f"unix:{running.data_dir}/bare.sock", free_port()
    program = [sys.executable, str(HERE / "bare.py")]
    with (
        started([*program, "upstream", postgres.url, address]) as service,
        started([*program, "gateway", address, str(port)], port) as gateway,
    ):
        yield Bare(Served(port, gateway), service)


@contextmanager
def sdk_server(running: Stack) -> Iterator[Served]:
    """The SDK's low-level server in front of the service, with the gateway's own list of tools."""
    tools, port = running.data_dir / "tools.json", free_port()
    tools.write_text(json.dumps(listed_tools(running)))
    told = [rpc_address(running), str(passport_key(running)), running.credentials["tenant"], str(tools), str(port)]
    with started([sys.executable, str(HERE / "sdk.py"), *told], port) as pid:
        yield Served(port, pid)


@contextmanager
def fastmcp_proxy(upstream: Served) -> Iterator[Served]:
    """fastmcp's proxy in front of the SDK's server."""
    python, port = environment("fastmcp", FASTMCP) / "python", free_port()
    with started(
        [str(python), str(HERE / "proxy.py"), f"http://127.0.0.1:{upstream.port}/mcp", str(port)], port
    ) as pid:
        yield Served(port, pid)


@contextmanager
def context_forge(running: Stack, upstream: Served, *, tuned: bool) -> Iterator[tuple[Served, Endpoint]]:
    """ContextForge in front of the SDK's server, as installed or as its documentation tunes it."""
    bin, port = environment("contextforge", FORGE), free_port()
    home = running.data_dir / ("forge-tuned" if tuned else "forge")
    home.mkdir()
    settings = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "AUTH_ENCRYPTION_SECRET": secrets.token_urlsafe(48),
        "PLATFORM_ADMIN_EMAIL": ADMIN,
        "PLATFORM_ADMIN_PASSWORD": secrets.token_urlsafe(24),
        "BASIC_AUTH_PASSWORD": secrets.token_urlsafe(24),
        "DEFAULT_USER_PASSWORD": secrets.token_urlsafe(24),
        "MCPGATEWAY_ADMIN_API_ENABLED": "true",
        # As Kontor's limits: raised, not off.
        "RATE_LIMIT_MEDIUM_RPM": "100000000",
        # Its upstream is on this machine.
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
    }
    command = [str(bin / "mcpgateway"), "--host", "127.0.0.1", "--port", str(port)]
    if tuned:
        settings |= TUNED | {"DATABASE_URL": database(running)}
        command = [str(bin / "gunicorn"), "--workers", TUNED_WORKERS, "--worker-class", "uvicorn.workers.UvicornWorker"]
        command += ["--preload", "--timeout", "600", "--bind", f"127.0.0.1:{port}", "mcpgateway.main:app"]
    with started(command, port, settings, home) as pid:
        endpoint = Endpoint(port, LEGACY, forge_token(bin, settings, home), "/mcp", FORGE_TOOL, may_fail=True)
        register(endpoint, f"http://127.0.0.1:{upstream.port}/mcp")
        yield Served(port, pid), endpoint


def database(running: Stack) -> str:
    """A database for ContextForge on the gateway's own server."""
    url = EmbeddedPostgres(running.data_dir / "postgres").url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE forge")
    return url.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", "/forge?")


def forge_token(bin: Path, settings: Mapping[str, str], home: Path) -> str:
    """A token of its administrator, made by its own tool."""
    command = [str(bin / "python"), "-m", "mcpgateway.utils.create_jwt_token", "--admin", "-u", ADMIN, "-e", "600"]
    made = subprocess.run(
        [*command, f"--secret={settings['JWT_SECRET_KEY']}"],
        env=settings,
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.split()[-1]


def register(endpoint: Endpoint, upstream: str) -> None:
    """Tells ContextForge of the SDK's server."""
    body = json.dumps({"name": "peer", "url": upstream, "transport": "STREAMABLEHTTP"}).encode()
    headers = JSON | {"authorization": f"Bearer {endpoint.key}"}
    request = urllib.request.Request(f"http://127.0.0.1:{endpoint.port}/gateways", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=START_S):
            return
    except urllib.error.HTTPError as error:
        raise SystemExit(f"ContextForge did not take its upstream: {error.read()[:500]!r}") from error


def environment(name: str, package: str) -> Path:
    """The programs of a virtual environment with a package, made where it is not there yet."""
    home = PEERS / name
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != package:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-qq", package]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        stamp.write_text(package)
    return home / "bin"


@contextmanager
def started(
    command: Sequence[str], port: int | None = None, settings: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[int]:
    """A process on the servers' core, once it listens; its output goes where ours of that kind goes."""
    pinned = ["taskset", "--cpu-list", str(SERVER_CORE), *command]
    process = subprocess.Popen(pinned, env=settings, cwd=cwd, stdout=subprocess.DEVNULL)
    try:
        if port is not None:
            wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: "subprocess.Popen[Any]") -> None:
    """Waits until a process listens on its port."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} did not start")


def free_port() -> int:
    """A port nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
