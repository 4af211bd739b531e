from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kontor_crm_governance.door.static_tokens import StaticTokens
from kontor_crm_governance.key.rules import Door, sha256
from kontor_platform.runtime.server_config import ServerConfig

TENANT, SAM = UUID(int=1), UUID(int=2)
TOKEN = "t" * 32
SETTINGS = {"time_zone": "UTC", "region": "US", "currency": "USD", "fiscal_month": 1}
NOBODY = dict.fromkeys(("user_id", "user_name", "user_roles", "user_approver", "user_active"))
PERSON = {
    "user_id": SAM,
    "user_name": "Sam",
    "user_roles": ["sales"],
    "user_approver": True,
    "user_active": True,
}


@dataclass
class Rows:
    """A database of one tenant, `demo`, and one person, sam@demo.example."""

    person: dict[str, Any] = field(default_factory=lambda: PERSON)

    async def read(self, tenant: UUID, statement: str, values: dict[str, Any], /) -> list[dict[str, Any]]:
        if "slug" in values:
            return [{"id": TENANT}] if values["slug"] == "demo" else []
        return [SETTINGS | (self.person if values["actor"] == "sam@demo.example" else NOBODY)]


def tokens(directory: Path, entry: dict[str, str] | None = None, rows: Rows | None = None) -> StaticTokens:
    whole = {
        "token": f"sha256:{sha256(TOKEN)}",
        "tenant": "demo",
        "actor": "sam@demo.example",
        "kind": "user",
        "roles": "[sales, manager]",
    } | (entry or {})
    lines = "".join(f"    {name}: {value}\n" for name, value in whole.items())
    file = directory / "server.yaml"
    file.write_text("tokens:\n  -\n" + lines)
    return StaticTokens(ServerConfig.load(file), rows or Rows())


@pytest.mark.parametrize("door", [Door.EDGE, Door.GATEWAY, Door.FACADE])
async def test_a_token_stands_for_its_person_at_every_door(tmp_path: Path, door: Door) -> None:
    """It says who is meant, with no role the person lacks and never as an approver."""
    found = await tokens(tmp_path).find(TOKEN, door)
    assert found is not None
    principal = found.principal
    assert (principal.tenant, principal.actor, principal.kind, str(principal.door)) == (TENANT, SAM, "user", door)
    assert principal.roles == {"sales"}


async def test_an_agent_acts_for_the_person_its_token_names(tmp_path: Path) -> None:
    """The agent is an actor of its own, the same each time."""
    found = [await tokens(tmp_path, {"kind": "agent"}).find(TOKEN, Door.GATEWAY) for _ in range(2)]
    agents = {(each.principal.actor, each.principal.on_behalf_of) for each in found if each}
    assert len(agents) == 1
    ((actor, acting_for),) = agents
    assert actor != SAM
    assert acting_for == SAM


async def test_a_token_may_lie_in_a_file(tmp_path: Path) -> None:
    """The file's content without its line end is the token."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert await tokens(tmp_path, {"token": "file:token"}).find(TOKEN, Door.EDGE)


@pytest.mark.parametrize(
    "entry",
    [
        {"tenant": "nowhere"},
        {"actor": "nobody@demo.example"},
        {"token": "env:KONTOR_TEST_TOKEN_THAT_IS_NOT_SET"},
        {"token": f"sha256:{sha256('other')}"},
    ],
)
async def test_what_the_file_does_not_know_opens_nothing(tmp_path: Path, entry: dict[str, str]) -> None:
    """A tenant or user that is not there, a secret that is not set and another token are all refused."""
    assert await tokens(tmp_path, entry).find(TOKEN, Door.EDGE) is None


async def test_a_person_locked_out_takes_their_tokens_along(tmp_path: Path) -> None:
    """Neither the person's token nor that of an agent acting for them opens anything."""
    rows = Rows(PERSON | {"user_active": False})
    for kind in ("user", "agent"):
        assert await tokens(tmp_path, {"kind": kind}, rows).find(TOKEN, Door.EDGE) is None


async def test_a_short_token_is_refused(tmp_path: Path) -> None:
    """A secret of less than 32 bytes can be guessed."""
    short = "t" * 31
    assert await tokens(tmp_path, {"token": f"sha256:{sha256(short)}"}).find(short, Door.EDGE) is None


async def test_no_token_opens_the_inside(tmp_path: Path) -> None:
    """The door of services is theirs alone."""
    assert await tokens(tmp_path).find(TOKEN, Door.INTERNAL) is None
