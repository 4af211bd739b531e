"""Search and lookup under load: on the service's own port, through the edge, and bare SQL of the same statements."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import psycopg
from crm.asking import Question
from crm.house import OPERATIONS, SERVICE, House, environment
from kontor_protos.kontor.crm.v1 import customers_pb as pb
from load import HEAD_END, Measured, answer, http_request, timed
from psycopg.rows import dict_row

from kontor_crm_core.customer.service import Customers
from kontor_platform.contract.problem import NotFound
from kontor_platform.data.database import SET_TENANT, SET_TENANT_BY_KEY, Database, Row, Values
from kontor_platform.data.ids import new_id
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.peers import GOVERNANCE, Peers

Statement = tuple[str, Values, bool]
Answered = tuple[Question, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Served:
    """One run: its times and what was answered."""

    measured: Measured
    answers: Sequence[Answered]

    def wrong(self) -> Iterator[str]:
        """The answers that are not right."""
        for question, head, body in self.answers:
            if not head.startswith(b"HTTP/1.1 200"):
                yield f"{question.query!r}: {(head + body)[:300].decode(errors='replace')}"
            elif not question.is_right(json.loads(body)):
                yield f"{question.query!r}: {body[:300].decode(errors='replace')}"


def search_request(query: str, headers: dict[str, str]) -> bytes:
    """A search over HTTP."""
    return http_request("/crm/search_customers", json.dumps({"query": query}).encode(), headers)


def lookup_request(query: str, headers: dict[str, str]) -> bytes:
    """A lookup over HTTP."""
    lines = [f"GET /crm/lookup_customer?{urlencode({'query': query})} HTTP/1.1", "host: localhost"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items())]).encode() + HEAD_END


def makes(kind: str) -> Callable[[str, dict[str, str]], bytes]:
    """What makes requests of a class."""
    return lookup_request if kind == "lookup" else search_request


def on_service(house: House) -> tuple[int, dict[str, str]]:
    """The service's own port, and what a call on it carries."""
    headers = {"content-type": "application/json", "x-kontor-passport": house.passport()}
    return house.running.port("crm-core", "http"), headers


def on_edge(house: House) -> tuple[int, dict[str, str]]:
    """The edge's port, and what a call on it carries."""
    port = urlsplit(house.running.credentials["edge_url"]).port
    assert port is not None
    return port, {"content-type": "application/json", "authorization": f"Bearer {house.key}"}


async def served(
    way: tuple[int, dict[str, str]], kind: str, asked: Iterator[Question], calls: int, callers: int
) -> Served:
    """Asks so many questions by so many callers; the answers are kept and checked later."""
    port, headers = way
    latencies, kept, begun, make = list[float](), list[Answered](), iter(range(calls)), makes(kind)

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in begun:
            question = next(asked)
            request = make(question.query, headers)
            began = time.perf_counter()
            writer.write(request)
            head, body = await answer(reader)
            latencies.append(time.perf_counter() - began)
            kept.append((question, head, body))
        writer.close()
        await writer.wait_closed()

    return Served(await timed(caller, callers, latencies), kept)


class Recording(Database):
    """A database that keeps what was read, so that it can be read again without the service."""

    def __init__(self, url: str) -> None:
        super().__init__(url, size=2)
        self.kept: list[Statement] = []

    async def read(
        self, tenant: UUID, statement: str, values: Values, *, by_key: bool = False, restricted: bool = False
    ) -> list[Row]:
        """Rows of one statement, which is kept."""
        self.kept.append((statement, values, by_key))
        return await super().read(tenant, statement, values, by_key=by_key, restricted=restricted)


async def statements(house: House, kind: str, asked: Iterator[Question], count: int) -> list[list[Statement]]:
    """What the service reads for so many questions."""
    database = Recording(environment(house.running, "crm-core", "CRM_CORE_DATABASE_URL"))
    await database.open()
    # The owner's name comes from crm-governance, not from a statement.
    key = (house.secrets / "service_keys" / SERVICE).read_text().strip()
    peers = Peers({GOVERNANCE: environment(house.running, GOVERNANCE, "RPC_ADDRESS")}, key)
    found = []
    tool = "crm_lookup_customer" if kind == "lookup" else "crm_search_customers"
    try:
        for _ in range(count):
            database.kept = []
            call = Call(OPERATIONS[tool], replace(house.admin), new_id(), database, Cursors(b"x" * 32))
            call.peers = peers
            await ask(kind, next(asked).query, call)
            found.append(database.kept)
    finally:
        await peers.close()
        await database.close()
    return found


async def ask(kind: str, query: str, call: Call) -> None:
    """Asks the service's own method."""
    if kind != "lookup":
        await Customers().search_customers(pb.SearchCustomersRequest(query=query), call)
        return
    try:
        await Customers().lookup_customer(pb.LookupCustomerRequest(query=query), call)
    except NotFound:
        return


@asynccontextmanager
async def connected(house: House) -> Any:
    """A connection as the application role."""
    url = environment(house.running, "crm-core", "CRM_CORE_DATABASE_URL")
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    try:
        yield connection
    finally:
        await connection.close()


async def bare(house: House, asked: Iterator[list[Statement]], calls: int, callers: int) -> Measured:
    """Reads the statements of so many questions by so many connections, one after the other, and nothing else."""
    latencies, begun, tenant = list[float](), iter(range(calls)), str(house.tenant)

    async def caller() -> None:
        async with connected(house) as connection:
            for _ in begun:
                one = next(asked)
                began = time.perf_counter()
                for statement, values, by_key in one:
                    async with connection.pipeline():
                        enter = SET_TENANT_BY_KEY if by_key else SET_TENANT
                        await connection.execute(enter, (tenant, "on"), prepare=True)
                        cursor = connection.cursor(row_factory=dict_row)
                        await cursor.execute(statement, values, prepare=True)
                        await cursor.fetchall()
                latencies.append(time.perf_counter() - began)

    return await timed(caller, callers, latencies)
