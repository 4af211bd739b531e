"""Fields of deals change, and nothing else does, over the service's own faces on a real PostgreSQL."""

from typing import Any

import pytest

from kontor_platform.contract.problem import ApprovalRequired
from support.tenants import Tenant

STAGES = [
    {"label": "Open", "kind": "open", "probability": 30, "required_fields": ["amount"]},
    {"label": "Won", "kind": "won"},
    {"label": "Lost", "kind": "lost"},
]


def updated(crm: Any, deal: str, **given: Any) -> dict[str, Any]:
    """The deal after an update."""
    return dict(crm.do("crm_update_deal", deal_id=deal, **given)["deal"])


def closed(crm: Any, deal: str, stage: str = "Won") -> None:
    """Closes a deal."""
    crm.do("crm_update_pipeline", deal_id=deal, stage=stage, reason="price")


def test_what_is_given_changes_and_the_rest_stays(crm: Any, deal: str, colleague: str) -> None:
    """Each field is told by name, under one new version."""
    given = {"name": "Gadgets", "amount": "20", "close_date": "2030-01-31", "owner_id": colleague, "description": "x"}
    before = crm.do("crm_get_record", id=deal)["deal"]
    answer = crm.do("crm_update_deal", deal_id=deal, **given)
    assert (answer["outcome"], sorted(answer["changed"])) == ("updated", sorted(given))
    after = answer["deal"]
    assert {field for field in after if after[field] != before.get(field)} == {*given, "version", "updated_at"}
    assert (after["version"], after["amount"]) == (2, "20.00")
    (change, _) = crm.do("crm_get_record", id=deal, include=["history"])["history"]
    told = {each["field"]: (each["before"], each["after"]) for each in change["changes"]}
    assert told["amount"] == ("12500.50", "20.00")


def test_the_same_again_changes_nothing(crm: Any, deal: str) -> None:
    """No version, no event, no row in the log."""
    updated(crm, deal, name="Gadgets", probability=40)
    again = crm.do("crm_update_deal", deal_id=deal, name=" Gadgets ", probability=40)
    assert (again["outcome"], again["changed"], again["deal"]["version"]) == ("unchanged", [], 2)


def test_a_manual_probability_survives_an_unrelated_edit(crm: Any, deal: str) -> None:
    """Neither an edit nor a move to another open stage takes what a person said; giving it back follows the stage."""
    assert updated(crm, deal, probability=77)["probability_source"] == "manual"
    assert updated(crm, deal, description="edited")["probability"] == 77
    assert crm.do("crm_update_pipeline", deal_id=deal, stage="Proposal")["deal"]["probability"] == 77
    back = updated(crm, deal, probability_source="stage")
    assert (back["probability"], back["probability_source"]) == (50, "stage")


def test_a_stage_probability_follows_the_stage(crm: Any, deal: str) -> None:
    """An edit does not pin it: the deal that advances has the new stage's percentage."""
    assert updated(crm, deal, description="edited")["probability"] == 10
    assert crm.do("crm_update_pipeline", deal_id=deal, stage="Negotiation")["deal"]["probability"] == 75


def test_a_category_goes_its_own_way(crm: Any, deal: str) -> None:
    """By hand it stays beside a percentage of the stage, and is given back likewise."""
    assert updated(crm, deal, forecast_category="commit")["probability_source"] == "stage"
    assert crm.do("crm_update_pipeline", deal_id=deal, stage="Proposal")["deal"]["forecast_category"] == "commit"
    assert updated(crm, deal, forecast_category_source="stage")["forecast_category"] == "best_case"


def test_fields_are_emptied_by_name(crm: Any, deal: str) -> None:
    """What is cleared is absent afterwards, links included; one cannot be given as well."""
    updated(crm, deal, close_date="2030-01-31", external_ids=[{"system": "SAP", "value": "7"}])
    empty = ["amount", "close_date", "owner_id", "company_id", "contact_ids", "external_ids"]
    answer = crm.do("crm_update_deal", deal_id=deal, clear=empty)
    assert sorted(answer["changed"]) == sorted(empty)
    assert not {field for field in empty if answer["deal"].get(field.removesuffix("_id").removesuffix("_ids"))}
    assert "amount" not in answer["deal"]
    both = crm.refused("crm_update_deal", deal_id=deal, amount="1", clear=["amount"])
    assert (both["code"], both["field"]) == ("invalid_field", "clear")


def test_a_company_takes_the_place_of_another(crm: Any, deal: str, contact: str) -> None:
    """A deal has one; contacts join those there are; links leave the version."""
    other = crm.do("crm_upsert_company", name="Umbrella", domain="umbrella.example")["company"]["id"]
    second = crm.do("crm_upsert_contact", name="Bob", email="bob@umbrella.example")["contact"]["id"]
    answer = crm.do("crm_update_deal", deal_id=deal, company_id=other, contact_ids=[second])
    after = answer["deal"]
    assert (after["company"]["id"], {each["id"] for each in after["contacts"]}) == (other, {contact, second})
    assert (answer["changed"], after["version"]) == (["company_id", "contact_ids"], 1)


def test_a_system_has_one_id_for_a_deal(crm: Any, deal: str) -> None:
    """A new one takes its place, and one that another deal has is refused with the holder."""
    updated(crm, deal, external_ids=[{"system": "SAP", "value": "1"}, {"system": "crm", "value": "2"}])
    after = updated(crm, deal, external_ids=[{"system": "sap", "value": "9"}])
    assert after["external_ids"] == [{"system": "crm", "value": "2"}, {"system": "sap", "value": "9"}]
    other = crm.do("crm_create_deal", name="Other")["deal"]["id"]
    taken = crm.refused("crm_update_deal", deal_id=other, external_ids=[{"system": "sap", "value": "9"}])
    assert (taken["code"], taken["ids"]) == ("identity_taken", [deal])


@pytest.mark.parametrize("stage", ["Won", "Lost"])
def test_a_closed_deal_takes_what_its_pipeline_allows(crm: Any, deal: str, stage: str) -> None:
    """The refusal names the fields and what is allowed; the pipeline may open more, or none."""
    closed(crm, deal, stage)
    refusal = crm.refused("crm_update_deal", deal_id=deal, amount="1", description="why")
    assert (refusal["code"], refusal["field"], refusal["allowed"]) == ("deal_closed", "amount", ["description"])
    assert refusal["next_tool"] == "crm_update_pipeline"
    assert updated(crm, deal, description="why")["description"] == "why"
    crm.do("crm_define_pipeline", name="Sales", editable_when_closed=["amount"])
    assert updated(crm, deal, amount="1")["amount"] == "1.00"
    crm.do("crm_define_pipeline", name="Sales", editable_when_closed=["none"])
    assert crm.refused("crm_update_deal", deal_id=deal, description="no")["code"] == "deal_closed"
    assert crm.do("crm_update_deal", deal_id=deal, description="why")["outcome"] == "unchanged"


def test_a_lost_reason_is_put_right_where_allowed(crm: Any, deal: str) -> None:
    """An open deal has none."""
    assert crm.refused("crm_update_deal", deal_id=deal, lost_reason="price")["code"] == "stage_rule"
    closed(crm, deal, "Lost")
    crm.do("crm_define_pipeline", name="Sales", editable_when_closed=["lost_reason"])
    assert updated(crm, deal, lost_reason="timing")["lost_reason"] == "timing"


@pytest.mark.parametrize("given", [{"probability": 50}, {"forecast_category": "commit"}])
def test_a_closed_stage_decides_alone(crm: Any, deal: str, given: dict[str, Any]) -> None:
    """A percentage or category for a won deal contradicts itself."""
    closed(crm, deal)
    assert crm.refused("crm_update_deal", deal_id=deal, **given)["code"] == "stage_rule"


def test_a_stale_version_is_told_with_what_differs(crm: Any, deal: str) -> None:
    """Both values of each field; the version there is lets the caller go on."""
    updated(crm, deal, amount="10", expected_version=1)
    stale = crm.refused("crm_update_deal", deal_id=deal, amount="30", name="Widgets", expected_version=1)
    assert (stale["code"], stale["current_version"]) == ("version_conflict", 2)
    assert [(each["field"], each["present"], each["wanted"]) for each in stale["differing"]] == [
        ("amount", "10.00", "30.00")
    ]
    assert updated(crm, deal, amount="30", expected_version=2)["version"] == 3


def test_two_writers_of_one_version(crm: Any, deal: str, at_once: Any) -> None:
    """One is done, the other is told what differs."""
    answers = at_once(2, lambda n: crm.send("crm_update_deal", deal_id=deal, amount=str(n + 1), expected_version=1))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
    assert [each["field"] for each in refused["differing"]] == ["amount"]


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({"amount": "1.005"}, "invalid_field", ["amount"]),
        ({"currency": "JPY"}, "invalid_field", ["amount"]),
        ({"currency": "XXA"}, "invalid_field", ["currency"]),
        ({"close_date": "2026-02-30", "name": "  "}, "invalid_field", ["close_date", "name"]),
        ({"probability": 101}, "invalid_field", ["probability"]),
        ({"probability": 5, "probability_source": "stage"}, "invalid_field", ["probability_source"]),
        ({"stage": "Won"}, "unknown_field", ["stage"]),
        ({"amount": "-1"}, "invalid_field", ["amount"]),
        ({"amount": "1,50"}, "invalid_field", ["amount"]),
    ],
)
def test_bad_values_change_nothing(crm: Any, deal: str, body: dict[str, Any], code: str, fields: list[str]) -> None:
    """Every fault is named at once."""
    refusal = crm.refused("crm_update_deal", deal_id=deal, **body)
    told = [each["field"] for each in refusal.get("fields", [])] or [refusal["field"]]
    assert (refusal["code"], told) == (code, fields)
    assert crm.do("crm_get_record", id=deal)["version"] == 1


def test_a_currency_without_decimals_takes_a_whole_amount(crm: Any, deal: str) -> None:
    """Both may change at once, and the amount is not converted."""
    after = updated(crm, deal, currency="JPY", amount="12500")
    assert (after["currency"], after["amount"]) == ("JPY", "12500")
    assert updated(crm, deal, currency="EUR", clear=["amount"]).get("amount") is None


def test_what_the_stage_asks_for_is_warned_of(crm: Any) -> None:
    """Emptying it is allowed and told, as is a close date in the past."""
    crm.do("crm_define_pipeline", name="Strict", stages=STAGES)
    deal = crm.do("crm_create_deal", name="x", amount="5", pipeline="Strict")["deal"]["id"]
    told = crm.do("crm_update_deal", deal_id=deal, clear=["amount"], close_date="2020-01-01")["warnings"]
    assert [each["code"] for each in told] == ["required_by_stage", "close_date_past"]


def test_nobody_else_changes_it(crm: Any, deal: str, nowhere: str, tenant: Tenant) -> None:
    """Another tenant's deal is as unknown as any, and an agent needs a grant."""
    strange = [crm.stranger().send("crm_update_deal", deal_id=each, name="x") for each in (deal, nowhere)]
    assert {(each.status_code, each.content) for each in strange} == {(404, strange[0].content)}
    agent = crm.agent()
    with pytest.raises(ApprovalRequired):
        agent.over_grpc("crm_update_deal", granted=False, deal_id=deal, name="x")
    told = agent.over_grpc("crm_update_deal", deal_id=deal, name="x")
    assert told["deal"] == crm.do("crm_get_record", id=deal)["deal"]


def test_a_dry_run_changes_nothing(crm: Any, deal: str) -> None:
    """It answers as the call would."""
    told = crm.send("crm_update_deal", dry_run=True, deal_id=deal, amount="1").json()
    assert (told["deal"]["amount"], told["changed"]) == ("1.00", ["amount"])
    assert crm.do("crm_get_record", id=deal)["deal"]["amount"] == "12500.50"
