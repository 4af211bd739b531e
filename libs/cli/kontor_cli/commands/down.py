"""`kontor down`."""

import os
import signal

from kontor_cli.console import out, step
from kontor_cli.failure import Failure
from kontor_cli.settings import read_settings
from kontor_cli.stack.database import embedded_at
from kontor_cli.stack.home import Home
from kontor_cli.stack.leftovers import end_leftovers
from kontor_platform.dev.processes import Entry, is_alive
from kontor_platform.dev.record import wait_until

STOP_SECONDS = 180.0


def down() -> None:
    """Stops everything that runs on the data directory, and waits for it."""
    home = Home.at(read_settings().data_dir)
    run = home.running()
    if run is not None:
        with step(f"Stopping process {run.supervisor.pid}"):
            end_supervisor(run.supervisor)
    stopped = [*(["kontor"] if run else []), *end_leftovers(home), *stop_database(home)]
    out.print(f"Stopped: {', '.join(stopped)}." if stopped else f"Nothing runs on {home.data_dir}.")


def end_supervisor(supervisor: Entry) -> None:
    """Asks a supervisor to stop its stack; raises Failure if it does not within three minutes."""
    os.kill(supervisor.pid, signal.SIGTERM)
    if not wait_until(lambda: not is_alive(supervisor), STOP_SECONDS):
        raise Failure(
            f"Process {supervisor.pid} does not stop.", f"End it with kill -9 {supervisor.pid}, then: kontor down"
        )


def stop_database(home: Home) -> list[str]:
    """Stops a database that a killed supervisor left."""
    if not embedded_at(home).running():
        return []
    embedded_at(home).stop()
    return ["PostgreSQL"]
