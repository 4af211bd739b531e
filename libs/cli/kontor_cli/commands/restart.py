"""`kontor restart`."""

import os
import signal
import time
from typing import Annotated

import typer

from kontor_cli.console import out, step
from kontor_cli.failure import Failure
from kontor_cli.settings import read_settings
from kontor_cli.stack.home import Home
from kontor_cli.stack.services import NAMES, is_replica
from kontor_platform.dev.processes import Entry, State
from kontor_platform.dev.record import wait_until

REPLACED_SECONDS = 90.0
# Envoy looks every second: by then it sends to the new process, and the next one may go.
SEEN_SECONDS = 2.5

Names = Annotated[list[str] | None, typer.Argument(help="Services to restart; all of them if none is named.")]


def restart(names: Names = None) -> None:
    """Restarts services one process at a time; with KONTOR_REPLICAS=2 or more no request fails."""
    home = Home.at(read_settings().data_dir)
    wanted = names or [name for name in NAMES if processes_of(home, name)]
    if unknown := [name for name in wanted if not processes_of(home, name)]:
        running = ", ".join(name for name in NAMES if processes_of(home, name)) or "nothing"
        raise Failure(f"{' and '.join(unknown)} does not run on {home.data_dir}.", f"What runs: {running}.")
    for name in wanted:
        for process in processes_of(home, name):
            with step(f"Restarting {process.name}"):
                replace(home, process)
    out.print(f"Restarted: {', '.join(wanted)}.")


def processes_of(home: Home, service: str) -> list[Entry]:
    """The recorded processes of a service, each of its replicas, its worker left out."""
    run = home.running()
    return [each for each in run.processes if is_replica(each.name, service)] if run else []


def replace(home: Home, process: Entry) -> None:
    """Has one process end by its own drain, and waits until another is ready; raises Failure if none is."""
    os.kill(process.pid, signal.SIGTERM)

    def is_replaced() -> bool:
        run = home.run()
        present = [each for each in run.processes if each.name == process.name] if run else []
        return any(each.pid != process.pid and each.state is State.READY for each in present)

    if not wait_until(is_replaced, REPLACED_SECONDS):
        raise Failure(f"{process.name} did not come back.", f"Its log says why: {home.logs / process.name}.log")
    time.sleep(SEEN_SECONDS)
