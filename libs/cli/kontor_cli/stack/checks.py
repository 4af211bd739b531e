"""What can be wrong with this machine, the data directory and the configuration; each check says what to do."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kontor_cli.failure import Failure
from kontor_cli.settings import Settings
from kontor_cli.stack import ports
from kontor_cli.stack.database import check, embedded_at, place, plain_url
from kontor_cli.stack.home import Home
from kontor_cli.stack.services import installed_services
from kontor_cli.stack.up import NEEDED
from kontor_platform.dev.pgfiles import Account, PostgresFailed, binaries
from kontor_platform.edge import BadEdge, envoy_binary
from kontor_platform.runtime.server_config import ConfigInvalid, ServerConfig

OLDEST_PYTHON = (3, 11)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
PRODUCTION = "production"
VERSION = re.compile(r"\d+(\.\d+)+")


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    verdict: Verdict
    what: str
    remedy: str = ""


def findings(settings: Settings, home: Home) -> Iterator[Finding]:
    """Runs every check."""
    yield python()
    yield services()
    yield found("Envoy", envoy_binary)
    yield found("PostgreSQL", lambda: binaries(Account.choose()) / "postgres")
    yield directory(home)
    yield from public_ports(settings, home)
    yield database(settings, home)
    yield from private_files(home)
    yield policy(settings)
    yield from production(settings, home)


def python() -> Finding:
    """Python is new enough."""
    running = f"Python {sys.version.split()[0]}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding(Verdict.GOOD, running)
    return Finding(Verdict.BAD, f"{running} is too old", "Install Python 3.11 or newer, then: make clean up")


def services() -> Finding:
    """The two doors are installed."""
    names = [each.name for each in installed_services()]
    if missing := [name for name in NEEDED if name not in names]:
        return Finding(Verdict.BAD, f"not installed: {', '.join(missing)}", "make environment")
    return Finding(Verdict.GOOD, f"services: {', '.join(names)}")


def found(name: str, look: Callable[[], Path]) -> Finding:
    """A program that the stack runs is there and starts."""
    try:
        program = str(look())
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (BadEdge, PostgresFailed, OSError, subprocess.CalledProcessError) as error:
        return Finding(Verdict.BAD, f"{name}: {error}", "make environment")
    version = VERSION.search(told.replace(program, ""))
    return Finding(Verdict.GOOD, f"{name} {version.group() if version else 'of unknown version'}")


def directory(home: Home) -> Finding:
    """The data directory can be written to."""
    above = next(each for each in (home.data_dir, *home.data_dir.parents) if each.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Finding(Verdict.GOOD, f"data in {home.data_dir}")
    return Finding(Verdict.BAD, f"{above} cannot be written to", "Name another: KONTOR_DATA_DIR=/path kontor up")


def public_ports(settings: Settings, home: Home) -> Iterator[Finding]:
    """The public ports are free, or ours."""
    run = home.running()
    if run is not None:
        yield Finding(Verdict.GOOD, f"running as process {run.supervisor.pid} on ports {told(run.ports)}")
        return
    wanted = (
        (settings.edge_host, settings.edge_port, "EDGE_PORT"),
        (settings.mcp_host, settings.mcp_port, "MCP_SERVER_PORT"),
    )
    for host, port, setting in wanted:
        try:
            ports.listen(host, port, setting).close()
            yield Finding(Verdict.GOOD, f"port {port} is free ({setting})")
        except Failure as failure:
            yield Finding(Verdict.BAD, failure.message, failure.remedy)


def told(recorded: dict[str, int]) -> str:
    """Ports in words."""
    return ", ".join(f"{port} ({name})" for name, port in recorded.items())


def database(settings: Settings, home: Home) -> Finding:
    """The database answers, if it ought to."""
    try:
        if settings.admin_url:
            url = plain_url(settings.admin_url)
            check(url)
            return Finding(Verdict.GOOD, f"database at {place(url)} answers")
        embedded = embedded_at(home)
        if embedded.running():
            check(embedded.url)
            return Finding(Verdict.GOOD, f"embedded PostgreSQL answers, process {embedded.pid}")
    except Failure as failure:
        return Finding(Verdict.BAD, failure.message, failure.remedy)
    return Finding(Verdict.GOOD, "embedded PostgreSQL is not running; kontor up starts it")


def private_files(home: Home) -> Iterator[Finding]:
    """Nobody else can read keys."""
    files = [each for each in (home.credentials, *home.secrets.rglob("*"), home.secrets) if each.exists()]
    open_to_others = [each for each in files if each.stat().st_mode & OTHERS]
    for each in open_to_others:
        yield Finding(Verdict.BAD, f"{each} can be read by others", f"chmod go= {each}")
    if files and not open_to_others:
        yield Finding(Verdict.GOOD, f"{len(files)} files with keys are private")


def policy(settings: Settings) -> Finding:
    """The policy file can be understood."""
    try:
        ServerConfig.load(settings.config_file)
    except ConfigInvalid as error:
        return Finding(Verdict.BAD, str(error), "Correct it; until then services keep the last good one.")
    return Finding(Verdict.GOOD, f"policy in {settings.config_file}" if settings.config_file else "no policy file")


def production(settings: Settings, home: Home) -> Iterator[Finding]:
    """No keys for everybody lie about in production."""
    if settings.app_env == PRODUCTION and home.credentials.exists():
        yield Finding(
            Verdict.WARN,
            f"APP_ENV is production and {home.credentials} holds keys of demo people",
            "Delete it and revoke those keys: crm_revoke_api_key",
        )
