"""`kontor up` and `down` when things go wrong, on a stack of their own whose path is too long for a unix socket."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import httpx2
import pytest

from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.dev.processes import is_alive
from support.clients import PATIENCE, edge_client
from support.stack import Stack, command, running, stack_at
from support.waiting import wait_until, wait_until_async

UNIX_PATH_MAX = 108  # sun_path of unix(7)
WRITES = 150
AT_ONCE = 10
KILLS = 3
WORKER = "crm-core-worker"
UNNUMBERED = "SELECT count(*) FROM outbox WHERE seq IS NULL"
NUMBERED = "SELECT record_id, version, seq FROM outbox WHERE tenant_id = %s ORDER BY seq"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to break, beside the test run's."""
    data_dir = tmp_path_factory.mktemp("own") / ("long" * 20) / ("path" * 20)
    assert len(str(data_dir)) > UNIX_PATH_MAX
    with running(data_dir) as stack:
        yield stack


def whoami(stack: Stack, key: str) -> httpx2.Response:
    """Who a key belongs to, asked through the edge."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.post(f"{stack.edge_url}/mcp/crm/whoami", json={}, headers=headers, trust_env=False)


def opens(stack: Stack, key: str) -> bool:
    """Whether a key opens the stack."""
    return whoami(stack, key).status_code == httpx2.codes.OK


def test_two_stacks_run_side_by_side(stack: Stack, own: Stack) -> None:
    """Each has its own ports, database and keys; a key of one is nothing to the other."""
    assert stack.edge_url != own.edge_url
    assert opens(stack, stack.credentials.demo.key("sales"))
    assert opens(own, own.credentials.demo.key("sales"))
    assert not opens(own, stack.credentials.demo.key("sales"))


def test_started_twice_says_so(own: Stack) -> None:
    """A second start on the same data ends with the process that has it, and leaves that one alone."""
    again = own.kontor("up")
    assert again.returncode == 1
    assert str(own.run.supervisor.pid) in again.stderr
    assert own.is_well()


def test_secrets_and_credentials_are_private(own: Stack) -> None:
    """Nobody else can read a key, and the file says what clients need."""
    files = [own.home.credentials, *(each for each in own.secrets.rglob("*") if each.is_file())]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(own.secrets.stat().st_mode) == 0o700
    told = json.loads(own.home.credentials.read_text())
    keys = {"admin_key", "sales_key", "agent_key", "agent_admin_key", "operator_key", "viewer_key"}
    assert keys | {"edge_url", "mcp_url", "tenant", "other"} <= told.keys()
    assert keys | {"tenant"} <= told["other"].keys()


def test_a_killed_service_comes_back(own: Stack) -> None:
    """The supervisor starts another process on the same port, and the edge finds it."""
    before = own.process("crm-core")
    own.kill("crm-core")
    wait_until(lambda: own.process("crm-core").pid != before.pid, what="another process is recorded")
    wait_until(own.is_well, 30, "the stack is well again")
    assert own.process("crm-core").ports == before.ports


def health(stack: Stack) -> dict[str, str]:
    """The states that the edge tells."""
    told: dict[str, str] = httpx2.get(f"{stack.edge_url}/health", trust_env=False).json()["services"]
    return told


async def test_a_worker_killed_while_calls_write_numbers_every_event(own: Stack) -> None:
    """Calls do not notice; then each event has one number, without a gap, in the order of its record's versions."""
    limit, done = asyncio.Semaphore(AT_ONCE), 0

    async def write(number: int) -> None:
        nonlocal done
        async with limit:
            body = {"email": f"{number % 20}@worker.example", "title": f"Title {number}"}
            await person.insist("/crm/upsert_contact", body, f"number-{number}")
        done += 1

    async def at_least(number: int) -> bool:
        return done >= number

    async def replaced(pid: int) -> bool:
        return own.process(WORKER).pid != pid and own.process(WORKER).state == "ready"

    async with edge_client(own, own.credentials.demo.key("sales")) as person:
        writes = [asyncio.create_task(write(number)) for number in range(WRITES)]
        for kill in range(1, KILLS + 1):
            enough = WRITES * kill // (KILLS + 1)
            await wait_until_async(lambda enough=enough: at_least(enough), PATIENCE, "so many writes are done")  # type: ignore[misc]
            before = own.process(WORKER).pid
            await asyncio.to_thread(own.kill, WORKER)
            await wait_until_async(lambda before=before: replaced(before), 60, "another worker is ready")  # type: ignore[misc]
        await asyncio.gather(*writes)
    with own.sql("crm-core") as admin:
        admin.autocommit = True
        wait_until(lambda: admin.execute(UNNUMBERED).fetchone() == (0,), 10, "every event has its number")
        rows = admin.execute(NUMBERED, [own.credentials.demo.tenant]).fetchall()
    assert [row[2] for row in rows] == list(range(1, len(rows) + 1))
    events = sorted((row for row in rows if row[0] is not None), key=lambda row: (row[0], row[2]))
    for _, each in groupby(events, key=lambda row: row[0]):
        versions = [row[1] for row in each]
        assert versions == list(range(1, len(versions) + 1))


def test_a_workers_death_is_told_and_heals(own: Stack) -> None:
    """The whole is degraded, crm-core itself stays ready, and the supervisor's next worker mends it."""
    own.kill(WORKER)
    wait_until(lambda: health(own)[WORKER] == "unavailable", 10, "health tells of it")
    assert health(own)["crm-core"] == "ready"
    wait_until(own.is_well, 30, "the stack is well again")


def test_a_killed_database_comes_back(own: Stack) -> None:
    """The supervisor starts PostgreSQL again, the services find it by themselves, and the data is whole."""
    database, keys = EmbeddedPostgres(own.home.postgres).pid, own.credentials.demo
    processes = {each.name: each.pid for each in own.run.processes}
    assert database is not None
    os.kill(database, signal.SIGKILL)
    wait_until(lambda: EmbeddedPostgres(own.home.postgres).pid not in (None, database), 30, "another server runs")
    wait_until(own.is_well, 30, "the stack is well again")
    headers = {"authorization": f"Bearer {keys.key('sales')}"}

    def known() -> bool:
        answer = httpx2.post(f"{own.edge_url}/crm/whoami", headers=headers, json={}, trust_env=False)
        return answer.status_code == httpx2.codes.OK

    wait_until(known, 10, "the edge sends calls again and the key is known")
    assert {each.name: each.pid for each in own.run.processes} == processes


def test_killed_it_starts_again_on_the_same_data(own: Stack) -> None:
    """After kill -9 of the supervisor a start ends what is left, and everything is as it was, keys included."""
    run, database, keys = own.run, EmbeddedPostgres(own.home.postgres).pid, own.credentials
    os.kill(run.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(run.supervisor), what="the supervisor is gone")
    own.start()
    assert not any(is_alive(each) for each in run.processes)
    assert EmbeddedPostgres(own.home.postgres).pid == database
    assert own.credentials.demo == keys.demo
    assert opens(own, keys.demo.key("agent"))


def test_a_lost_credentials_file_is_made_anew(own: Stack) -> None:
    """The new keys work, and those of the lost file are dead."""
    lost = own.credentials
    own.stop()
    own.home.credentials.unlink()
    own.start()
    assert own.credentials.demo.tenant == lost.demo.tenant
    assert opens(own, own.credentials.demo.key("sales"))
    assert not opens(own, lost.demo.key("sales"))


def test_a_new_database_replaces_the_credentials_file(own: Stack) -> None:
    """Keys of a database that is gone are not kept."""
    old = own.credentials
    own.stop()
    EmbeddedPostgres(own.home.postgres).remove()
    own.start()
    assert own.credentials.demo.tenant != old.demo.tenant
    assert opens(own, own.credentials.demo.key("viewer"))


def test_down_leaves_nothing_running(own: Stack) -> None:
    """After `down` no process of the stack lives, the database included, and `status` says so."""
    run = own.run
    own.stop()
    assert not any(is_alive(each) for each in (run.supervisor, *run.processes))
    assert not EmbeddedPostgres(own.home.postgres).running()
    assert own.kontor("status").returncode == 1


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    """A stack in the foreground ends by SIGINT with exit code 0, its database included."""
    stack = stack_at(tmp_path / "data")
    with subprocess.Popen(
        command("up"), env=dict(stack.environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith("ready")), "")
        run = stack.run
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    database = EmbeddedPostgres(stack.home.postgres)
    assert (bool(said), process.returncode) == (True, 0), rest
    assert not any(is_alive(each) for each in run.processes)
    assert not database.running()
    database.remove()


@pytest.mark.parametrize("setting", ["EDGE_PORT", "MCP_SERVER_PORT"])
def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path, setting: str) -> None:
    """The message says which port, and which setting chooses another; nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = stack_at(tmp_path, **{setting: str(port)}).kontor("up")
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr
    assert f"{setting}=" in refused.stderr
    assert not EmbeddedPostgres(tmp_path / "postgres").running()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/none"}, "does not answer"),
        ({"DATABASE_URL": "mysql://127.0.0.1/none"}, "postgresql://"),
        ({"MCP_SERVER_CONFIG": "nowhere.yaml"}, "MCP_SERVER_CONFIG"),
        ({"EDGE_PORT": "http"}, "EDGE_PORT"),
        ({"EDGE_HOST": "no such host"}, "EDGE_HOST"),
        ({"KONTOR_DATA_DIR": "/dev/null/data"}, "KONTOR_DATA_DIR"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    """One sentence names what is wrong, without a traceback and without a password."""
    refused = stack_at(tmp_path / "data", **settings).kontor("up")
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "nothing@" not in refused.stderr
