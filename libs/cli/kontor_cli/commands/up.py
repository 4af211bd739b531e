"""`kontor up`."""

from typing import Annotated

import typer
from rich.markup import escape

from kontor_cli.console import err, out
from kontor_cli.failure import Failure
from kontor_cli.settings import Settings, read_settings
from kontor_cli.stack.detached import Report, start_detached
from kontor_cli.stack.home import Home
from kontor_cli.stack.up import Ready, run_stack

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Returns when ready and leaves it running.")]


def up(detach: Detach = False, ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Starts everything on this machine: database, services, MCP gateway and edge."""
    settings = read_settings()
    home = Home.at(settings.data_dir)
    if detach:
        announce(start_detached(home), home, "kontor down")
        return
    if ready_fd is None:
        run_stack(settings, home, lambda ready: announce(ready, home, "Ctrl-C"))
    else:
        run_reporting(settings, home, Report(ready_fd))
    err.print("Stopped.")


def run_reporting(settings: Settings, home: Home, report: Report) -> None:
    """Runs a stack for a starter that waits for a word."""
    try:
        run_stack(settings, home, report.ready)
    except Failure as failure:
        report.failed(failure)
        raise


def announce(ready: Ready, home: Home, stop: str) -> None:
    """Tells a person where everything is; the last line is `ready`."""
    lines = {
        "edge": f"[link]{ready.edge_url}[/]   REST, /docs, /openapi.json, /health",
        "MCP": f"[link]{ready.mcp_url}[/]   and {ready.edge_url}/mcp",
        "keys": f"{escape(str(home.credentials))}   tenants demo and other",
        "logs": escape(str(home.logs)),
        "try": "[name]kontor demo[/]   [name]kontor tools[/]   [name]kontor call crm_whoami[/]",
        "stop": f"[name]{stop}[/]",
    }
    out.print()
    for name, text in lines.items():
        out.print(f"  [soft]{name:5}[/] {text}", soft_wrap=True)
    out.print(f"\n[good]ready[/] [soft]in {ready.seconds:.1f} s[/]")
