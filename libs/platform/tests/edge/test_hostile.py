"""Requests that try to be read in two ways, sent byte for byte to a real Envoy."""

import pytest

from .stage import Stage

START = b"POST /mcp HTTP/1.1\r\nHost: edge\r\n"
HIDDEN = b"GET /health HTTP/1.1\r\nHost: edge\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, id="cl-te"),
        pytest.param(START + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN, id="te-cl"),
        pytest.param(START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", id="two-lengths"),
        pytest.param(START + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", id="one-length-twice"),
        pytest.param(START + b"Content-Length: 5, 5\r\n\r\nabcde", id="list-of-lengths"),
        pytest.param(START + b"Content-Length : 5\r\n\r\nabcde", id="space-before-colon"),
        pytest.param(START + b"Content-Length: +5\r\n\r\nabcde", id="signed-length"),
        pytest.param(START + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="unknown-encoding"),
        pytest.param(START + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunked-not-last"),
        pytest.param(START + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", id="encoding-behind-vertical-tab"),
        pytest.param(START + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", id="folded-te"),
        pytest.param(START + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n", id="hexadecimal-prefix"),
        pytest.param(START + b"Transfer-Encoding: chunked\r\n\r\n5;a=\nb\r\nabcde\r\n0\r\n\r\n", id="newline-in-chunk"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two-hosts"),
        pytest.param(b"GET /health HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", id="nul-in-header"),
        pytest.param(b"GET /health\x00 HTTP/1.1\r\nHost: a\r\n\r\n", id="nul-in-path"),
        pytest.param(b"GET /health%00 HTTP/1.1\r\nHost: a\r\n\r\n", id="escaped-nul"),
        pytest.param(b"GET /mcp%2fcrm HTTP/1.1\r\nHost: a\r\n\r\n", id="escaped-slash"),
        pytest.param(b"GET /mcp%5Ccrm HTTP/1.1\r\nHost: a\r\n\r\n", id="escaped-backslash"),
        pytest.param(b"GET /health#part HTTP/1.1\r\nHost: a\r\n\r\n", id="fragment"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: a\r\nx_kontor_passport: a\r\n\r\n", id="underscore"),
        pytest.param(b"nonsense\r\n\r\n", id="nonsense"),
    ],
)
def test_an_ambiguous_request_is_refused(stage: Stage, request_bytes: bytes) -> None:
    """What two readers could read in two ways reaches nobody and gets a problem."""
    reached = stage.reached()
    status, problem = stage.raw(request_bytes)
    assert (status, problem["code"]) == (400, "malformed")
    assert stage.reached() == reached


def test_a_folded_header_becomes_one_line(stage: Stage) -> None:
    """Line folding is undone as RFC 9112 section 5.2 allows: no header can hide in it."""
    folded = START + b"X-Note: a\r\n x-kontor-passport: forged\r\nContent-Length: 2\r\n\r\n{}"
    status, told = stage.raw(folded)
    assert (status, told["x-note"]) == (200, "a x-kontor-passport: forged")
    assert "x-kontor-passport" not in told


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431, id="long"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431, id="many"),
        pytest.param(b"GET /health HTTP/1.0\r\nHost: a\r\n\r\n", 426, id="old-version"),
        pytest.param(
            b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 403, id="upgrade"
        ),
    ],
)
def test_what_the_edge_does_not_take_is_a_problem(stage: Stage, request_bytes: bytes, status: int) -> None:
    """Headers too large, an old version and upgrades are refused in our form."""
    reached = stage.reached()
    refused, problem = stage.raw(request_bytes)
    assert (refused, problem["status"]) == (status, status)
    assert stage.reached() == reached


@pytest.mark.parametrize("path", ["//metrics", "/health/../metrics", "/%2e%2e/authz/x", "/docs/./../livez"])
def test_a_path_is_brought_into_plain_form_before_it_is_matched(stage: Stage, path: str) -> None:
    """No spelling of an internal path leads to it."""
    reached = stage.reached()
    status, problem = stage.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (status, problem["code"]) == (404, "not_found")
    assert stage.reached() == reached
