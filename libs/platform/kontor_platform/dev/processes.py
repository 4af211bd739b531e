"""Runs the programs of one stack, restarts what dies, and records each process in `run.json`."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from kontor_platform.dev.record import Entry, Run, State, end, is_alive, observe, own_entry, read_run, write_run

__all__ = [
    "Entry",
    "Program",
    "ProgramFailed",
    "Run",
    "State",
    "Supervisor",
    "bind_loopback",
    "end",
    "is_alive",
    "open_log",
    "read_run",
    "tail",
]

STOP_GRACE = 20.0
_LOG_LIMIT = 50 * 1024 * 1024
_BACKOFF_FIRST, _BACKOFF_LAST, _BACKOFF_RESET = 0.5, 5.0, 30.0
_EARLY_EXITS = 3
_POLL = 0.05

# Asks the kernel (PR_SET_PDEATHSIG is 1) for SIGTERM when the supervisor dies, then becomes the program.
_LEASH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the supervisor is gone")
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running.

    `env` is its whole environment. Each listening socket is inherited, its descriptor named in `<KEY>_FD`.
    `ready` answers False or raises OSError while the program is not up; without it a started program is ready.
    `stop_grace` is how many seconds it has between SIGTERM and SIGKILL.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None
    restart: bool = True
    stop_grace: float = STOP_GRACE

    @property
    def ports(self) -> dict[str, int]:
        """The TCP ports of its sockets."""
        return {key: sock.getsockname()[1] for key, sock in self.sockets.items() if sock.family != socket.AF_UNIX}


class ProgramFailed(RuntimeError):
    """A program cannot get ready; the message ends with the last lines of its log."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        self.name = name
        super().__init__(f"{name} {what}. The end of {log}:\n{tail(log)}")


def bind_loopback() -> socket.socket:
    """Listens on a free port of 127.0.0.1 with a socket that a child can inherit."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.set_inheritable(True)
    return sock


def open_log(path: Path) -> BinaryIO:
    """Opens a log for appending, moving a large one aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_name(f"{path.name}.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def tail(path: Path, lines: int = 20) -> str:
    """Returns the last lines of a log, empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 64 * 1024))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


class _Child:
    """One program and the process that runs it at present."""

    def __init__(self, program: Program, log: Path, changed: Callable[[], None]) -> None:
        self.program = program
        self.log = log
        self.changed = changed
        self.entry = Entry(program.name, 0, "", tuple(program.argv), program.ports, State.STARTING)
        self.process: asyncio.subprocess.Process | None = None
        self.early_exits = 0
        self.was_ready = False
        self.keeper: asyncio.Task[None] | None = None

    def is_ready(self) -> bool:
        done = self.was_ready and not self.program.restart
        return done or self.entry.state is State.READY

    def raise_if_hopeless(self) -> None:
        if self.keeper is not None and self.keeper.done():
            self.keeper.result()
        if self.early_exits >= _EARLY_EXITS or (self.early_exits and not self.program.restart):
            raise ProgramFailed(self.program.name, f"exited {self.early_exits} times before it was ready", self.log)

    async def keep(self) -> None:
        """Runs the program, again and again if it is to be restarted."""
        delay = _BACKOFF_FIRST
        while True:
            began = time.monotonic()
            await self._run_once()
            if not self.program.restart:
                return
            if time.monotonic() - began > _BACKOFF_RESET:
                delay = _BACKOFF_FIRST
            await asyncio.sleep(delay)
            delay = min(2 * delay, _BACKOFF_LAST)

    async def stop(self) -> None:
        if self.keeper is not None:
            self.keeper.cancel()
            await asyncio.wait([self.keeper])
        if self.process is not None and self.process.returncode is None:
            await self._end(self.process)
        self._enter(State.STOPPED)

    async def _run_once(self) -> None:
        self.process = process = await self._spawn()
        seen = observe(process.pid)
        self.entry = replace(self.entry, pid=process.pid, started=seen.started if seen else "")
        self._enter(State.STARTING)
        await self._settle(process)
        await process.wait()
        self.early_exits += not self.was_ready
        self._enter(State.EXITED)

    async def _spawn(self) -> asyncio.subprocess.Process:
        sockets = self.program.sockets
        descriptors = {f"{key.upper()}_FD": str(sock.fileno()) for key, sock in sockets.items()}
        leash = (sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid())) if sys.platform == "linux" else ()
        with open_log(self.log) as log:
            return await asyncio.create_subprocess_exec(
                *leash,
                *self.program.argv,
                env={**self.program.env, **descriptors},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[sock.fileno() for sock in sockets.values()],
                start_new_session=True,
            )

    async def _settle(self, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            if await self._answers():
                self.was_ready = True
                self._enter(State.READY)
                return
            await asyncio.sleep(_POLL)

    async def _answers(self) -> bool:
        if self.program.ready is None:
            return True
        try:
            async with asyncio.timeout(2):
                return await self.program.ready()
        except OSError:
            return False

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self.program.stop_grace):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def _enter(self, state: State) -> None:
        self.entry = replace(self.entry, state=state)
        self.changed()


class Supervisor:
    """Starts programs, keeps them running and stops them, last first.

    The children die with the thread that runs the event loop, so it must be the main thread.
    `ports` are the stack's public ones, for the record.
    """

    def __init__(self, data_dir: Path, programs: Sequence[Program], ports: Mapping[str, int] | None = None) -> None:
        self._data_dir = data_dir
        self._own = own_entry(dict(ports or {}))
        logs = data_dir / "logs"
        self._children = [_Child(each, logs / f"{each.name}.log", self._record) for each in programs]
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Starts every program without waiting for it; the record of an earlier stack is overwritten."""
        self._record()
        for child in self._children:
            child.keeper = asyncio.create_task(child.keep(), name=child.program.name)
            child.keeper.add_done_callback(lambda _: self._changed.set())

    async def wait_ready(self, within: float) -> None:
        """Waits until all programs are ready; raises ProgramFailed after so many seconds, sooner for a hopeless one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._all_ready()
        for child in self._children:
            if not child.is_ready():
                raise ProgramFailed(child.program.name, f"was not ready within {within:g} seconds", child.log)

    async def stop(self) -> None:
        """Stops the programs in reverse order, each with SIGTERM and after 20 seconds with SIGKILL."""
        for child in reversed(self._children):
            await child.stop()
        self._own = replace(self._own, state=State.STOPPED)
        self._record()

    async def _all_ready(self) -> None:
        while not all(child.is_ready() for child in self._children):
            for child in self._children:
                child.raise_if_hopeless()
            await self._changed.wait()
            self._changed.clear()

    def _record(self) -> None:
        processes = tuple(child.entry for child in self._children)
        # A full disk must not end the supervision; the next change is recorded again.
        with contextlib.suppress(OSError):
            write_run(self._data_dir, Run(self._own, self._own.ports, processes))
        self._changed.set()
