"""Long work keeps its place, its numbers and its turn, and ends once."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from kontor_crm_core.operation import store
from kontor_crm_core.operation.rules import State, first_state, room, share, undo_tool
from kontor_platform.contract.problem import Unavailable
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import JobOver, Work

from .conftest import Crm
from .inside import OPERATIONS, calling, working

# A job that no worker knows, so that none of them touches what these tests do.
KIND = "rehearsal"


class Enough(Exception):
    """Ends a test's transaction without a trace."""


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


async def state_of(call: Call, operation: Any) -> str:
    """How an operation stands."""
    return (await store.read(call, operation)).state


@pytest.mark.parametrize(
    ("kind", "state", "position", "tool"),
    [
        ("import", State.DONE, 10, "crm_import_revert"),
        ("import", State.CANCELED, 1000, "crm_import_revert"),
        ("import", State.FAILED, 0, ""),
        ("import", State.CHECKED, 10, ""),
        ("import", State.REVERTED, 10, ""),
        ("export", State.DONE, 10, ""),
    ],
)
def test_what_takes_work_back(kind: str, state: State, position: int, tool: str) -> None:
    """An import that did something can be reverted, however it ended; a trial or an export has nothing to revert."""
    assert undo_tool(kind, state, position) == tool


def test_three_imports_run_at_once() -> None:
    """The fourth waits; other work does not."""
    assert [first_state("import", running) for running in (0, 2, 3)] == [State.STARTED, State.STARTED, State.DEFERRED]
    assert first_state("export", 1000) is State.STARTED
    assert (room("import", 1), room("import", 5)) == (2, 0)


def test_a_share_is_whole_percent() -> None:
    """Rounded down, so that 100 means all; 0 while the total is unknown."""
    assert (share(999, 1000), share(1000, 1000), share(5, None), share(7, 5)) == (99, 100, 0, 100)


async def test_the_fourth_import_waits_for_its_turn(work: Work, crm: Crm) -> None:
    """It begins in the transaction that ends one of the three."""
    with suppress(Enough):
        async with calling(work, crm.principal) as call:
            imports = [await store.begin(call, "import", {}, id=new_id()) for _ in range(5)]
            first = [await state_of(call, each) for each in imports]
            await store.claim(call, imports[0])
            await store.finish(call, imports[0], State.DONE, {"rows": 1})
            then = [await state_of(call, each) for each in imports]
            await store.cancel(call, imports[3])
            at_last = [await state_of(call, each) for each in imports]
            raise Enough
    assert first == ["started"] * 3 + ["deferred"] * 2
    assert then == ["done", "started", "started", "started", "deferred"]
    assert at_last == ["done", "started", "started", "canceled", "started"]


async def test_chunks_go_on_where_the_last_one_ended(work: Work, crm: Crm) -> None:
    """Position and counters are kept with each chunk; one that is rolled back leaves neither."""
    async with calling(work, crm.principal) as call:
        operation = await store.begin(call, KIND, {"file": "x"}, 2500)
    row = await store.opened(work, crm.principal.tenant, operation)
    for position in (1000, 2000):
        async with store.in_operation(work, row, "import") as call:
            present = await store.claim(call, operation)
            assert (present.position, present.state) == (position - 1000, State.PROCESSING)
            await store.advance(call, operation, position, {"created": 999, "code:email_invalid": 1})
    with suppress(Enough):
        async with store.in_operation(work, row) as call:
            await store.advance(call, operation, 2500, {"created": 500})
            raise Enough
    status = crm.do("crm_import_status", operation_id=str(operation))["operation"]
    assert (status["position"], status["total"], status["percent"], status["state"]) == (2000, 2500, 80, "processing")
    assert status["counters"] == [{"name": "created", "count": 1998}]
    assert status["codes"] == [{"name": "email_invalid", "count": 2}]
    assert status["actor_id"] == str(crm.principal.actor)


async def test_work_that_ended_is_not_done_again(work: Work, crm: Crm) -> None:
    """A job delivered twice finds nothing left to do."""
    tenant = crm.principal.tenant
    async with calling(work, crm.principal) as call:
        operation = await store.begin(call, KIND, {})
        await store.finish(call, operation, State.DONE, {"rows": 3})
    with pytest.raises(JobOver):
        await store.opened(work, tenant, operation)
    async with calling(work, crm.principal) as call:
        with pytest.raises(JobOver):
            await store.claim(call, operation)
        with pytest.raises(store.OperationEnded):
            await store.cancel(call, operation)


async def test_running_work_is_asked_to_end(work: Work, crm: Crm) -> None:
    """The chunk at work is not waited for; the next one is told."""
    async with calling(work, crm.principal) as call:
        operation = await store.begin(call, KIND, {})
    row = await store.opened(work, crm.principal.tenant, operation)
    async with store.in_operation(work, row) as at_work:
        await store.claim(at_work, operation)
        await at_work.session.commit()
    async with store.in_operation(work, row) as at_work:
        await store.claim(at_work, operation)
        async with calling(work, crm.principal) as other:
            await store.cancel(other, operation)
    async with store.in_operation(work, row) as at_work:
        assert (await store.claim(at_work, operation)).cancel_requested
        assert await store.canceled(at_work, operation)
        await store.finish(at_work, operation, State.CANCELED, {})
    assert crm.do("crm_import_status", operation_id=str(operation))["operation"]["state"] == "canceled"


@pytest.mark.parametrize(
    ("error", "told"), [(Unavailable("The disk is full."), "The disk is full."), (KeyError("secret"), "on our side")]
)
async def test_work_that_cannot_go_on_says_why(work: Work, crm: Crm, error: Exception, told: str) -> None:
    """A refusal is told in its words, anything else without them."""
    async with calling(work, crm.principal) as call:
        operation = await store.begin(call, KIND, {})
    await store.gave_up(work, crm.principal.tenant, operation, error)
    status = crm.do("crm_import_status", operation_id=str(operation))
    assert status["operation"]["state"] == "failed"
    assert told in status["operation"]["error"]
    assert told in status["summary"]


async def test_the_list_has_pages(work: Work, crm: Crm) -> None:
    """The newest first, none twice, filtered by kind and state; another tenant's do not exist."""
    made = []
    async with calling(work, crm.principal) as call:
        for number in range(7):
            made.append(str(await store.begin(call, KIND, {}, id=new_id())))
            if number % 2:
                await store.finish(call, UUID(made[-1]), State.DONE, {})
    seen, cursor = [], ""
    while page := crm.do("crm_import_status", page_size=3, cursor=cursor):
        seen += [each["operation_id"] for each in page["operations"]]
        assert page["total"] == 7
        if not (cursor := page["next_cursor"]):
            break
    assert seen == made[::-1]
    done = crm.do("crm_import_status", kind=KIND, states=["done"])
    assert [each["operation_id"] for each in done["operations"]] == made[1::2][::-1]
    assert crm.do("crm_import_status", kind="export")["operations"] == []
    foreign, unknown = (
        each.refused("crm_import_status", operation_id=id)
        for each, id in ((crm.stranger(), made[0]), (crm, str(new_id())))
    )
    assert {**foreign, "trace_id": ""} == {**unknown, "trace_id": ""}
    assert foreign["code"] == "not_found"


async def test_work_runs_as_whoever_began_it(work: Work, crm: Crm) -> None:
    """Tenant, actor, person acted for, roles and settings come back as they were."""
    agent: Principal = crm.agent().principal
    async with work.call(OPERATIONS["crm_import_status"], agent, new_id()) as call:
        operation = await store.begin(call, KIND, {})
    row = await store.opened(work, agent.tenant, operation)
    assert store.principal_of(row) == agent
    async with store.in_operation(work, row) as call:
        assert (call.actor, call.call_id, call.operation.name) == (agent, operation, "crm_import_status")
