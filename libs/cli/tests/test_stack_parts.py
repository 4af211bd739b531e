"""Parts of a stack by themselves: secrets, ports, credentials, database addresses."""

import json
import socket
import stat
from pathlib import Path

import pytest

from kontor_cli.failure import Failure
from kontor_cli.settings import Settings
from kontor_cli.stack import ports
from kontor_cli.stack.checks import Verdict, policy, private_files, production
from kontor_cli.stack.database import place, plain_url
from kontor_cli.stack.home import Home
from kontor_cli.stack.secret_files import database_password, ensure_secrets
from kontor_cli.talk.credentials import Credentials, TenantCredentials, read_credentials
from kontor_platform.runtime.settings import read_secret

KEYS = {name: f"kontor_{name}" for name in ("admin", "sales", "agent", "agent_admin", "operator", "viewer")}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """A second start keeps every secret, and a service reads what was made."""
    assert ensure_secrets(tmp_path, ["crm-core"]) > 0
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert ensure_secrets(tmp_path, ["crm-core"]) == 0
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before
    assert {stat.S_IMODE(each.stat().st_mode) for each in before} == {0o600}
    assert len(read_secret(tmp_path / "cursor", "CURSOR_SECRET_FILE")) >= 32


def test_half_a_key_pair_is_made_whole(tmp_path: Path) -> None:
    """A private key without its public half is of no use, so both are made anew and fit."""
    ensure_secrets(tmp_path, [])
    (tmp_path / "passport.jwks").unlink()
    assert ensure_secrets(tmp_path, []) == 1
    private = json.loads((tmp_path / "passport.private.jwk").read_text())
    assert json.loads((tmp_path / "passport.jwks").read_text())["keys"][0]["x"] == private["x"]


def test_a_role_keeps_its_password(tmp_path: Path) -> None:
    """The password is the same at every start and another for every role."""
    assert database_password(tmp_path, "crm_core_app") == database_password(tmp_path, "crm_core_app")
    assert database_password(tmp_path, "crm_core_app") != database_password(tmp_path, "crm_core_worker")


def test_a_held_port_is_free_for_the_program_it_is_held_for() -> None:
    """Nobody is given a held port, and the program that names it can listen on it."""
    with ports.hold("127.0.0.1", 0, "EDGE_PORT") as held:
        port = held.getsockname()[1]
        with ports.listen("127.0.0.1", port, "EDGE_PORT") as listening:
            assert listening.getsockname()[1] == port


def test_a_taken_port_names_its_setting() -> None:
    """The message says which port, the remedy which setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failure, match=f"Port {port}") as failed:
            ports.hold("127.0.0.1", port, "EDGE_PORT")
    assert f"EDGE_PORT={port + 1}" in failed.value.remedy


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_everywhere_is_reached_on_this_machine(host: str, reached: str) -> None:
    """A socket on every address is told by the loopback one."""
    with ports.listen(host, 0, "EDGE_PORT") as sock:
        assert ports.reached_at(sock) == f"{reached}:{sock.getsockname()[1]}"


def test_credentials_are_read_as_written(tmp_path: Path) -> None:
    """The file has the names that clients read, for both tenants."""
    demo, other = (TenantCredentials(f"id-{slug}", slug, KEYS) for slug in ("demo", "other"))
    written = Credentials("http://127.0.0.1:8080", "http://127.0.0.1:9000/mcp", demo, other)
    file = tmp_path / "credentials.json"
    file.write_text(written.to_json())
    assert read_credentials(file) == written
    assert json.loads(file.read_text())["agent_admin_key"] == KEYS["agent_admin"]
    assert json.loads(file.read_text())["other"]["tenant"] == "id-other"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"edge_url": ""}'])
def test_a_broken_credentials_file_is_told(tmp_path: Path, text: str) -> None:
    """What cannot be read is named with what to do."""
    file = tmp_path / "credentials.json"
    file.write_text(text)
    with pytest.raises(Failure, match=r"credentials\.json"):
        read_credentials(file)


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d", "postgresql://u:p@h/d"])
def test_database_urls_of_every_spelling(url: str) -> None:
    """The driver's name is dropped, and a password is never told."""
    assert plain_url(url) == "postgresql://u:p@h/d"
    assert place(plain_url(url)) == "h/d"


def test_the_doctor_finds_an_open_key(tmp_path: Path) -> None:
    """A key that others can read is a fault with its remedy."""
    home = Home.at(tmp_path)
    home.secrets.mkdir(mode=0o700)
    ensure_secrets(home.secrets, [])
    assert [each.verdict for each in private_files(home)] == [Verdict.GOOD]
    (home.secrets / "cursor").chmod(0o644)
    assert [(each.verdict, "chmod" in each.remedy) for each in private_files(home)] == [(Verdict.BAD, True)]


def test_the_doctor_warns_of_demo_keys_in_production(tmp_path: Path) -> None:
    """Keys for everybody in a file are for development."""
    home = Home.at(tmp_path)
    home.credentials.touch(mode=0o600)
    assert [each.verdict for each in production(Settings.model_validate({"APP_ENV": "production"}), home)] == [
        Verdict.WARN
    ]
    assert not list(production(Settings.model_validate({"APP_ENV": "development"}), home))


def test_the_doctor_reads_the_policy(tmp_path: Path) -> None:
    """A faulty server.yaml is told with its line."""
    file = tmp_path / "server.yaml"
    file.write_text("defaults:\n  mode: trusting\n")
    found = policy(Settings.model_validate({"MCP_SERVER_CONFIG": file}))
    assert found.verdict is Verdict.BAD
    assert "line 2" in found.what
