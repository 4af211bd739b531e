"""Custom properties of deals: set with the deal, asked for by stages, kept open or closed by pipelines."""

from dataclasses import replace
from typing import Any

import pytest

WON = {"label": "Won", "kind": "won"}
LOST = {"label": "Lost", "kind": "lost"}


@pytest.fixture(autouse=True)
def defined(crm: Any) -> None:
    """Two properties of deals, one that managers alone see, and a stage that asks for both."""
    crm.do("crm_define_property", object_type="deal", name="budget", label="Budget", type="number")
    crm.do("crm_define_property", object_type="deal", name="secret", label="Secret", type="text", personal="restricted")
    stages = [
        {"label": "A", "kind": "open", "probability": 10},
        {"label": "B", "kind": "open", "probability": 20, "required_fields": ["amount", "budget"]},
        {"label": "C", "kind": "open", "probability": 30, "required_fields": ["secret"]},
        WON,
        LOST,
    ]
    crm.do("crm_define_pipeline", name="Partners", stages=stages)


def made(crm: Any, **given: Any) -> str:
    """The id of a deal of that pipeline."""
    return str(crm.do("crm_create_deal", name="Widgets", pipeline="Partners", **given)["deal"]["id"])


def values(deal: dict[str, Any]) -> dict[str, Any]:
    """The properties of a deal."""
    return {each["name"]: each["value"] for each in deal.get("properties", [])}


def test_a_deal_begins_and_goes_on_with_properties(crm: Any) -> None:
    """They are checked like any field, told by name, and emptied by name."""
    deal = made(crm, properties=[{"name": "budget", "value": 5}])
    answer = crm.do("crm_update_deal", deal_id=deal, properties=[{"name": "Budget", "value": 7}])
    assert (answer["changed"], values(answer["deal"]), answer["deal"]["version"]) == (["budget"], {"budget": 7}, 2)
    again = crm.do("crm_update_deal", deal_id=deal, properties=[{"name": "budget", "value": 7}])
    assert again["outcome"] == "unchanged"
    emptied = crm.do("crm_update_deal", deal_id=deal, clear_properties=["budget"], name="Gadgets")
    assert (sorted(emptied["changed"]), values(emptied["deal"])) == (["budget", "name"], {})
    history = crm.do("crm_get_record", id=deal, include=["history"])["history"]
    assert [each["field"] for each in history[1]["changes"]] == ["budget"]


@pytest.mark.parametrize("tool", ["crm_create_deal", "crm_update_deal", "crm_update_pipeline"])
def test_a_bad_value_is_refused_by_its_path(crm: Any, tool: str) -> None:
    """An unknown property comes with the nearest name, a wrong value with the reason."""
    deal = made(crm)
    bodies: dict[str, dict[str, Any]] = {
        "crm_create_deal": {"name": "x"},
        "crm_update_deal": {"deal_id": deal},
        "crm_update_pipeline": {"deal_id": deal, "stage": "A"},
    }
    prefix = "set." if tool == "crm_update_pipeline" else ""

    def refused(name: str, value: Any) -> dict[str, Any]:
        given = [{"name": name, "value": value}]
        told = {"set": {"properties": given}, "stage": "Won"} if prefix else {"properties": given}
        return dict(crm.refused(tool, **(bodies[tool] | told)))

    wrong = refused("budget", "much")
    assert (wrong["code"], wrong["field"]) == ("invalid_field", f"{prefix}properties[0].value")
    unknown = refused("bugdet", 1)
    assert (unknown["field"], unknown["did_you_mean"]) == (f"{prefix}properties[0].name", "budget")


def test_a_stage_asks_for_a_property_by_name(crm: Any) -> None:
    """It is listed by name, refused by name, given in the same call, and known to be in use."""
    (pipeline,) = crm.do("crm_list_pipelines", pipeline="Partners")["pipelines"]
    assert pipeline["stages"][1]["required_fields"] == ["amount", "budget"]
    deal = made(crm)
    refusal = crm.refused("crm_update_pipeline", deal_id=deal, stage="B")
    assert [each["field"] for each in refusal["fields"]] == ["set.amount", "set.properties"]
    assert "budget" in refusal["fields"][1]["message"]
    given = {"amount": "5", "properties": [{"name": "budget", "value": 9}]}
    moved = crm.do("crm_update_pipeline", deal_id=deal, stage="B", set=given)
    assert ("budget" in moved["changed"], values(moved["deal"]), moved["deal"]["version"]) == (True, {"budget": 9}, 2)
    told = crm.do("crm_update_deal", deal_id=deal, clear_properties=["budget"])["warnings"]
    assert [(each["code"], each["field"]) for each in told] == [("required_by_stage", "budget")]
    listed = {each["name"]: each for each in crm.do("crm_list_properties", object_type="deal")["properties"]}
    assert "pipeline rule" in str(listed["budget"])


def test_defining_again_with_properties_changes_nothing(crm: Any) -> None:
    """A property is the same whichever way its name was written."""
    stages: list[dict[str, Any]] = [
        {"label": "A", "kind": "open", "probability": 10, "required_fields": ["BUDGET"]},
        WON,
        LOST,
    ]
    crm.do("crm_define_pipeline", name="Other", stages=stages, editable_when_closed=["budget"])
    stages[0]["required_fields"] = ["budget"]
    again = crm.do("crm_define_pipeline", name="Other", stages=stages, editable_when_closed=["Budget"])
    assert (again["outcome"], again["pipeline"]["editable_when_closed"]) == ("unchanged", ["budget"])
    stages[0]["required_fields"] = ["bugdet"]
    unknown = crm.refused("crm_define_pipeline", name="Other", stages=stages)
    assert (unknown["field"], unknown["did_you_mean"]) == ("stages[0].required_fields[0]", "budget")


def test_a_restricted_property_holds_and_stays_unnamed(crm: Any) -> None:
    """Who may not see it is refused without its name, in the list it is absent."""
    sales = replace(crm, principal=replace(crm.principal, roles=frozenset({"sales"})))
    deal = made(crm)
    refusal = sales.refused("crm_update_pipeline", deal_id=deal, stage="C")
    assert (refusal["code"], "secret" in str(refusal).lower()) == ("stage_rule", False)
    (pipeline,) = sales.do("crm_list_pipelines", pipeline="Partners")["pipelines"]
    assert pipeline["stages"][2]["required_fields"] == []
    given = {"properties": [{"name": "secret", "value": "x"}]}
    assert crm.do("crm_update_pipeline", deal_id=deal, stage="C", set=given)["outcome"] == "updated"


def test_a_closed_deal_keeps_its_properties(crm: Any) -> None:
    """Both tools refuse them until the pipeline opens the property by name."""
    deal = made(crm, properties=[{"name": "budget", "value": 5}], stage="Won")
    given = [{"name": "budget", "value": 6}]
    refusal = crm.refused("crm_update_deal", deal_id=deal, properties=given)
    assert (refusal["code"], refusal["field"], refusal["allowed"]) == ("deal_closed", "budget", ["description"])
    assert crm.refused("crm_set_property", record_id=deal, properties=given)["code"] == "deal_closed"
    crm.do("crm_define_pipeline", name="Partners", editable_when_closed=["budget"])
    assert crm.do("crm_set_property", record_id=deal, properties=given)["outcome"] == "updated"
    assert crm.do("crm_update_deal", deal_id=deal, properties=[{"name": "budget", "value": 8}])["changed"] == ["budget"]


def test_a_required_property_is_asked_of_new_deals(crm: Any) -> None:
    """Nothing is made without it."""
    crm.do("crm_define_property", object_type="deal", name="region", label="Region", type="text", required=True)
    refusal = crm.refused("crm_create_deal", name="x")
    assert (refusal["code"], refusal["field"]) == ("invalid_field", "properties")
    assert crm.do("crm_create_deal", name="x", properties=[{"name": "region", "value": "EU"}])["outcome"] == "created"


def test_values_return_with_the_deal(crm: Any) -> None:
    """A unique value is free while the deal is deleted, and taken again when it returns."""
    crm.do("crm_define_property", object_type="deal", name="code", label="Code", type="text", unique=True)
    one = made(crm, properties=[{"name": "code", "value": "K1"}])
    crm.do("crm_delete_record", id=one)
    two = made(crm, properties=[{"name": "code", "value": "K1"}])
    assert crm.refused("crm_restore_record", id=one)["code"] == "unique_taken"
    crm.do("crm_delete_record", id=two)
    crm.do("crm_restore_record", id=one)
    assert values(crm.do("crm_get_record", id=one)["deal"]) == {"code": "K1"}
