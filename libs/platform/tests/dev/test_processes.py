import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kontor_platform.dev.processes import (
    Entry,
    Program,
    ProgramFailed,
    State,
    Supervisor,
    bind_loopback,
    end,
    is_alive,
    open_log,
    read_run,
)
from kontor_platform.dev.record import observe, run_file, wait_until

WAIT = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAIT
NOTE_END = """
import signal, sys
def note(*_):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, note)
print("up", flush=True)
while True:
    signal.pause()
"""
SERVE = """
import http.server, os, socket
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(os.environ["HTTP_FD"]))
server.serve_forever()
"""
SUPERVISE = """
import asyncio, pathlib, sys
from kontor_platform.dev.processes import Program, Supervisor
async def main():
    waiting = [Program(name, (sys.executable, "-c", sys.argv[2]), {}) for name in ("first", "second")]
    supervisor = Supervisor(pathlib.Path(sys.argv[1]), waiting)
    await supervisor.start()
    await supervisor.wait_ready(20)
    print("up", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def python(name: str, code: str, *arguments: str, restart: bool = True) -> Program:
    return Program(name, (sys.executable, "-c", code, *arguments), {"HOME": "/"}, restart=restart)


def when_logged(program: Program, data_dir: Path, text: str) -> Program:
    """Calls the program ready once its log holds a text."""
    log = data_dir / "logs" / f"{program.name}.log"

    async def ready() -> bool:
        return text in log.read_text()

    return replace(program, ready=ready)


@asynccontextmanager
async def running(
    data_dir: Path, programs: Sequence[Program], ports: Mapping[str, int] | None = None
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(data_dir, programs, ports)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def entry(data_dir: Path, name: str) -> Entry:
    run = read_run(data_dir)
    assert run is not None
    return next(each for each in run.processes if each.name == name)


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    assert await asyncio.to_thread(wait_until, condition, seconds)


@contextmanager
def spawned(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a program that says it is up, and kills it in the end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            yield process
        finally:
            process.kill()


@contextmanager
def recorded(code: str) -> Iterator[tuple[subprocess.Popen[bytes], Entry]]:
    """Runs a program outside any supervisor, with the entry that a supervisor would have written."""
    command = (sys.executable, "-c", code)
    with spawned(*command) as process:
        seen = observe(process.pid)
        assert seen is not None
        yield process, Entry("lone", process.pid, seen.started, command, {}, State.READY)


async def test_record_tells_the_truth(tmp_path: Path) -> None:
    """Each process stands in run.json with its pid, start time, command, ports and state."""
    with bind_loopback() as http:
        web = replace(python("web", SERVE), sockets={"http": http})
        async with running(tmp_path, [web], ports={"edge": 8080}) as supervisor:
            await supervisor.wait_ready(20)
            run = read_run(tmp_path)
            assert run is not None
            assert run.ports == {"edge": 8080}
            assert run.supervisor.pid == os.getpid()
            assert is_alive(run.supervisor)
            found = entry(tmp_path, "web")
            assert (found.command, found.state) == (tuple(web.argv), State.READY)
            assert found.ports == {"http": http.getsockname()[1]}
            await until(lambda: is_alive(found))
    stopped = read_run(tmp_path)
    assert stopped is not None
    assert [stopped.supervisor.state, stopped.processes[0].state] == [State.STOPPED, State.STOPPED]
    assert not is_alive(found)


async def test_socket_is_inherited(tmp_path: Path) -> None:
    """A child answers on the socket that the caller bound."""
    with bind_loopback() as http:
        url = f"http://127.0.0.1:{http.getsockname()[1]}/"

        def get() -> int:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)

        async with running(tmp_path, [replace(python("web", SERVE), sockets={"http": http})]):
            assert await asyncio.to_thread(get) == 200


def test_bound_socket_is_on_loopback() -> None:
    """A bound socket listens on 127.0.0.1 only and can be inherited."""
    with bind_loopback() as bound:
        assert bound.getsockname()[0] == "127.0.0.1"
        assert bound.get_inheritable()
        with socket.create_connection(bound.getsockname()):
            pass


async def test_environment_is_the_programs_own(tmp_path: Path) -> None:
    """A child sees its own environment and nothing of the supervisor's."""
    assert "PATH" in os.environ
    shown = python("show", "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), flush=True)", restart=False)
    async with running(tmp_path, [shown]):
        await until(lambda: entry(tmp_path, "show").state is State.EXITED)
    assert (tmp_path / "logs" / "show.log").read_text() == "['HOME']\n"


async def test_dead_child_is_restarted(tmp_path: Path) -> None:
    """A killed child comes back as another process and is ready again."""
    async with running(tmp_path, [python("phoenix", WAIT)]) as supervisor:
        await supervisor.wait_ready(20)
        first = entry(tmp_path, "phoenix")
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: entry(tmp_path, "phoenix").pid != first.pid)
        await supervisor.wait_ready(20)
        assert not is_alive(first)
        assert entry(tmp_path, "phoenix").state is State.READY


async def test_one_off_is_not_restarted(tmp_path: Path) -> None:
    """A program not to be restarted stays gone and is recorded as exited."""
    programs = [python("once", "print('ran')", restart=False), python("other", WAIT)]
    async with running(tmp_path, programs) as supervisor:
        await until(lambda: entry(tmp_path, "once").state is State.EXITED)
        await supervisor.wait_ready(20)
    assert (tmp_path / "logs" / "once.log").read_text() == "ran\n"


async def test_failing_program_is_reported_with_its_log(tmp_path: Path) -> None:
    """A program that exits three times before it is ready fails the wait at once, with the end of its log."""
    broken = when_logged(python("broken", "raise SystemExit('no such setting')"), tmp_path, "never")
    async with running(tmp_path, [python("fine", WAIT), broken]) as supervisor:
        with pytest.raises(ProgramFailed, match=r"(?s)broken exited 3 times before it was ready.*no such setting"):
            await supervisor.wait_ready(60)


async def test_missing_program_is_reported(tmp_path: Path) -> None:
    """A program that does not exist is named like any other that fails."""
    missing = replace(when_logged(python("ghost", ""), tmp_path, "never"), argv=("/nowhere/ghost",), restart=False)
    async with running(tmp_path, [missing]) as supervisor:
        with pytest.raises(ProgramFailed, match=r"(?s)ghost exited 1 times.*/nowhere/ghost"):
            await supervisor.wait_ready(20)


async def test_slow_program_is_reported(tmp_path: Path) -> None:
    """A program that is not ready in time is named."""
    slow = when_logged(python("slow", WAIT), tmp_path, "never")
    async with running(tmp_path, [python("fine", WAIT), slow]) as supervisor:
        with pytest.raises(ProgramFailed, match=r"slow was not ready within 0\.2 seconds"):
            await supervisor.wait_ready(0.2)


async def test_stop_goes_backwards(tmp_path: Path) -> None:
    """Programs are stopped last first, each gone before the next is asked."""
    order = tmp_path / "order"
    names = ["database", "service", "edge"]
    programs = [when_logged(python(name, NOTE_END, str(order), name), tmp_path, "up") for name in names]
    async with running(tmp_path, programs) as supervisor:
        await supervisor.wait_ready(20)
    assert order.read_text().split() == ["edge", "service", "database"]


async def test_stubborn_child_is_killed(tmp_path: Path) -> None:
    """A child that ignores SIGTERM is killed after the grace."""
    stubborn = replace(python("mule", STUBBORN), stop_grace=0.2)
    async with running(tmp_path, [when_logged(stubborn, tmp_path, "up")]) as supervisor:
        await supervisor.wait_ready(20)
        mule = entry(tmp_path, "mule")
        await until(lambda: is_alive(mule))
    assert not is_alive(mule)


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """No child outlives a supervisor that was killed, and the record still shows who they were."""
    with spawned(sys.executable, "-c", SUPERVISE, str(tmp_path), WAIT):
        run = read_run(tmp_path)
        assert run is not None
        assert [each.state for each in run.processes] == [State.READY, State.READY]
        assert wait_until(lambda: all(map(is_alive, (run.supervisor, *run.processes))), 15)
    assert wait_until(lambda: not any(map(is_alive, run.processes)), 15)
    assert not is_alive(run.supervisor)
    assert read_run(tmp_path) == run


def test_leftover_is_ended() -> None:
    """A process that matches its record is ended, by force if it will not go."""
    for code in (WAIT, STUBBORN):
        with recorded(code) as (process, leftover):
            assert is_alive(leftover)
            end(leftover, grace=0.2)
            assert process.wait(timeout=10) in (-signal.SIGTERM, -signal.SIGKILL)


def test_reused_pid_is_left_alone() -> None:
    """A process that only has the recorded pid is neither taken for the recorded one nor ended."""
    with recorded(WAIT) as (process, present):
        for stranger in (replace(present, started="1"), replace(present, command=("sleep", "3600"))):
            assert not is_alive(stranger)
            end(stranger)
        assert process.poll() is None
        assert is_alive(present)


def test_unreadable_record_counts_as_none(tmp_path: Path) -> None:
    """No record, a broken one and one of another shape all read as none."""
    assert read_run(tmp_path) is None
    for text in ("{", "[]", '{"supervisor": {}, "ports": {}, "processes": []}'):
        run_file(tmp_path).write_text(text)
        assert read_run(tmp_path) is None


def test_large_log_is_moved_aside(tmp_path: Path) -> None:
    """A log beyond 50 MB is begun anew, keeping the last one."""
    log = tmp_path / "service.log"
    with log.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    with open_log(log) as file:
        file.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert log.with_name("service.log.1").stat().st_size > 50 * 1024 * 1024
