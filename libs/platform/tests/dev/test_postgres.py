import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.dev.record import observe, wait_until

START_AND_WAIT = """
import pathlib, sys
from kontor_platform.dev.postgres import EmbeddedPostgres
EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()
print("up", flush=True)
sys.stdin.read()
"""
Make = Callable[[Path], EmbeddedPostgres]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes servers and removes them with their data afterwards."""
    made: list[EmbeddedPostgres] = []

    def embedded(data_dir: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(data_dir))
        return made[-1]

    yield embedded
    for each in made:
        each.remove()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("shared") / "pg")
    embedded.start()
    yield embedded
    embedded.remove()


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def run(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


def locate(server: EmbeddedPostgres) -> Path:
    return Path(str(ask(server, "show data_directory")))


def socket_dir(server: EmbeddedPostgres) -> Path:
    return Path(server.url.partition("?host=")[2])


def test_password_is_checked(server: EmbeddedPostgres) -> None:
    """A wrong password is refused and the right one accepted, by SCRAM."""
    assert str(ask(server, "select rolpassword from pg_authid where rolname = 'postgres'")).startswith("SCRAM-SHA-256$")
    password = server.url.split(":")[2].partition("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(password, "wrong"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.url.replace(f":{password}", ""))


def test_secrets_and_socket_are_private(server: EmbeddedPostgres) -> None:
    """The password file is 0600 and the socket directory 0700."""
    assert stat.S_IMODE((server.data_dir / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(socket_dir(server).stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", ""),
        ("max_connections", "200"),
        ("max_wal_size", "4GB"),
        ("fsync", "on"),
        ("server_encoding", "UTF8"),
        ("timezone", "UTC"),
    ],
)
def test_settings(server: EmbeddedPostgres, setting: str, value: str) -> None:
    """The server runs with the settings the stack relies on."""
    assert ask(server, f"show {setting}") == value


def test_case_folding_knows_unicode(server: EmbeddedPostgres) -> None:
    """Letters outside ASCII are folded whatever locales the machine has."""
    assert ask(server, "select lower('ÄÉŠ')") == "äéš"


def test_vector_extension_is_there(server: EmbeddedPostgres) -> None:
    """The extension for embeddings can be created."""
    run(server, "create extension if not exists vector")
    assert ask(server, "select '[1,2]'::vector <-> '[1,2]'::vector") == 0


def test_second_start_adopts(server: EmbeddedPostgres) -> None:
    """Starting what runs changes nothing."""
    before = server.pid
    EmbeddedPostgres(server.data_dir).start()
    assert server.pid == before


def test_two_run_side_by_side(server: EmbeddedPostgres, make: Make, tmp_path: Path) -> None:
    """Servers of two data directories do not see each other."""
    other = make(tmp_path / "pg")
    other.start()
    run(other, "create table here (n int)")
    assert other.pid != server.pid
    assert ask(server, "select to_regclass('here')") is None


def test_long_path_with_odd_characters(make: Make, tmp_path: Path) -> None:
    """A path too long for a unix socket, with blanks, quotes and dollars, is served all the same."""
    server = make(tmp_path / ("long $HOME \"quoted\" 'path' " * 5) / "pg")
    server.start()
    assert ask(server, "select 1") == 1
    assert len(os.fsencode(socket_dir(server) / ".s.PGSQL.5432")) <= 107


def test_outlives_its_starter_and_is_adopted(make: Make, tmp_path: Path) -> None:
    """The server goes on when its starter is killed, and the next start takes it over."""
    server = make(tmp_path / "pg")
    command = [sys.executable, "-c", START_AND_WAIT, str(server.data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        starter.kill()
    survivor = server.pid
    assert survivor is not None
    server.start()
    assert server.pid == survivor
    assert ask(server, "select 1") == 1


def test_recovers_after_kill(make: Make, tmp_path: Path) -> None:
    """A killed server leaves a stale pid file; the next start replaces it and no committed row is lost."""
    server = make(tmp_path / "pg")
    server.start()
    run(server, "create table kept as select 42 as n")
    with psycopg.connect(server.url):
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda: not server.running(), 10)
        server.start()
    assert server.pid != killed
    assert ask(server, "select n from kept") == 42


def test_strangers_pid_is_not_ours(make: Make, tmp_path: Path) -> None:
    """A pid in the lock files that another process has by now is neither taken for the server nor ended."""
    server = make(tmp_path / "pg")
    server.start()
    pid_file = locate(server) / "postmaster.pid"
    owner = pid_file.stat()
    lines = pid_file.read_text().split("\n")
    server.stop()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid, start_new_session=True) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        try:
            assert server.pid is None
            server.stop()
            server.start()
            assert ask(server, "select 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_stop_really_stops(make: Make, tmp_path: Path) -> None:
    """After a stop there is no process, no pid file and no socket, though a client was connected."""
    server = make(tmp_path / "pg")
    server.start()
    pid, cluster = server.pid, locate(server)
    assert pid is not None
    with psycopg.connect(server.url):
        server.stop()
    assert not server.running()
    assert observe(pid) is None
    assert not (cluster / "postmaster.pid").exists()
    assert list(socket_dir(server).glob(".s.*")) == []
    server.stop()


def test_closed_parent_keeps_its_mode(make: Make, tmp_path: Path) -> None:
    """A data directory below a 0700 directory works and that directory stays as closed as it was."""
    parent = tmp_path / "closed"
    parent.mkdir(mode=0o700)
    before = parent.stat()
    server = make(parent / "pg")
    server.start()
    after = parent.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert ask(server, "select 1") == 1


def test_files_lie_in_an_open_data_directory(make: Make) -> None:
    """Where the server's user can reach the data directory, the files lie in it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        server = make(Path(name).resolve() / "pg")
        server.start()
        assert locate(server) == server.data_dir / "cluster"
        server.remove()


def test_deleted_data_directory_gives_a_new_database(make: Make, tmp_path: Path) -> None:
    """Deleting the data directory of a running server and starting again gives an empty database."""
    server = make(tmp_path / "pg")
    server.start()
    run(server, "create table gone (n int)")
    before = server.pid
    subprocess.run(["rm", "-rf", str(server.data_dir)], check=True)
    server.start()
    assert server.pid != before
    assert ask(server, "select to_regclass('gone')") is None


def test_lost_password_is_a_clear_error(make: Make, tmp_path: Path) -> None:
    """Data without its password file is left alone, and the error says what would help."""
    server = make(tmp_path / "pg")
    server.start()
    server.stop()
    (server.data_dir / "password").unlink()
    with pytest.raises(RuntimeError, match="password is missing; put it back"):
        server.start()


def test_failed_start_shows_the_log(make: Make, tmp_path: Path) -> None:
    """A server that cannot start is reported at once with the end of its log."""
    server = make(tmp_path / "pg")
    server.start()
    config = locate(server) / "postgresql.conf"
    server.stop()
    with config.open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(RuntimeError, match="no_such_setting"):
        server.start()
