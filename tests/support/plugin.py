"""Fixtures for every test of the repository, wherever it lies."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from support.clients import EdgeClient, McpClient, edge_client, mcp_client
from support.ddl import ddl_in, refuse_ddl
from support.stack import Stack, running
from support.tenants import Tenant, create_tenant

ConnectMcp = Callable[..., AbstractAsyncContextManager[McpClient]]
ConnectEdge = Callable[..., AbstractAsyncContextManager[EdgeClient]]
LAST = "faults"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--record-examples`."""
    parser.addoption("--record-examples", action="store_true", help="write protos/examples anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the fault tests last, since each has a stack of its own to break."""
    items.sort(key=lambda item: LAST in item.path.parts)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of the test run: `kontor up` itself, on free ports and a temporary data directory.

    Whatever the tests have it do, it changes no schema.
    """
    with running(tmp_path_factory.mktemp("stack") / "data") as stack:
        with stack.sql("crm-core") as admin:
            refuse_ddl(admin)
        yield stack
        assert ddl_in(stack.home.postgres / "postgres.log") == []


@pytest.fixture
def tenant(stack: Stack) -> Tenant:
    """A new tenant with keys for everybody in it."""
    return create_tenant(stack)


@pytest.fixture
def called() -> set[str]:
    """The tools that this test called through MCP."""
    return set()


@pytest.fixture
def connect(stack: Stack, called: set[str]) -> ConnectMcp:
    """Connects an MCP client: `async with connect(key, mode=..., url=...) as agent`."""

    @asynccontextmanager
    async def connecting(key: str, *, mode: str = "auto", url: str = "") -> AsyncIterator[McpClient]:
        async with mcp_client(url or stack.mcp_url, key, mode) as client:
            client.called = called
            yield client

    return connecting


@pytest.fixture
def at_edge(stack: Stack) -> ConnectEdge:
    """Connects a REST client through the edge: `async with at_edge(key) as person`."""
    return lambda key="": edge_client(stack, key)


@pytest.fixture(autouse=True)
def _covers_what_it_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test marked with `@covers` that did not call the tool through MCP."""
    marker = request.node.get_closest_marker("covers")
    if marker is None:
        yield
        return
    called: set[str] = request.getfixturevalue("called")
    yield
    missing = set(marker.args) - called
    assert not missing, f"@covers names tools that the test did not call through MCP: {sorted(missing)}"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parents[2]
