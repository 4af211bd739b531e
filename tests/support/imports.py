"""Imports over REST, each with a second person's consent, and waiting for their end."""

from typing import Any

import httpx2

from support.clients import EdgeClient
from support.waiting import wait_until_async

IMPORT, REVERT = "/mcp/crm/import_contacts_csv", "/mcp/crm/import_revert"


async def over_rest(person: EdgeClient, operator: EdgeClient, path: str, **body: Any) -> dict[str, Any]:
    """What a write answers over REST once a second person has approved exactly this call."""
    asked = (await person.post(path, body)).json()
    assert asked["code"] == "approval_required", asked
    decided = await operator.decide(asked["approval_id"])
    assert decided.status_code == httpx2.codes.OK, decided.text
    return await person.do(path, body | {"approval_id": asked["approval_id"]})


async def status(person: EdgeClient, operation: str) -> dict[str, Any]:
    """Long work as it stands."""
    answer: dict[str, Any] = (await person.do("/crm/import/status", {"operation_id": operation}))["operation"]
    return answer


async def ended(person: EdgeClient, operation: str, seconds: float = 60) -> dict[str, Any]:
    """Long work once it has ended."""

    async def told() -> dict[str, Any] | None:
        found = await status(person, operation)
        return found if found["ended"] else None

    found = await wait_until_async(told, seconds)
    assert found is not None
    return found
