"""What a pipeline tells of its deals, and what becomes of many deals when it changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from kontor_crm_core.deal.following import run_follow_stages
from kontor_platform.runtime.work import JobOver

from .crowds import copies
from .inside import working

WON = {"label": "Won", "kind": "won"}
LOST = {"label": "Lost", "kind": "lost"}
MANY = 1200
STAYS = """
    SELECT count(*) FILTER (WHERE exited_at IS NULL),
        count(*) FILTER (WHERE exited_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM deal_stage_interval n WHERE n.tenant_id = i.tenant_id AND n.deal_id = i.deal_id
                AND n.entered_at = i.exited_at))
    FROM deal_stage_interval i WHERE tenant_id = %s
"""


def open_stage(label: str, probability: int, **more: Any) -> dict[str, Any]:
    """An open stage."""
    return {"label": label, "kind": "open", "probability": probability, **more}


def define(crm: Any, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What defining the pipeline Partners answers."""
    return dict(crm.do("crm_define_pipeline", name="Partners", stages=[*stages, WON, LOST], **more))


def stage_of(crm: Any, label: str) -> dict[str, Any]:
    """A stage as it is listed."""
    (pipeline,) = crm.do("crm_list_pipelines", pipeline="Partners")["pipelines"]
    return next(dict(each) for each in pipeline["stages"] if each["label"] == label)


def close(crm: Any, deal: str, stage: str) -> None:
    """Wins or loses a deal."""
    crm.do("crm_update_pipeline", deal_id=deal, stage=stage, reason="price")


async def worked(stack: Any, crm: Any, operation: str) -> None:
    """Does a job, unless the stack's worker has done it."""
    async with working(stack) as work:
        try:
            await run_follow_stages(work, crm.principal.tenant, UUID(operation))
        except JobOver:
            return


def test_chances_are_observed_of_deals_that_were_there(crm: Any) -> None:
    """Skipped stages do not count, deals that came back count once, deleted and open ones not at all."""
    define(crm, open_stage("A", 10), open_stage("B", 20))
    deals = [crm.do("crm_create_deal", name=f"d{n}", pipeline="Partners")["deal"]["id"] for n in range(21)]
    for number, deal in enumerate(deals[:20]):
        if number < 8:
            crm.do("crm_update_pipeline", deal_id=deal, stage="B")
            crm.do("crm_update_pipeline", deal_id=deal, stage="A")
        close(crm, deal, "Won" if number < 5 else "Lost")
    assert stage_of(crm, "A")["observed"] == {"basis": "observed", "closed": 20, "percent": 25}
    assert stage_of(crm, "B")["observed"] == {"basis": "too_few", "closed": 8}
    assert "observed" not in stage_of(crm, "Won")


def test_open_deals_are_told_by_count_value_and_age(crm: Any) -> None:
    """Closed ones are in their stages alone; those that stay longer than the stage says are counted."""
    define(crm, open_stage("A", 10, rot_days=5), open_stage("B", 20))
    old = (datetime.now(UTC) - timedelta(days=6)).isoformat()
    for name, opened in (("new", None), ("old", old)):
        given = {"opened_at": opened} if opened else {}
        crm.do("crm_create_deal", name=name, pipeline="Partners", amount="10", currency="EUR", **given)
    crm.do("crm_create_deal", name="b", pipeline="Partners", stage="B", amount="5", currency="USD")
    crm.do("crm_create_deal", name="won", pipeline="Partners", stage="Won", amount="99", currency="EUR")
    (pipeline,) = crm.do("crm_list_pipelines", pipeline="Partners")["pipelines"]
    assert (pipeline["open_deals"], pipeline["open_values"]) == (
        3,
        [
            {"currency": "EUR", "deals": 2, "amount": "20.00"},
            {"currency": "USD", "deals": 1, "amount": "5.00"},
        ],
    )
    assert (stage_of(crm, "A")["rotting"], stage_of(crm, "B")["rotting"]) == (1, 0)


def test_a_reassignment_is_counted_by_stage(crm: Any) -> None:
    """A dry run tells what the call would move, and moves nothing."""
    define(crm, open_stage("A", 10), open_stage("B", 20), open_stage("C", 30))
    for name, stage in (("b", "B"), ("c", "C"), ("c2", "C")):
        crm.do("crm_create_deal", name=name, pipeline="Partners", stage=stage)
    reassign = [{"from": "B", "to": "A"}, {"from": "C", "to": "A"}]
    body = {"name": "Partners", "stages": [open_stage("A", 10), WON, LOST], "reassign": reassign}
    tried = crm.send("crm_define_pipeline", dry_run=True, **body).json()
    assert stage_of(crm, "C")["deals"] == 2
    done = crm.do("crm_define_pipeline", **body)
    told = [{"from": "B", "to": "A", "deals": 1}, {"from": "C", "to": "A", "deals": 2}]
    assert (tried["moves"], done["moves"], done["reassigned"], done["operation_id"]) == (told, told, 3, "")
    assert stage_of(crm, "A")["deals"] == 3


@pytest.fixture
def crowd(crm: Any, stack: Any) -> str:
    """The id of one of many deals in stage B of a pipeline."""
    define(crm, open_stage("A", 10), open_stage("B", 20))
    deal = str(crm.do("crm_create_deal", name="one", pipeline="Partners", stage="B")["deal"]["id"])
    with stack.sql("crm-core") as connection:
        copies(connection, "deal", deal, MANY - 1)
    return deal


async def test_many_deals_follow_as_a_job(crm: Any, stack: Any, crowd: str) -> None:
    """The call answers at once; when the job is done each has the new percentage, one by hand keeps its own."""
    crm.do("crm_update_deal", deal_id=crowd, probability=90)
    answer = define(crm, open_stage("A", 10), open_stage("B", 35))
    assert (answer["state"], answer["followed"]) == ("started", MANY - 1)
    await worked(stack, crm, answer["operation_id"])
    with stack.sql("crm-core") as connection:
        query = "SELECT probability, count(*) FROM deal WHERE tenant_id = %s GROUP BY 1 ORDER BY 1"
        assert connection.execute(query, (crm.principal.tenant,)).fetchall() == [(35, MANY - 1), (90, 1)]


async def test_many_deals_of_a_stage_that_leaves_go_as_a_job(crm: Any, stack: Any, crowd: str) -> None:
    """Until it is done they stay where they were, may be moved, and count with the stage that takes them."""
    leaving = define(crm, open_stage("A", 10), reassign=[{"from": "B", "to": "A"}])
    assert (leaving["state"], leaving["reassigned"]) == ("started", MANY)
    again = crm.refused("crm_define_pipeline", name="Partners", stages=[open_stage("C", 10), WON, LOST])
    assert (again["code"], again["stages"]) == ("stage_in_use", [{"stage": "A", "deals": MANY}])
    crm.do("crm_update_pipeline", deal_id=crowd, stage="Won")
    await worked(stack, crm, leaving["operation_id"])
    assert (stage_of(crm, "A")["deals"], stage_of(crm, "Won")["deals"]) == (MANY - 1, 1)
    with stack.sql("crm-core") as connection:
        assert connection.execute(STAYS, (crm.principal.tenant,)).fetchone() == (MANY, 0)
