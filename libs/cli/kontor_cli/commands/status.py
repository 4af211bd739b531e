"""`kontor status`."""

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
import typer
from rich.table import Table

from kontor_cli.console import out
from kontor_cli.failure import Failure
from kontor_cli.settings import read_settings
from kontor_cli.stack.database import embedded_at
from kontor_cli.stack.home import Home, run_host
from kontor_cli.stack.programs import probe
from kontor_platform.dev.processes import Entry, Run, State, is_alive

AsJson = Annotated[bool, typer.Option("--json", help="Prints JSON.")]
COLOURS = {"ready": "good", "running": "good", "ok": "good", "starting": "warn", "degraded": "warn"}


@dataclass(frozen=True, slots=True)
class Line:
    """A process as status shows it."""

    name: str
    state: str
    pid: int | None
    ports: dict[str, int]


def status(as_json: AsJson = False) -> None:
    """Shows what runs, since `kontor up` recorded it, and what the edge says of its health."""
    home = Home.at(read_settings().data_dir)
    run = home.running()
    if run is None:
        raise Failure(f"Nothing runs on {home.data_dir}.", "Start it with: kontor up")
    health = asyncio.run(health_at(f"http://{run_host(run)}/health"))
    lines = lines_of(run, home)
    show_json(lines, run, health) if as_json else show(lines, run, health)
    if health.get("status") != "ok":
        raise typer.Exit(1)


def lines_of(run: Run, home: Home) -> list[Line]:
    """The supervisor, the database if it is ours, and every program."""
    pid = embedded_at(home).pid
    database = [Line("postgres", "running", pid, {})] if pid else []
    supervisor = Line("kontor", "running", run.supervisor.pid, run.ports)
    return [supervisor, *database, *(Line(each.name, state_of(each), each.pid, each.ports) for each in run.processes)]


def state_of(entry: Entry) -> str:
    """What was recorded, unless the process is gone since."""
    if entry.state in (State.READY, State.STARTING) and not is_alive(entry):
        return "gone"
    return entry.state.value


async def health_at(url: str) -> dict[str, Any]:
    """What the edge says of the services; an empty object if it says nothing."""
    answer = await probe(url)
    if answer is None or answer.status_code not in (httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE):
        return {}
    told: dict[str, Any] = answer.json()
    return told


def show(lines: list[Line], run: Run, health: dict[str, Any]) -> None:
    """Prints a table and one line of health."""
    table = Table(box=None, pad_edge=False, header_style="soft")
    for column in ("process", "state", "pid", "ports"):
        table.add_column(column)
    for line in lines:
        ports = " ".join(f"{name} {port}" for name, port in line.ports.items())
        table.add_row(f"[name]{line.name}[/]", coloured(line.state), str(line.pid or ""), f"[soft]{ports}[/]")
    out.print(table)
    out.print(f"\nhealth {coloured(str(health.get('status', 'unknown')))}   [link]http://{run_host(run)}[/]")


def coloured(state: str) -> str:
    """A state in its colour."""
    return f"[{COLOURS.get(state, 'bad')}]{state}[/]"


def show_json(lines: list[Line], run: Run, health: dict[str, Any]) -> None:
    """Prints the same for programs."""
    processes = [{"name": each.name, "state": each.state, "pid": each.pid, "ports": each.ports} for each in lines]
    out.print_json(json.dumps({"ports": run.ports, "processes": processes, "health": health}))
