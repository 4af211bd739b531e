"""What a client meets at the edge, with a real Envoy."""

import json
import stat
from dataclasses import replace

import httpx2
import pytest

from kontor_platform.edge import is_ready

from .stage import GOOD, QUOTA, SECRET, SPENT, Stage


def assert_problem(response: httpx2.Response, status: int, code: str) -> None:
    """The answer is a problem with this status and code, and no one may keep it."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    told = response.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"urn:kontor:problem:{code}"


def test_a_known_key_reaches_the_service_with_a_passport_and_nothing_else(stage: Stage) -> None:
    """The service gets the passport that governance gave and never the caller's credential."""
    response = stage.call("POST", "/crm/create_deal", GOOD, b"{}")
    told = response.json()
    assert response.status_code == 200
    assert told["x-kontor-passport"] == "genuine"
    assert "authorization" not in told
    assert "x-kontor-edge" not in told


def test_forged_internal_headers_are_stripped(stage: Stage) -> None:
    """No header of ours that a client sends passes, where the edge authorizes and where it does not."""
    forged = GOOD | {"x-kontor-passport": "forged", "X-Kontor-Edge": SECRET, "x-kontor-new": "forged"}
    guarded = stage.call("POST", "/crm/create_deal", forged, b"{}").json()
    opened = stage.call("GET", "/catalogue", forged).json()
    assert "forged" not in guarded.values()
    assert [name for name in opened if name.startswith("x-kontor")] == []


def test_claims_about_the_origin_are_stripped(stage: Stage) -> None:
    """The address that services see is the one the edge saw."""
    claims = {"x-forwarded-for": "203.0.113.9", "x-forwarded-host": "evil", "forwarded": "for=203.0.113.9"}
    told = stage.call("GET", "/catalogue", claims).json()
    assert "203.0.113.9" not in told["x-forwarded-for"]
    assert not {"x-forwarded-host", "forwarded"} & told.keys()


def test_governance_is_asked_with_the_secret_and_the_credential(stage: Stage) -> None:
    """The authorizer learns the caller's key and sees that the edge asks."""
    stage.call("POST", "/crm/create_deal", GOOD | {"cookie": "a=b"}, b"{}")
    asked = stage.authorizer.seen[-1]
    assert asked["x-kontor-edge"] == SECRET
    assert asked["authorization"] == "Bearer good"
    assert asked[":path"] == "/authz/crm/create_deal"
    assert asked[":length"] == "0"
    assert "cookie" not in asked


def test_the_remaining_budget_is_told(stage: Stage) -> None:
    """A call that passed tells the caller's budget."""
    headers = stage.call("POST", "/crm/create_deal", GOOD, b"{}").headers
    assert {name: headers[name] for name in QUOTA} == QUOTA


def test_an_unknown_key_is_refused_in_governances_words(stage: Stage) -> None:
    """A 401 keeps the authorizer's problem and its challenge."""
    response = stage.call("POST", "/crm/create_deal", {"authorization": "Bearer bad"}, b"{}")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {"code": "unauthenticated"}


def test_a_spent_budget_is_refused_in_governances_words(stage: Stage) -> None:
    """A 429 keeps the authorizer's problem, the budget and the time to wait."""
    response = stage.call("POST", "/crm/create_deal", {"authorization": "Bearer spent"}, b"{}")
    assert response.status_code == 429
    assert {name: response.headers[name] for name in SPENT} == SPENT
    assert response.json() == {"code": "rate_limited"}


def test_a_doubled_credential_is_not_a_good_one(stage: Stage) -> None:
    """Of two credentials none is chosen."""
    twice = [("authorization", "Bearer good"), ("authorization", "Bearer good")]
    assert stage.call("POST", "/crm/create_deal", twice, b"{}").status_code == 401


@pytest.mark.parametrize("path", ["/mcp/crm/whoami", "/approvals", "/approvals/1", "/catalogue", "/health", "/docs"])
def test_the_gateway_is_a_door_of_its_own(stage: Stage, path: str) -> None:
    """Its paths are not authorized at the edge and keep the caller's credential."""
    asked = len(stage.authorizer.seen)
    told = stage.call("POST", path, {"authorization": "Bearer unknown"}).json()
    assert told["authorization"] == "Bearer unknown"
    assert len(stage.authorizer.seen) == asked


def test_events_stream_through_unbuffered(stage: Stage) -> None:
    """The first event arrives while the answer is still open."""
    with httpx2.stream("GET", f"{stage.url}/mcp", timeout=10) as response:
        assert next(response.iter_lines()) == "data: first"


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/authz", "/authz/crm/create_deal", "/", "/mcpx"])
def test_what_is_not_public_is_not_there(stage: Stage, path: str) -> None:
    """Internal paths answer like unknown ones."""
    reached = stage.reached()
    assert_problem(stage.call("GET", path, GOOD), 404, "not_found")
    assert stage.reached() == reached


def test_a_wrong_method_is_told_with_the_right_ones(stage: Stage) -> None:
    """A known path with another method answers 405 and lists its methods."""
    response = stage.call("GET", "/crm/create_deal", GOOD)
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    assert stage.call("POST", "/memory/1", GOOD).headers["allow"] == "DELETE, GET"


def test_a_field_in_a_path_is_one_segment(stage: Stage) -> None:
    """A path with a field matches any one segment and no more."""
    assert stage.call("GET", "/memory/0197", GOOD).json()[":path"] == "/memory/0197"
    assert_problem(stage.call("GET", "/memory/0197/more", GOOD), 404, "not_found")


def test_a_body_over_the_limit_is_refused_before_the_service(stage: Stage) -> None:
    """1 MiB passes; a byte more, or much more, is refused by the edge."""
    limit = 1024 * 1024
    assert stage.call("POST", "/crm/create_deal", GOOD, b"x" * limit).json()[":length"] == str(limit)
    reached = stage.reached()
    assert_problem(stage.call("POST", "/crm/create_deal", GOOD, b"x" * (limit + 1)), 413, "too_large")
    assert_problem(stage.call("POST", "/crm/create_deal", GOOD, b"x" * 20 * limit), 413, "too_large")
    assert_problem(stage.call("POST", "/mcp", {}, b"x" * (limit + 1)), 413, "too_large")
    assert stage.reached() == reached


def test_every_answer_has_a_request_id_and_names_no_software(stage: Stage) -> None:
    """The request's id is new, told to caller and service; versions, passports and Envoy's own headers are not."""
    response = stage.call("POST", "/crm/create_deal", GOOD | {"x-request-id": "mine"}, b"{}")
    assert response.json()["x-request-id"] == response.headers["x-request-id"] != "mine"
    assert response.headers["server"] == "kontor"
    assert [name for name in response.headers if name.startswith(("x-envoy", "x-kontor"))] == []


def test_trace_context_passes(stage: Stage) -> None:
    """A caller's trace goes on in the service and at the authorizer."""
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    assert stage.call("POST", "/crm/create_deal", GOOD | parent, b"{}").json()["traceparent"] == parent["traceparent"]
    assert stage.authorizer.seen[-1]["traceparent"] == parent["traceparent"]


async def test_envoy_says_on_its_own_socket_that_it_is_ready(stage: Stage) -> None:
    """The admin interface is a socket of the owner only and answers; a missing one is an error of the system."""
    assert await is_ready(stage.edge)
    assert stat.S_IMODE(stage.edge.admin_socket.stat().st_mode) == 0o600
    with pytest.raises(OSError, match="No such file"):
        await is_ready(replace(stage.edge, admin_socket=stage.edge.directory / "other.sock"))


def test_the_log_names_the_route_and_neither_path_nor_query(stage: Stage) -> None:
    """No path, query, key or body of a caller is in the edge's log."""
    response = stage.call("GET", "/memory/canary-path?email=canary-query", GOOD | {"user-agent": "canary-agent"})
    stage.call("GET", "/canary-unknown?canary-query", {"authorization": "Bearer canary-key"})
    stage.wait_for_log(response.headers["x-request-id"])
    lines = [json.loads(line) for line in stage.log.read_text().splitlines()]
    line = next(line for line in lines if line.get("request_id") == response.headers["x-request-id"])
    assert (line["route"], line["method"], line["status"]) == ("memory_get", "GET", 200)
    assert "canary" not in stage.log.read_text()
