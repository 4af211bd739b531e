"""A stack of its own for a bench: started, pinned to cores, and read by /proc."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.dev.record import Run, read_run

TICKS = os.sysconf("SC_CLK_TCK")
POLICY = """
tenants:
  demo:
    limits:
      every: 100000000
  bench:
    limits:
      every: 100000000
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its directory, its processes and the keys of its demo tenant."""

    data_dir: Path
    run: Run
    credentials: dict[str, Any]

    def pid(self, name: str) -> int:
        """The process of a program."""
        return next(entry.pid for entry in self.run.processes if entry.name == name)

    def port(self, name: str, which: str) -> int:
        """A port of a program."""
        return next(entry.ports[which] for entry in self.run.processes if entry.name == name)


@contextmanager
def stack() -> Iterator[Stack]:
    """Starts `kontor up` on a temporary directory with limits no bench reaches, and stops it."""
    with tempfile.TemporaryDirectory(prefix="kontor-bench-", ignore_cleanup_errors=True) as scratch:
        data_dir, policy = Path(scratch) / "data", Path(scratch) / "server.yaml"
        policy.write_text(POLICY)
        settings = {"KONTOR_DATA_DIR": str(data_dir), "EDGE_PORT": "0", "MCP_SERVER_PORT": "0"}
        environment = os.environ | settings | {"MCP_SERVER_CONFIG": str(policy)}
        kontor = [sys.executable, "-m", "kontor_cli"]
        subprocess.run([*kontor, "up", "--detach"], env=environment, check=True, stdout=sys.stderr)
        try:
            run = read_run(data_dir)
            assert run is not None
            yield Stack(data_dir, run, json.loads((data_dir / "credentials.json").read_text()))
        finally:
            subprocess.run([*kontor, "down"], env=environment, check=True, stdout=sys.stderr)
            EmbeddedPostgres(data_dir / "postgres").remove()


def postmaster(running: Stack) -> int:
    """The process of the database, whose children serve its connections."""
    pid = EmbeddedPostgres(running.data_dir / "postgres").pid
    assert pid is not None
    return pid


def pin(pid: int, core: int) -> None:
    """Keeps every thread of a process on one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def children(pid: int) -> list[int]:
    """What a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def descendants(pid: int) -> list[int]:
    """A process and everything it started."""
    return [pid, *(each for child in children(pid) for each in descendants(child))]


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_of_ended(pid: int) -> float:
    """Seconds of processor time that processes it started and that have ended had used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS
