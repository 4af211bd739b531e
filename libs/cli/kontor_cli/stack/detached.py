"""Starts a stack that stays when its starter returns: a supervisor in a session of its own, writing to a log."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from kontor_cli.console import step
from kontor_cli.failure import Failure
from kontor_cli.stack.home import Home, already_running
from kontor_cli.stack.up import Ready
from kontor_platform.dev.processes import open_log, tail


class Report:
    """What a supervisor tells its starter through a pipe, once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def ready(self, ready: Ready) -> None:
        """The stack answers."""
        self._tell({"ready": asdict(ready)})

    def failed(self, failure: Failure) -> None:
        """The stack cannot start."""
        self._tell({"message": failure.message, "remedy": failure.remedy, "details": failure.details})

    def _tell(self, what: dict[str, object]) -> None:
        with os.fdopen(self._descriptor, "w") as pipe:
            json.dump(what, pipe)


def start_detached(home: Home) -> Ready:
    """Starts a supervisor and waits until its stack answers; raises Failure with what the supervisor says."""
    if home.running() is not None:
        raise already_running(home)
    home.prepare()
    reader, writer = os.pipe()
    log = home.logs / "kontor.log"
    supervisor = _launch(writer, log)
    os.close(writer)
    with step("Starting Kontor"), os.fdopen(reader) as pipe:
        try:
            return _understood(pipe.read(), log)
        except KeyboardInterrupt:
            supervisor.terminate()
            raise


def _launch(writer: int, log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "kontor_cli", "up", "--ready-fd", str(writer)]
    with open_log(log) as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writer],
            start_new_session=True,
        )


def _understood(answer: str, log: Path) -> Ready:
    told = json.loads(answer) if answer else {}
    if "ready" in told:
        return Ready(**told["ready"])
    if "message" in told:
        raise Failure(told["message"], told["remedy"], details=told["details"])
    raise Failure("The supervisor ended without a word.", f"Its log is {log}.", details=tail(log))
