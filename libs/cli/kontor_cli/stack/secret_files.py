"""The system's own keys and passwords: made once by `kontor up`, and by nothing else."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from kontor_cli.stack.files import write_private
from kontor_platform.runtime.tokens import generate_key_pair

PAIRS = ("passport", "grant")
SHARED = ("cursor", "request_state", "edge_header")
SECRET_BYTES = 32


def ensure_secrets(directory: Path, services: Iterable[str]) -> int:
    """Makes what is missing and says how many secrets were made."""
    service_keys = directory / "service_keys"
    service_keys.mkdir(mode=0o700, exist_ok=True)
    made = sum(_ensure_pair(directory, name) for name in PAIRS)
    made += sum(_ensure(directory / name) for name in SHARED)
    return made + sum(_ensure(service_keys / name) for name in services)


def database_password(directory: Path, role: str) -> str:
    """The password of a database role, made when it is first asked for."""
    passwords = directory / "db"
    passwords.mkdir(mode=0o700, exist_ok=True)
    _ensure(passwords / role)
    return (passwords / role).read_text()


def _ensure(path: Path) -> bool:
    if path.is_file():
        return False
    write_private(path, secrets.token_hex(SECRET_BYTES))
    return True


def _ensure_pair(directory: Path, name: str) -> bool:
    private, public = directory / f"{name}.private.jwk", directory / f"{name}.jwks"
    if private.is_file() and public.is_file():
        return False
    # One half without the other is left of a start cut short, or of a deletion by hand.
    private.unlink(missing_ok=True)
    public.unlink(missing_ok=True)
    generate_key_pair(private, public, f"{name}-{secrets.token_hex(4)}")
    return True
