"""Profiles: a client's own narrowing of what its key may do."""

from typing import Any

import pytest
from mcp import MCPError

from .world import MODERN

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ("read", {"garden_get_plant"}),
        ("write", {"garden_get_plant", "garden_sow_plant", "garden_water_plant", "garden_visit_plant"}),
    ],
)
async def test_a_profile_narrows_the_catalogue(world: Any, people: Any, profile: str, names: set[str]) -> None:
    """Under a profile other tools are not listed and do not exist, in either era."""
    plant = await world.sow(people)
    for mode in (MODERN, "auto"):
        async with world.client(people.agent, mode, path=f"/mcp?profile={profile}") as client:
            assert {each.name for each in (await client.list_tools()).tools} == names
            assert not (await client.call_tool("garden_get_plant", {"id": plant})).is_error
            with pytest.raises(MCPError, match="There is no tool"):
                await client.call_tool("garden_uproot_plant", {"id": plant})


@pytest.mark.parametrize("query", ["profile=everything", "profile=", "profil=read", "profile=read&profile=write"])
async def test_an_unknown_profile_is_refused(world: Any, people: Any, query: str) -> None:
    """What could have narrowed the catalogue is never passed over."""
    told = await world.post(people.agent, f"/mcp?{query}", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert (told.status_code, "profile" in told.text) == (422, True)


async def test_search_is_there_where_a_tenant_has_it(world: Any, people: Any) -> None:
    """Words find tools with their schemas, the best first; roles, denials and profiles hold; others have no search."""
    searching = world.governance.people("seeking")
    async with world.client(searching.agent) as client:
        listed = {each.name: each for each in (await client.list_tools()).tools}
        found = (await client.call_tool("catalog_search", {"query": "give a plant water"})).structured_content["tools"]
        assert found[0]["name"] == "garden_water_plant"
        assert found[0]["inputSchema"] == listed["garden_water_plant"].input_schema
        assert "garden_uproot_plant" not in {each["name"] for each in found}
        one = await client.call_tool("catalog.search", {"query": "plant", "limit": 1})
        assert len(one.structured_content["tools"]) == 1
    async with world.client(searching.viewer) as client:
        seen = (await client.call_tool("catalog_search", {"query": "plant"})).structured_content["tools"]
        assert [each["name"] for each in seen] == ["garden_get_plant"]
    async with world.client(searching.agent, path="/mcp?profile=read") as client:
        seen = (await client.call_tool("catalog_search", {"query": "plant"})).structured_content["tools"]
        assert [each["name"] for each in seen] == ["garden_get_plant"]
    async with world.client(people.agent) as client:
        assert "catalog_search" not in {each.name for each in (await client.list_tools()).tools}
        with pytest.raises(MCPError, match="There is no tool"):
            await client.call_tool("catalog_search", {"query": "plant"})


@pytest.mark.parametrize("arguments", [{}, {"query": ""}, {"query": "x", "limit": 0}, {"query": "x", "roles": "admin"}])
async def test_a_faulty_search_says_so(world: Any, arguments: dict[str, Any]) -> None:
    """Bad input is an error of the tool that names the field."""
    people = world.governance.people("seeking")
    refused = await world.call(people.agent, "catalog_search", arguments)
    assert (refused.is_error, refused.structured_content["code"] in ("invalid_field", "unknown_field")) == (True, True)
