"""Deals over the service's own faces, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from kontor_platform.contract.problem import ApprovalRequired

STAGES = ("New", "Qualified", "Proposal", "Negotiation", "Won", "Lost")
WRITERS, MOVES = 20, 8


def moved(crm: Any, deal: str, stage: str, **given: Any) -> dict[str, Any]:
    """The deal after a move."""
    return dict(crm.do("crm_update_pipeline", deal_id=deal, stage=stage, **given)["deal"])


def test_a_deal_begins_with_its_links(crm: Any, company: str, contact: str) -> None:
    """Company, contacts and ids elsewhere are there with the deal, in the first open stage, owned by the caller."""
    made = crm.do(
        "crm_create_deal",
        name="  Widgets ",
        amount="12500.5",
        company_id=company,
        contact_ids=[contact],
        external_ids=[{"system": "Salesforce", "value": "006"}],
        close_date="2026-12-31",
    )["deal"]
    assert (made["name"], made["stage"], made["amount"], made["currency"]) == ("Widgets", "New", "12500.50", "EUR")
    assert (made["company"]["name"], [each["id"] for each in made["contacts"]]) == ("Acme GmbH", [contact])
    assert made["external_ids"] == [{"system": "salesforce", "value": "006"}]
    assert made["owner_id"] == str(crm.principal.actor)
    linked = crm.do("crm_list_associations", record_id=made["id"])["associations"]
    assert {each["type"] for each in linked} == {"deal_company", "deal_contact"}


def test_a_company_is_found_by_its_id_elsewhere(crm: Any) -> None:
    """Whoever brings deals from another system need not know our ids."""
    known = {"system": "salesforce", "value": "001"}
    company = crm.do("crm_upsert_company", name="Beta", external_ids=[known])["company"]["id"]
    made = crm.do("crm_create_deal", name="Gadgets", company_external_id=known)["deal"]
    assert made["company"]["id"] == company
    other = crm.refused("crm_create_deal", name="Gadgets", company_external_id=known | {"value": "002"})
    assert (other["code"], other["field"]) == ("not_found", "company_external_id")


def test_a_similar_open_deal_is_warned_of(crm: Any, deal: str, company: str) -> None:
    """The same name with the same company is told, whatever its case, and not refused; a closed one is no doubt."""
    again = crm.do("crm_create_deal", name="WIDGETS", company_id=company)
    (warning,) = again["warnings"]
    assert (warning["code"], deal in warning["message"]) == ("similar_open_deal", True)
    for each in (deal, again["deal"]["id"]):
        moved(crm, each, "Won")
    assert crm.do("crm_create_deal", name="Widgets", company_id=company)["warnings"] == []


def test_history_is_entered_as_it_was(crm: Any) -> None:
    """A deal closed long ago is created closed, with its own times and a single stay."""
    made = crm.do(
        "crm_create_deal", name="Old", stage="won", opened_at="2020-01-01T00:00:00Z", closed_at="2020-03-01T00:00:00Z"
    )["deal"]
    assert (made["opened_at"], made["closed_at"]) == ("2020-01-01T00:00:00Z", "2020-03-01T00:00:00Z")
    assert (made["stage_entered_at"], made["probability"]) == ("2020-03-01T00:00:00Z", 100)


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({"name": "   "}, "invalid_field", ["name"]),
        ({"amount": "-1"}, "invalid_field", ["amount"]),
        ({"amount": "1.000,50"}, "invalid_field", ["amount"]),
        ({"amount": "1e3"}, "invalid_field", ["amount"]),
        ({"amount": "1.005"}, "invalid_field", ["amount"]),
        ({"currency": "ZZZ", "close_date": "2026-02-30"}, "invalid_field", ["currency", "close_date"]),
        ({"stage": "Wonn"}, "invalid_field", ["stage"]),
        ({"pipeline": "Salez"}, "invalid_field", ["pipeline"]),
        ({"opened_at": "2999-01-01T00:00:00Z"}, "stage_rule", ["opened_at"]),
        ({"stage": "Lost", "probability": 5}, "stage_rule", ["reason", "probability"]),
        ({"titel": "x"}, "unknown_field", ["titel"]),
    ],
)
def test_what_is_wrong_is_told_by_field(crm: Any, body: dict[str, Any], code: str, fields: list[str]) -> None:
    """Every fault is named at once and nothing is made."""
    refusal = crm.refused("crm_create_deal", **({"name": "Widgets"} | body))
    told = [each["field"] for each in refusal.get("fields", [])] or [refusal["field"]]
    assert (refusal["code"], told) == (code, fields)
    (pipeline,) = crm.do("crm_list_pipelines")["pipelines"]
    assert sum(stage["deals"] for stage in pipeline["stages"]) == 0


def test_an_unknown_id_looks_like_a_foreign_one(crm: Any, deal: str, contact: str, nowhere: str) -> None:
    """Nobody learns what other tenants have, wherever an id may be given."""
    stranger = crm.stranger()
    for theirs in (deal, nowhere):
        answers = [
            stranger.send("crm_update_pipeline", deal_id=theirs, stage="Won"),
            stranger.send("crm_create_deal", name="x", company_id=theirs),
            stranger.send("crm_create_deal", name="x", contact_ids=[theirs]),
            stranger.send("crm_create_note", body="x", record_ids=[theirs]),
            stranger.send("crm_create_task", title="x", record_ids=[theirs]),
            stranger.send("crm_complete_task", task_id=theirs),
            stranger.send("crm_get_timeline", record_id=theirs),
            stranger.send("crm_define_pipeline", name="x", pipeline_id=theirs),
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert crm.refused("crm_create_deal", name="x", company_id=contact)["code"] == "not_found"


def test_a_move_takes_the_stage_along(crm: Any, deal: str) -> None:
    """Stage, percentage, category, version and event change together, and moving there again changes nothing."""
    answer = crm.do("crm_update_pipeline", deal_id=deal, stage="proposal", set={"close_date": "2026-12-31"})
    after = answer["deal"]
    assert (after["stage"], after["probability"], after["forecast_category"], after["version"]) == (
        "Proposal",
        50,
        "best_case",
        2,
    )
    assert {"stage", "probability", "close_date"} <= set(answer["changed"])
    again = crm.do("crm_update_pipeline", deal_id=deal, stage="Proposal", set={"amount": "1"})
    assert (again["outcome"], again["deal"]["version"], again["deal"]["amount"]) == ("unchanged", 2, "12500.50")
    assert [each["code"] for each in again["warnings"]] == ["set_ignored"]


def test_a_dry_run_moves_nothing(crm: Any, deal: str) -> None:
    """It answers as the move would and leaves the deal where it was."""
    told = crm.send("crm_update_pipeline", dry_run=True, deal_id=deal, stage="Proposal").json()
    assert (told["deal"]["stage"], told["deal"]["version"]) == ("Proposal", 2)
    assert crm.do("crm_get_record", id=deal)["deal"]["version"] == 1


def test_a_stage_gets_what_it_requires(crm: Any, company: str) -> None:
    """The refusal names each field that is missing; set gives them in the same call, links included."""
    needs = ["amount", "close_date", "company_id"]
    stages = [
        {"label": "A", "kind": "open", "probability": 10, "allowed_next": ["B"]},
        {"label": "B", "kind": "open", "probability": 20, "required_fields": needs},
        {"label": "Won", "kind": "won"},
        {"label": "Lost", "kind": "lost"},
    ]
    crm.do("crm_define_pipeline", name="Partners", stages=stages)
    deal = crm.do("crm_create_deal", name="Widgets", pipeline="partners")["deal"]["id"]
    far = crm.refused("crm_update_pipeline", deal_id=deal, stage="Lost")
    assert (far["code"], [each["field"] for each in far["fields"]]) == ("stage_rule", ["stage", "reason"])
    assert far["fields"][0]["allowed"] == ["B"]
    bare = crm.refused("crm_update_pipeline", deal_id=deal, stage="B")
    assert [each["field"] for each in bare["fields"]] == [f"set.{field}" for field in needs]
    given = {"amount": "10", "close_date": "2026-12-31", "company_id": company}
    assert moved(crm, deal, "B", set=given)["company"]["id"] == company


def test_a_closed_deal_is_reopened_with_a_reason(crm: Any, deal: str) -> None:
    """Losing and reopening are told why; a deal that stays closed keeps its values."""
    assert crm.refused("crm_update_pipeline", deal_id=deal, stage="lost")["field"] == "reason"
    lost = moved(crm, deal, "lost", reason="price")
    assert (lost["probability"], lost["lost_reason"], "closed_at" in lost) == (0, "price", True)
    assert crm.refused("crm_update_pipeline", deal_id=deal, stage="New")["field"] == "reason"
    kept = crm.refused("crm_update_pipeline", deal_id=deal, stage="Won", reason="slip", set={"amount": "1"})
    assert (kept["code"], kept["field"]) == ("deal_closed", "set.amount")
    again = moved(crm, deal, "New", reason="they called", set={"amount": "1"})
    assert ("closed_at" in again, "lost_reason" in again, again["amount"]) == (False, False, "1.00")


def test_a_stale_version_is_refused_with_what_differs(crm: Any, deal: str) -> None:
    """The caller sees the version there is and both values of each field."""
    moved(crm, deal, "Qualified", expected_version=1)
    stale = crm.refused("crm_update_pipeline", deal_id=deal, stage="Proposal", expected_version=1)
    assert (stale["code"], stale["current_version"]) == ("version_conflict", 2)
    differing = {each["field"]: (each["present"], each["wanted"]) for each in stale["differing"]}
    assert differing["stage"] == ("Qualified", "Proposal")


def test_a_move_may_be_entered_late(crm: Any) -> None:
    """It may lie in the past, but not before the deal came to where it is."""
    opened = datetime.now(UTC) - timedelta(days=30)
    deal = crm.do("crm_create_deal", name="Old", opened_at=opened.isoformat())["deal"]["id"]
    early = crm.refused(
        "crm_update_pipeline", deal_id=deal, stage="Won", occurred_at=(opened - timedelta(1)).isoformat()
    )
    assert early["field"] == "occurred_at"
    won = moved(crm, deal, "Won", occurred_at=(opened + timedelta(days=20)).isoformat())
    assert won["closed_at"] == won["stage_entered_at"]
    assert won["days_in_stage"] == 10


def moved_in_time(crm: Any, body: dict[str, Any]) -> int:
    """How a move ends; one that others kept waiting too long is tried again, as the refusal says."""
    while (answer := crm.send("crm_update_pipeline", **body)).status_code >= 500:
        assert answer.json()["retryable"]
    return int(answer.status_code)


def test_stays_abut_under_many_writers(crm: Any, deal: str, stack: Any) -> None:
    """However many move a deal at once, one stay is open and each begins where the one before ended."""

    def writer(seed: int) -> list[int]:
        draw = Random(seed)
        bodies = [{"deal_id": deal, "stage": draw.choice(STAGES), "reason": "drawn"} for _ in range(MOVES)]
        return [moved_in_time(crm, body) for body in bodies]

    with ThreadPoolExecutor(WRITERS) as pool:
        statuses = {status for done in pool.map(writer, range(WRITERS)) for status in done}
    assert statuses == {200}
    query = "SELECT entered_at, exited_at, version FROM crm_core.deal_stage_interval WHERE deal_id = %s"
    with stack.sql("crm-core") as connection:
        stays = connection.execute(f"{query} ORDER BY version", (deal,)).fetchall()
    assert [ended for _, ended, _ in stays[:-1]] == [began for began, _, _ in stays[1:]]
    assert stays[-1][1] is None
    assert [version for _, _, version in stays] == list(range(1, len(stays) + 1))


def test_both_faces_tell_the_same(crm: Any, deal: str) -> None:
    """An agent with a grant does over gRPC what a person does over REST, and without one nothing."""
    agent = crm.agent()
    with pytest.raises(ApprovalRequired):
        agent.over_grpc("crm_update_pipeline", granted=False, deal_id=deal, stage="Qualified")
    told = agent.over_grpc("crm_update_pipeline", deal_id=deal, stage="Qualified")
    assert told["deal"] == crm.do("crm_get_record", id=deal)["deal"]
    made = agent.over_grpc("crm_create_deal", name="By an agent")["deal"]
    assert made["owner_id"] == str(crm.principal.actor)
