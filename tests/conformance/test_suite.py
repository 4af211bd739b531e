"""The conformance suite of the Model Context Protocol, on the gateway's own wiring, in both revisions it requires.

With sessions every scored scenario passes. Without them, as replicas serve, the four fail in which a server asks a
client of 2025-11-25 by a request of its own: a server that keeps no session has no way back.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from support.node import npx
from support.waiting import wait_until

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NO_WAY_BACK = Path(__file__).with_name("no-way-back.yaml")
PROGRAM = [sys.executable, "-m", "kontor_mcp_gateway.conformance"]


@pytest.mark.parametrize(
    ("revision", "sessions", "failing"),
    [
        ("2026-07-28", True, None),
        ("2026-07-28", False, None),
        ("2025-11-25", True, None),
        ("2025-11-25", False, NO_WAY_BACK),
    ],
)
def test_every_scored_scenario_passes(revision: str, sessions: bool, failing: Path | None, tmp_path: Path) -> None:
    """The suite agrees; a scenario that is expected to fail and passes is an error too."""
    with serving(sessions=sessions) as port:
        command = ["conformance", "server", "--url", f"http://localhost:{port}/mcp", "--requirements", revision]
        command += ["--output-dir", str(tmp_path), *(["--expected-failures", str(failing)] if failing else [])]
        done = npx(SUITE, command)
    sys.stdout.write(done.stdout.rpartition("=== SUMMARY ===")[2])
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_nobody_else_reaches_it(host: str) -> None:
    """The tools ask for no key, so they are served on the loopback or not at all."""
    for command in (PROGRAM, [sys.executable, "-m", "kontor_cli", "mcp", "--conformance"]):
        refused = subprocess.run([*command, "--host", host, "--port", "0"], capture_output=True, text=True, timeout=60)
        assert refused.returncode != 0
        assert "no address of the loopback" in refused.stderr


@contextmanager
def serving(*, sessions: bool) -> Iterator[int]:
    """The suite's server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*PROGRAM, "--port", str(port), *(["--sessions"] if sessions else [])]
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: process.poll() is not None or answers(port), 30)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    """Whether somebody listens on a port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
