"""An import while its worker is killed again and again; on a stack of its own."""

from collections.abc import Iterator

import pytest

from support.clients import edge_client
from support.imports import IMPORT, ended, over_rest, status
from support.stack import Stack, running
from support.waiting import wait_until_async

ROWS = 12_000
KILLS = 10
WORKER = "crm-core-worker"
COUNTS = """
    SELECT (SELECT count(*) FROM crm_core.contact_email WHERE tenant_id = %(tenant)s AND email_key LIKE 'killed%%'),
        (SELECT count(DISTINCT record_id) FROM crm_core.record_change
            WHERE tenant_id = %(tenant)s AND operation_id = %(operation)s AND record_type = 'contact'),
        (SELECT max(version) FROM crm_core.record_change
            WHERE tenant_id = %(tenant)s AND operation_id = %(operation)s AND record_type = 'contact')
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to break."""
    with running(tmp_path_factory.mktemp("imports") / "data") as stack:
        yield stack


async def test_every_row_is_imported_exactly_once(broken: Stack) -> None:
    """Ten kill -9 of the worker in mid-import: no row twice, none lost, and the counters tell the truth."""
    demo = broken.credentials.demo
    rows = "".join(f"N{n},F{n},killed{n}@firm{n % 50}.example,Firm {n % 50}\n" for n in range(ROWS))
    data = f"First Name,Last Name,Email,Company\n{rows}".encode()
    async with edge_client(broken, demo.key("admin")) as person, edge_client(broken, demo.key("approver")) as operator:
        file = (await person.http.post("/crm/files", content=data)).json()
        begun = await over_rest(person, operator, IMPORT, file_id=file["id"], sha256=file["sha256"])
        operation = begun["operation_id"]
        reached = 0
        for _ in range(KILLS):
            before = reached

            async def moved(before: int = before) -> int:
                told = await status(person, operation)
                assert told["state"] in ("started", "processing"), told
                position: int = told["position"]
                return position if position > before else 0

            reached = await wait_until_async(moved, 120)
            broken.kill_until_replaced(WORKER)
        done = await ended(person, operation, 240)
    counters = {each["name"]: each["count"] for each in done["counters"]}
    assert (done["state"], counters["created"]) == ("done", ROWS), done
    with broken.sql("crm-core") as database:
        row = database.execute(COUNTS, {"tenant": str(demo.tenant), "operation": operation}).fetchone()
    assert row == (ROWS, ROWS, 1)
