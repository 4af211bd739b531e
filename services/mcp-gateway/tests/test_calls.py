"""Calls through the door: found, checked, limited, told in both eras of the protocol."""

from typing import Any

import pytest
from mcp import MCPError

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_lists_what_the_role_may_call(world: Any, people: Any, mode: str) -> None:
    """A list holds the tools of the caller's roles with both schemas and all four hints."""
    async with world.client(people.agent, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {
        "garden_get_plant",
        "garden_sow_plant",
        "garden_uproot_plant",
        "garden_visit_plant",
        "garden_water_plant",
    }
    for tool in tools.values():
        assert tool.description
        assert tool.output_schema
        assert tool.annotations
        assert tool.meta
        hints = tool.annotations
        told = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert None not in told
    assert {"user_approved", "approval_id", "idempotency_key", "dry_run"} <= set(
        tools["garden_water_plant"].input_schema["properties"]
    )
    async with world.client(people.viewer, mode) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["garden_get_plant"]


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.parametrize("name", ["garden_get_plant", "garden.get_plant"])
async def test_reads_by_either_name(world: Any, people: Any, mode: str, name: str) -> None:
    """A read answers the same by its name and by its dotted alias."""
    plant = await world.sow(people)
    read = await world.call(people.agent, name, {"id": plant}, mode)
    assert not read.is_error
    assert read.structured_content == {"id": plant, "name": "fern", "litres": 0, "version": 1}


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_unknown_tool_names_a_near_one(world: Any, people: Any, mode: str) -> None:
    """A name nobody knows is refused with -32602 and the name that was probably meant."""
    async with world.client(people.agent, mode) as client:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("garden_get_plnt", {})
    assert refused.value.code == -32602
    assert "garden_get_plant" in refused.value.message


async def test_role_comes_before_validation(world: Any, people: Any) -> None:
    """A caller without the role learns which roles would do, whatever it sent."""
    refused = await world.call(people.viewer, "garden_water_plant", {"nonsense": True})
    assert refused.is_error
    assert refused.structured_content["code"] == "role_required"
    assert "garden_water_plant needs one of: admin, manager, sales" in refused.structured_content["message"]
    assert (await world.audited(people.tenant, "garden_water_plant"))[-1]["reason"] == "role_required"


async def test_unknown_field_is_named(world: Any, people: Any) -> None:
    """An argument that is no field is refused with the nearest one, and audited."""
    refused = await world.call(people.agent, "garden_water_plant", {"id": str(people.tenant), "liters": 1})
    assert refused.structured_content["code"] == "unknown_field"
    assert refused.structured_content["did_you_mean"] == "litres"


async def test_invalid_field_is_named(world: Any, people: Any) -> None:
    """An argument that breaks its rule is refused by name, before anybody is asked."""
    refused = await world.call(people.agent, "garden_water_plant", {"id": str(people.tenant), "litres": 11})
    assert refused.structured_content["code"] == "invalid_field"
    assert refused.structured_content["field"] == "litres"


async def test_foreign_id_is_like_an_unknown_one(world: Any, people: Any) -> None:
    """Another tenant's id and an unknown one give the same answer."""
    plant = await world.sow(world.governance.people())
    foreign = await world.call(people.agent, "garden_get_plant", {"id": plant})
    unknown = await world.call(people.agent, "garden_get_plant", {"id": str(people.tenant)})
    assert foreign.structured_content == unknown.structured_content
    assert foreign.structured_content["code"] == "not_found"


async def test_nobody_enters_without_a_key(world: Any) -> None:
    """No key and a wrong key get 401 with a plain challenge, and the stranger is noted."""
    for path, key in (("/mcp", ""), ("/mcp/garden/get_plant", ""), ("/approvals", "nobody")):
        refused = await world.get(key, path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == "application/problem+json"


async def test_facade_answers_like_the_tool(world: Any, people: Any) -> None:
    """The REST face answers the same message, and problems where it refuses."""
    plant = await world.sow(people)
    read = await world.post(people.agent, "/mcp/garden/get_plant", {"id": plant})
    assert read.status_code == 200
    assert read.json()["id"] == plant
    unknown = await world.post(people.agent, "/mcp/garden/get_plnt", {})
    assert (unknown.status_code, unknown.json()["did_you_mean"]) == (404, "/mcp/garden/get_plant")
    invalid = await world.post(people.agent, "/mcp/garden/get_plant", {"id": "x"})
    assert (invalid.status_code, invalid.json()["code"]) == (422, "invalid_field")


async def test_facade_takes_controls_where_rest_has_them(world: Any, people: Any) -> None:
    """A trial asked for in the query is one, a key in the header makes a write happen once, all else is refused."""
    plant = await world.sow(people)
    water = "/mcp/garden/water_plant"
    tried = await world.post(people.agent, f"{water}?dry_run=true", {"id": plant, "litres": 3})
    assert (tried.status_code, tried.json()["litres"], await world.litres(people, plant)) == (200, 3, 0)
    read = "/mcp/garden/get_plant"
    for path, field in (
        (f"{water}?dry_run=maybe", "dry_run"),
        (f"{water}?litres=3", "litres"),
        (f"{read}?dry_run=true", "dry_run"),
    ):
        refused = await world.post(people.agent, path, {"id": plant})
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    async with world.raw(people.agent) as http:
        visits = [
            await http.post(
                f"{world.url}/mcp/garden/visit_plant", json={"id": plant}, headers={"Idempotency-Key": "visit-1"}
            )
            for _ in range(2)
        ]
    assert [each.headers.get("idempotency-replayed") for each in visits] == [None, "true"]


async def test_denied_tool_does_not_exist(world: Any) -> None:
    """A tool on the tenant's deny list is neither listed nor known."""
    people = world.governance.people("narrow")
    async with world.client(people.agent) as client:
        assert "garden_visit_plant" not in {tool.name for tool in (await client.list_tools()).tools}
        with pytest.raises(MCPError) as refused:
            await client.call_tool("garden_visit_plant", {"id": str(people.tenant)})
    assert refused.value.code == -32602
    narrowed = await world.call(people.agent, "garden_water_plant", {})
    assert "needs one of: admin, manager" in narrowed.structured_content["message"]


async def test_limits_refuse_with_seconds_to_wait(world: Any) -> None:
    """Beyond an actor's budget calls are refused with the time to wait, and others go on."""
    people = world.governance.people("small")
    plant = await world.sow(people)
    async with world.client(people.agent) as client:
        answers = [await client.call_tool("garden_get_plant", {"id": plant}) for _ in range(80)]
    refused = [each.structured_content for each in answers if each.is_error]
    # The window slides, so a minute that ends in between lets a few more through.
    assert 10 <= len(refused) <= 20
    assert refused[0]["code"] == "rate_limited"
    assert 1 <= refused[0]["retry_after_s"] <= 60
    assert not (await world.call(people.viewer, "garden_get_plant", {"id": plant})).is_error


async def test_dry_run_changes_nothing(world: Any, people: Any) -> None:
    """A dry run answers what would be, needs nobody's consent and leaves everything as it was."""
    plant = await world.sow(people)
    tried = await world.call(people.agent, "garden_water_plant", {"id": plant, "litres": 3, "dry_run": True})
    assert tried.structured_content["litres"] == 3
    assert await world.litres(people, plant) == 0


async def test_duplicate_names_and_wrong_numbers_are_refused(world: Any, people: Any) -> None:
    """A body that a lenient parser would take is refused as unreadable."""
    for body in ('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', '{"jsonrpc":"2.0","id":NaN,"method":"ping"}'):
        async with world.raw(people.agent) as http:
            refused = await http.post(f"{world.url}/mcp", content=body, headers={"content-type": "application/json"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32700)


async def test_too_large_a_body_is_refused(world: Any, people: Any) -> None:
    """More than a mebibyte is refused before it is parsed."""
    async with world.raw(people.agent) as http:
        refused = await http.post(
            f"{world.url}/mcp", content=b" " * (1 << 20) + b"{}", headers={"content-type": "application/json"}
        )
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


async def test_documents_need_no_key(world: Any) -> None:
    """Health, the merged document and its page are open; the document holds services and gateway."""
    assert (await world.get("", "/health")).json()["services"]["garden"] == "ready"
    document = (await world.get("", "/openapi.json")).json()
    assert {"/garden/water_plant", "/approvals/{id}/decide", "/mcp/{domain}/{op}"} <= set(document["paths"])
    assert (await world.get("", "/docs")).status_code == 200
