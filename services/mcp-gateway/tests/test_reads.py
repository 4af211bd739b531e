"""Plain reads are answered without the SDK, and no client can tell."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
    "mcp-method": "tools/call",
    "mcp-name": "garden_get_plant",
}
# The SDK takes this for both types; the short way only takes them by name.
BY_THE_SDK = {"accept": "*/*"}


def request(given: Mapping[str, Any], **params: Any) -> dict[str, Any]:
    """A call of the one read there is."""
    whole = {"name": "garden_get_plant", "arguments": dict(given), "_meta": copy.deepcopy(META)} | params
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": whole}


def list_request(**params: Any) -> dict[str, Any]:
    """A request for the list of tools."""
    return {"jsonrpc": "2.0", "id": "list", "method": "tools/list", "params": {"_meta": copy.deepcopy(META)} | params}


async def answered(world: Any, key: str, body: Any, path: str = "/mcp", **headers: str) -> tuple[int, Any]:
    """Status and body of an answer, without the id of the call."""
    own = HEADERS | {"mcp-method": body["method"]}
    if "name" not in body["params"]:
        del own["mcp-name"]
    async with world.raw(key) as http:
        answer = await http.post(f"{world.url}{path}", json=body, headers=own | headers)
    return told_of(answer)


async def answered_earlier(world: Any, key: str, version: str, body: Any, **headers: str) -> tuple[int, Any]:
    """The same in an earlier revision, where the SDK answers by a stream of events."""
    own = {name: value for name, value in HEADERS.items() if name not in ("mcp-method", "mcp-name")}
    async with world.raw(key) as http:
        answer = await http.post(
            f"{world.url}/mcp", json=body, headers=own | {"mcp-protocol-version": version} | headers
        )
    return told_of(answer)


def told_of(answer: Any) -> tuple[int, Any]:
    """Status and body of an answer, without the id of the call."""
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    told = json.loads(answer.text.partition("data: ")[2]) if is_stream else answer.json()
    told.get("result", {}).get("_meta", {}).pop("kontor/call_id", None)
    return answer.status_code, told


@pytest.mark.parametrize("case", ["found", "unknown id", "wrong argument", "unknown argument"])
async def test_both_ways_answer_alike(world: Any, people: Any, case: str) -> None:
    """An answer and a refusal are the same, apart from their call's id."""
    plant = await world.sow(people, 'a "quoted" \u2028 fern')
    arguments: dict[str, Any] = {
        "found": {"id": plant},
        "unknown id": {"id": str(people.tenant)},
        "wrong argument": {"id": 7},
        "unknown argument": {"id": plant, "ide": 1},
    }
    short = await answered(world, people.agent, request(arguments[case]))
    assert short == await answered(world, people.agent, request(arguments[case]), **BY_THE_SDK)
    assert short[0] == 200


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (request({}), {"mcp-name": "garden_other"}, -32020),
        (request({}), {"mcp-method": "tools/list"}, -32020),
        (request({}), {"mcp-protocol-version": "2099-01-01"}, -32020),
        (request({}, _meta={}), {}, -32602),
        (request({}, arguments=[]), {}, -32602),
        (request({}, name="garden_get_plnt"), {"mcp-name": "garden_get_plnt"}, -32602),
        (request({}, requestState="x"), {}, -32602),
    ],
)
async def test_what_is_not_in_order_is_left_to_the_sdk(
    world: Any, people: Any, body: Any, headers: dict[str, str], code: int
) -> None:
    """Every disagreement and every malformed part is refused as the protocol says."""
    assert (await answered(world, people.agent, body, **headers))[1]["error"]["code"] == code


async def test_foreign_hosts_and_origins_are_refused(world: Any, people: Any) -> None:
    """A page of another origin and a name that is not ours get nowhere."""
    for headers, status in (({"origin": "https://evil.example"}, 403), ({"host": "evil.example"}, 421)):
        async with world.raw(people.agent) as http:
            refused = await http.post(f"{world.url}/mcp", json=request({}), headers=HEADERS | headers)
        assert refused.status_code == status


async def test_a_denied_read_does_not_exist(world: Any) -> None:
    """A read on the tenant's deny list is unknown here too."""
    people = world.governance.people("blind")
    status, told = await answered(world, people.agent, request({}))
    assert (status, told["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize("path", ["/mcp", "/mcp?profile=read"])
async def test_lists_are_alike(world: Any, people: Any, path: str) -> None:
    """The list made beforehand is the one the SDK would have sent, for every key and profile, search included."""
    searching = world.governance.people("seeking")
    sizes = set()
    for key in (people.agent, people.viewer, people.operator, searching.agent):
        short = await answered(world, key, list_request(), path)
        assert short == await answered(world, key, list_request(), path, **BY_THE_SDK)
        sizes.add(len(short[1]["result"]["tools"]))
    assert len(sizes) > 1


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (list_request(cursor="x"), {}, -32602),
        (list_request(), {"mcp-method": "tools/call"}, -32020),
        (list_request(_meta={}), {}, -32602),
    ],
)
async def test_a_list_out_of_order_is_left_to_the_sdk(
    world: Any, people: Any, body: Any, headers: dict[str, str], code: int
) -> None:
    """A list that disagrees with its headers, or asks for another page, is refused as the protocol says."""
    assert (await answered(world, people.agent, body, **headers))[1]["error"]["code"] == code


async def test_lists_beyond_the_limit_are_refused_alike(world: Any) -> None:
    """Both ways count against one limit and tell the seconds to wait."""
    people = world.governance.people("scarce")
    told = [await answered(world, people.agent, list_request(), **each) for each in ({}, BY_THE_SDK) * 3]
    refused = [(status, answer["error"]["code"]) for status, answer in told if "error" in answer]
    assert "result" in told[0][1]
    assert refused[-2:] == [(200, 429), (200, 429)]
    assert told[-1][1]["error"]["data"].keys() == told[-2][1]["error"]["data"].keys() >= {"retry_after_s"}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_earlier_revisions_are_answered_alike(world: Any, people: Any, version: str) -> None:
    """Clients with a handshake get what the SDK would have sent, with or without what may stand beside a request."""
    plant = await world.sow(people, 'a "quoted" fern')
    beside: dict[str, Any]
    for beside in ({}, {"_meta": {"progressToken": 3}}, {"_meta": {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}}):
        for method, params in (
            ("tools/list", {}),
            ("tools/call", {"name": "garden_get_plant", "arguments": {"id": plant}}),
            ("tools/call", {"name": "garden.get_plant", "arguments": {"id": 7}}),
            ("tools/call", {"name": "garden_get_plant"}),
        ):
            body = {"jsonrpc": "2.0", "id": "x", "method": method, "params": params | beside}
            short = await answered_earlier(world, people.agent, version, body)
            # The SDK alone answers those who name a method in a header that these revisions do not have.
            assert short == await answered_earlier(world, people.agent, version, body, **{"mcp-method": method})
            assert (short[0], short[1]["id"], "result" in short[1]) == (200, "x", True)
