"""Records which processes make up a running stack, and recognises or ends them later."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

_GRACE = 20.0
_POLL = 0.05


class State(StrEnum):
    """Says how far a process has come."""

    STARTING = "starting"
    READY = "ready"
    EXITED = "exited"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Observed:
    """What the system says of a running process: when it started, in the system's own notation, and its command."""

    started: str
    command: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A process as `run.json` records it."""

    name: str
    pid: int
    started: str
    command: tuple[str, ...]
    ports: dict[str, int]
    state: State

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Reads an entry; raises KeyError, TypeError or ValueError on any other shape."""
        return cls(**{**value, "command": tuple(value["command"]), "state": State(value["state"])})


@dataclass(frozen=True, slots=True)
class Run:
    """A stack as `run.json` records it."""

    supervisor: Entry
    ports: dict[str, int]
    processes: tuple[Entry, ...]


def observe(pid: int) -> Observed | None:
    """Looks a process up; None if it is gone or a zombie."""
    return _observe_proc(pid) if sys.platform == "linux" else _observe_ps(pid)


def _observe_proc(pid: int) -> Observed | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in field 2 may hold blanks and brackets; fields are counted behind its last bracket (proc(5)).
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Observed(fields[19], command.removesuffix(b"\0").replace(b"\0", b" ").decode(errors="replace"))


def _observe_ps(pid: int) -> Observed | None:
    ask = ["ps", "-ww", "-o", "stat=,lstart=,command=", "-p", str(pid)]
    said = subprocess.run(ask, capture_output=True, text=True, check=False, env={"PATH": os.defpath, "LC_ALL": "C"})
    words = said.stdout.split(maxsplit=6)
    if len(words) < 7 or words[0].startswith("Z"):
        return None
    return Observed(" ".join(words[1:6]), words[6].rstrip("\n"))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits for a condition and says whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def is_alive(entry: Entry) -> bool:
    """Says whether the recorded process still runs: pid, start time and command all match."""
    seen = observe(entry.pid)
    # A script's interpreter may replace the first word, so the arguments decide.
    arguments = " ".join(entry.command[1:] or entry.command)
    return seen is not None and seen.started == entry.started and seen.command.endswith(arguments)


def end(entry: Entry, grace: float = _GRACE) -> None:
    """Ends the recorded process, by force after the grace; leaves alone a process that only has the same pid."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if not is_alive(entry):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(entry.pid, sent)
        wait_until(lambda: not is_alive(entry), grace)


def run_file(data_dir: Path) -> Path:
    """Names the file that records a stack."""
    return data_dir / "run.json"


def read_run(data_dir: Path) -> Run | None:
    """Reads what a supervisor recorded; None if there is nothing this version can read."""
    try:
        value = json.loads(run_file(data_dir).read_text())
        processes = tuple(Entry.from_json(entry) for entry in value["processes"])
        return Run(Entry.from_json(value["supervisor"]), value["ports"], processes)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_run(data_dir: Path, run: Run) -> None:
    """Replaces the record whole, by rename."""
    data_dir.mkdir(parents=True, exist_ok=True)
    target = run_file(data_dir)
    fresh = target.with_name(f"{target.name}.new")
    fresh.write_text(json.dumps(asdict(run), indent=2))
    fresh.replace(target)


def own_entry(ports: dict[str, int]) -> Entry:
    """Describes the calling process, the supervisor."""
    seen = observe(os.getpid())
    command = tuple(sys.orig_argv)
    return Entry("supervisor", os.getpid(), seen.started if seen else "", command, ports, State.READY)
