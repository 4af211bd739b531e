"""The pages as a person uses them, in a real browser through the edge."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from selenium.webdriver.common.by import By

from support.browser import Page, browser
from support.plugin import ConnectEdge, ConnectMcp
from support.stack import Stack
from support.tenants import Tenant

T = TypeVar("T")
TASK = {"title": "Call <b>Ada</b>."}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One browser for the tests of this file."""
    with browser() as page:
        yield page


async def seen(act: Callable[..., T], *arguments: Any) -> T:
    """What the browser does, while the clients of the test go on."""
    return await asyncio.to_thread(act, *arguments)


def signed_in(page: Page, url: str, key: str) -> None:
    """Opens the approvals as the holder of a key."""
    page.open(url)
    page.type("#key", key)
    page.one("#sign-in button").click()


def decided(page: Page, decision: str, reason: str) -> str:
    """Decides the one approval that is shown, after its preview was read; the preview."""
    preview = page.one("#approvals pre").text
    page.type("#approvals input[name=reason]", reason)
    page.one(f"#approvals button[value={decision}]").click()
    page.one("#told", "approved" if decision == "approve" else "denied")
    return preview


async def test_a_person_approves_what_an_agent_asked(
    page: Page, stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """The page shows the preview as text, takes the decision of another key, and the agent's repeat is let through."""
    async with connect(tenant.key("agent")) as agent:
        asked = await agent.refused("crm_create_task", **TASK)
        url = f"{stack.edge_url}/approvals/{asked['approval_id']}/page"
        await seen(signed_in, page, url, tenant.key("operator"))
        preview = await seen(decided, page, "approve", "read it")
        assert TASK["title"] in preview
        assert (await agent.do("crm_create_task", **TASK, approval_id=asked["approval_id"]))["task"]["title"]
    assert await seen(page.errors) == []


async def test_a_person_denies(page: Page, stack: Stack, tenant: Tenant, connect: ConnectMcp) -> None:
    """A denied call stays undone, and its caller is told why."""
    async with connect(tenant.key("agent")) as agent:
        asked = await agent.refused("crm_create_task", **TASK)
        url = f"{stack.edge_url}/approvals/{asked['approval_id']}/page"
        await seen(signed_in, page, url, tenant.key("operator"))
        await seen(decided, page, "deny", "not today")
        refused = await agent.refused("crm_create_task", **TASK, approval_id=asked["approval_id"])
    assert refused["code"] == "approval_denied"


async def test_a_wrong_key_and_the_asking_key_decide_nothing(
    page: Page, stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """The page says what is wrong, and the approval goes on waiting."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        asked = await agent.refused("crm_create_task", **TASK)
        url = f"{stack.edge_url}/approvals/{asked['approval_id']}/page"
        for key in ("nonsense", tenant.key("agent")):
            await seen(signed_in, page, url, key)
            assert (await seen(page.one, "#told", " ")).text
            assert await seen(page.all, "#approvals button") == []
        told = (await operator.get(f"/approvals/{asked['approval_id']}")).json()
    assert told["status"] == "pending"
    assert len(await seen(page.errors)) == len(("nonsense", "agent"))


def test_the_tools_are_found_by_words(page: Page, stack: Stack) -> None:
    """Words narrow the list, the best name first; a tool shows a call and its answer; the address keeps the words."""
    page.open(f"{stack.edge_url}/docs/tools")
    everything = len(page.all("details"))
    page.type("#query", "merge contacts")
    names = [each.get_attribute("id") for each in page.all("details")]
    assert 0 < len(names) < everything
    assert names[0] == "crm_merge_contacts"
    assert "crm_unmerge_contacts" in names
    assert page.one("#found").text == f"{len(names)} tools"
    page.one("details#crm_merge_contacts summary").click()
    call, answer = page.one("details#crm_merge_contacts").find_elements(By.CSS_SELECTOR, "pre")
    assert "winner_id" in call.text
    assert "in_common" in answer.text
    page.open(page.address)
    assert [each.get_attribute("id") for each in page.all("details")] == names
    page.type("#query", "erge contacts")
    assert (page.all("details"), page.one("#found").text) == ([], "0 tools")
    page.open(f"{stack.edge_url}/docs/tools#crm_whoami")
    assert page.one("details#crm_whoami pre").text == "{}"
    assert page.errors() == []
