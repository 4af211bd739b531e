"""A running stack: started by `kontor up` itself, read from what it records."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from kontor_cli.stack.home import Home
from kontor_cli.talk.credentials import Credentials, read_credentials
from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.dev.processes import Entry, Run, is_alive
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import PassportSigner
from support.waiting import wait_until

START_SECONDS = 180.0
STOP_SECONDS = 60.0
SETTINGS = ("DATABASE_URL", "EDGE_HOST", "MCP_SERVER_HOST", "MCP_SERVER_CONFIG", "APP_ENV", "KONTOR_KEY")


@dataclass(frozen=True)
class Stack:
    """One stack, by its data directory."""

    data_dir: Path
    environment: Mapping[str, str]

    @property
    def home(self) -> Home:
        """Its places."""
        return Home.at(self.data_dir)

    @property
    def run(self) -> Run:
        """What its supervisor recorded."""
        run = self.home.run()
        assert run is not None, f"{self.data_dir} has no run.json"
        return run

    @property
    def credentials(self) -> Credentials:
        """The keys of its tenants demo and other."""
        return read_credentials(self.home.credentials)

    @property
    def edge_url(self) -> str:
        """The edge."""
        return self.credentials.edge_url

    @property
    def mcp_url(self) -> str:
        """The gateway's own MCP endpoint."""
        return self.credentials.mcp_url

    @property
    def secrets(self) -> Path:
        """The system's keys."""
        return self.home.secrets

    def rpc(self, service: str) -> str:
        """The address of a service's gRPC face."""
        return self.home.rpc(service)

    def http(self, service: str) -> str:
        """The base URL of a service's internal REST face."""
        return f"http://127.0.0.1:{self.process(service).ports['http']}"

    def process(self, name: str) -> Entry:
        """A process by the name it is recorded under."""
        return next(each for each in self.run.processes if each.name == name)

    def passport(self, principal: Principal) -> str:
        """A passport signed with the stack's own key."""
        return PassportSigner(self.secrets / "passport.private.jwk").sign(principal)

    def sql(self, service: str) -> psycopg.Connection[TupleRow]:
        """A connection as the administrator, who sees every tenant's rows, in the service's schema."""
        connection = psycopg.connect(EmbeddedPostgres(self.home.postgres).url)
        schema = sql.Identifier(service.replace("-", "_"))
        connection.execute(sql.SQL("SET search_path TO {}").format(schema))
        connection.commit()
        return connection

    def kontor(self, *arguments: str, seconds: float = START_SECONDS) -> subprocess.CompletedProcess[str]:
        """Runs a command of `kontor` on this stack."""
        return subprocess.run(
            command(*arguments),
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )

    def start(self) -> subprocess.CompletedProcess[str]:
        """Starts it in the background and waits until it is ready; fails the test otherwise."""
        done = self.kontor("up", "--detach")
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def stop(self) -> None:
        """Stops it and waits."""
        done = self.kontor("down", seconds=STOP_SECONDS * 3)
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self, name: str) -> None:
        """Kills a process with SIGKILL and waits until it is gone; the supervisor starts another."""
        entry = self.process(name)
        os.kill(entry.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(entry), what=f"{name} is gone")

    def kill_until_replaced(self, name: str) -> None:
        """Kills a process with SIGKILL and waits until the supervisor has started another."""
        killed = self.process(name).pid
        self.kill(name)
        wait_until(lambda: self.process(name).pid != killed, what=f"another {name}")

    def is_well(self) -> bool:
        """Whether everything behind the edge is ready."""
        try:
            # Asked again and again: loading the system's certificates each time would cost more than the answer.
            answer = httpx2.get(f"{self.edge_url}/health", trust_env=False, verify=False)
        except httpx2.TransportError:
            return False
        return answer.status_code == httpx2.codes.OK and answer.json()["status"] == "ok"


def command(*arguments: str) -> list[str]:
    """The command line of `kontor`."""
    return [sys.executable, "-m", "kontor_cli", *arguments]


def stack_at(data_dir: Path, **settings: str) -> Stack:
    """A stack that is not started yet, on free ports unless told otherwise."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    ports = {"EDGE_PORT": "0", "MCP_SERVER_PORT": "0"}
    return Stack(data_dir, {**inherited, "KONTOR_DATA_DIR": str(data_dir), **ports, **settings})


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Stack]:
    """A stack for as long as the block; its database's files go with it."""
    stack = stack_at(data_dir, **settings)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        EmbeddedPostgres(stack.home.postgres).remove()
