"""`kontor mcp`."""

import os
import sys
from typing import Annotated

import typer

from kontor_cli.failure import Failure

MODULE = "kontor_mcp_gateway.conformance"
Conformance = Annotated[bool, typer.Option("--conformance", help="Serves the tools of the conformance suite.")]
Host = Annotated[str, typer.Option("--host", help="An address of the loopback; no other is taken.")]
Port = Annotated[int, typer.Option("--port", help="Where to listen.")]
Sessions = Annotated[bool, typer.Option("--sessions", help="Keeps legacy clients' sessions, as replicas cannot.")]


def mcp(
    conformance: Conformance = False, host: Host = "127.0.0.1", port: Port = 9000, sessions: Sessions = False
) -> None:
    """Serves the gateway's MCP wiring with the conformance suite's tools, without keys, on the loopback alone."""
    if not conformance:
        raise Failure("The gateway itself runs under `kontor up`.", "Add --conformance for the suite's tools.")
    command = [sys.executable, "-m", MODULE, "--host", host, "--port", str(port)]
    os.execv(command[0], [*command, *(["--sessions"] if sessions else [])])
