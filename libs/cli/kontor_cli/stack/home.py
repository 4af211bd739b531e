"""The data directory of a stack, and where its sockets lie."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kontor_cli.failure import Failure
from kontor_platform.dev.pgfiles import Account, PostgresFailed, ensure_directory, socket_base
from kontor_platform.dev.processes import Run, is_alive, read_run


@dataclass(frozen=True, slots=True)
class Home:
    """Names every place of one stack; `data_dir` is absolute."""

    data_dir: Path

    @classmethod
    def at(cls, data_dir: Path) -> "Home":
        """The home in a directory, whether it exists or not."""
        return cls(data_dir.expanduser().resolve())

    @property
    def secrets(self) -> Path:
        """Keys and passwords of the system."""
        return self.data_dir / "secrets"

    @property
    def credentials(self) -> Path:
        """Keys of people and agents to try the system with."""
        return self.data_dir / "credentials.json"

    @property
    def logs(self) -> Path:
        """One log a program."""
        return self.data_dir / "logs"

    @property
    def spool(self) -> Path:
        """What services have yet to write into their database."""
        return self.data_dir / "spool"

    @property
    def edge(self) -> Path:
        """What Envoy is configured with."""
        return self.data_dir / "edge"

    @property
    def postgres(self) -> Path:
        """The embedded database."""
        return self.data_dir / "postgres"

    @property
    def sockets(self) -> Path:
        """A directory whose path is short enough for unix sockets, however long the data directory's is."""
        return socket_base() / f"{hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]}-sockets"

    def rpc(self, service: str) -> str:
        """The address on which a service answers gRPC."""
        return f"unix:{self.sockets / service}.sock"

    def run(self) -> Run | None:
        """What the last supervisor recorded."""
        return read_run(self.data_dir)

    def running(self) -> Run | None:
        """The record of a stack whose supervisor lives; None if none does."""
        run = self.run()
        return run if run is not None and is_alive(run.supervisor) else None

    def prepare(self) -> None:
        """Makes the directories; raises Failure where that is not allowed."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            for private in (self.secrets, self.logs, self.spool, self.edge):
                private.mkdir(mode=0o700, exist_ok=True)
            ensure_directory(socket_base(), 0o755, Account.caller())
            ensure_directory(self.sockets, 0o700, Account.caller())
        except OSError as error:
            where = error.filename or self.data_dir
            raise Failure(
                f"The data directory {self.data_dir} cannot be used: {where}: {error.strerror}.",
                "Name a directory you may write to: KONTOR_DATA_DIR=/path/to/data kontor up",
            ) from error
        except PostgresFailed as error:
            raise Failure(str(error)) from error

    @contextlib.contextmanager
    def only_one(self) -> Iterator[None]:
        """Holds the directory for one supervisor; raises Failure naming the one that has it."""
        with (self.data_dir / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise already_running(self) from error
            yield


def already_running(home: Home) -> Failure:
    """What to say when a stack runs on the same data."""
    run = home.running()
    if run is None:
        return Failure(f"Another kontor up is just starting on {home.data_dir}.", "Wait for it, or see: kontor status")
    at = f" at http://{run_host(run)}" if "edge" in run.ports else ""
    return Failure(
        f"Kontor already runs on {home.data_dir}: process {run.supervisor.pid}{at}.",
        "Stop it with kontor down, or start a second one with another KONTOR_DATA_DIR, EDGE_PORT and MCP_SERVER_PORT.",
    )


def run_host(run: Run) -> str:
    """The host and port on which a recorded stack's edge answers here."""
    return f"127.0.0.1:{run.ports['edge']}"
