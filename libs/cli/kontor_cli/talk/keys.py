"""Which key a command uses, and where it talks to."""

from dataclasses import dataclass

from kontor_cli.failure import Failure
from kontor_cli.stack.home import Home
from kontor_cli.talk.credentials import Credentials, read_credentials


@dataclass(frozen=True, slots=True)
class Caller:
    """A key, whose it is, and the addresses it is for."""

    name: str
    key: str
    edge_url: str
    mcp_url: str


def caller(home: Home, *, key: str, name: str, tenant: str, url: str = "") -> Caller:
    """The caller for a key given whole, or for one of credentials.json by its name; raises Failure."""
    if key and url:
        return Caller("given", key, url.removesuffix("/mcp"), url)
    known = require_running(home)
    mcp_url = url or known.mcp_url
    if key:
        return Caller("given", key, known.edge_url, mcp_url)
    own = known.of(tenant)
    return Caller(f"{name}@{own.slug}", own.key(name), known.edge_url, mcp_url)


def require_running(home: Home) -> Credentials:
    """The credentials of a stack that runs; raises Failure if none does."""
    if home.running() is None:
        raise Failure(f"Nothing runs on {home.data_dir}.", "Start it with: kontor up")
    return read_credentials(home.credentials)
