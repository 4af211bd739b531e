"""Clients that open links: the person is sent to a page, and only a word given there counts."""

from typing import Any

import pytest
from mcp.client.client import Client
from mcp_types import ElicitRequestURLParams, ElicitResult, InputRequiredResult

from .test_approvals import WATER, code

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def unused(_: Any, __: Any) -> ElicitResult:
    """Makes the SDK say that the client takes forms and opens links."""
    raise AssertionError("the session asks by itself")


async def linked(client: Client, arguments: dict[str, Any]) -> InputRequiredResult:
    """The link that a call is answered with."""
    asked = await client.session.call_tool(WATER, arguments, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult), asked
    return asked


async def gone_on(client: Client, arguments: dict[str, Any], asked: InputRequiredResult, action: str) -> Any:
    """The same call once the client tells what its person did with the link."""
    answer = ElicitResult(action=action, content=None)  # type: ignore[arg-type]
    return await client.session.call_tool(
        WATER,
        arguments,
        input_responses={"approval": answer},
        request_state=asked.request_state,
        allow_input_required=True,
    )


async def test_opening_the_link_is_no_consent(world: Any, people: Any) -> None:
    """An agent's client opens the page; the call goes out once the person behind it has decided there."""
    plant = await world.sow(people)
    water = {"id": plant, "litres": 4}
    async with world.client(people.agent, elicitation_callback=unused) as client:
        asked = await linked(client, water)
        params = (asked.input_requests or {})["approval"].params
        assert isinstance(params, ElicitRequestURLParams)
        approval = params.url.removeprefix("https://crm.example/approvals/").removesuffix("/page")
        assert (params.mode, "plant.watered" in params.message) == ("url", True)
        opened = await gone_on(client, water, asked, "accept")
        assert (code(opened), opened.structured_content["approval_id"]) == ("approval_required", approval)
        assert await world.litres(people, plant) == 0
        assert (await world.decide(people.sales, approval)).json()["evidence"] == "E3"
        assert code(await gone_on(client, water, asked, "accept")) == "ok"
    assert await world.litres(people, plant) == 4


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_link_that_is_not_opened_withdraws_the_call(world: Any, people: Any, action: str) -> None:
    """A no at the client ends the waiting."""
    water = {"id": await world.sow(people), "litres": 4}
    async with world.client(people.agent, elicitation_callback=unused) as client:
        asked = await linked(client, water)
        assert code(await gone_on(client, water, asked, action)) == "approval_denied"


async def test_an_operators_call_is_not_sent_to_the_client(world: Any, people: Any) -> None:
    """The person at the client cannot decide what needs another person."""
    async with world.client(people.agent, elicitation_callback=unused) as client:
        asked = await client.session.call_tool(
            "garden_uproot_plant", {"id": await world.sow(people)}, allow_input_required=True
        )
    assert code(asked) == "approval_required"


@pytest.mark.parametrize("path", ["/approvals/page", "/approvals/01a20bd5-ed6d-7d39-9992-f82078627a9a/page"])
async def test_the_page_is_served_to_everybody_and_holds_no_data(world: Any, path: str) -> None:
    """It loads nothing from elsewhere, runs no foreign script and is kept by nobody."""
    told = await world.get("", path)
    policy = told.headers["content-security-policy"]
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    assert ("default-src 'none'" in policy, "frame-ancestors 'none'" in policy) == (True, True)
    for name in ("approvals.js", "approvals.css"):
        assert name in told.text
        assert (await world.get("", f"/approvals/page/{name}")).status_code == 200


@pytest.mark.parametrize("path", ["/approvals/page/__init__.py", "/approvals/x/page", "/approvals/page/../../x"])
async def test_nothing_else_is_open(world: Any, path: str) -> None:
    """No other path under approvals answers without a key."""
    assert (await world.get("", path)).status_code in (401, 404)
