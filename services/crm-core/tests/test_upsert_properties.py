"""Custom properties in upserts: set, emptied, required, and unique ones that find the record."""

from dataclasses import replace
from typing import Any

import pytest

from .conftest import Crm


def define(crm: Any, name: str, kind: str = "text", object_type: str = "contact", **more: Any) -> None:
    """Defines a property."""
    crm.do("crm_define_property", object_type=object_type, name=name, type=kind, **more)


def upserted(crm: Any, **body: Any) -> dict[str, Any]:
    """The answer to an upsert of a contact."""
    answer: dict[str, Any] = crm.do("crm_upsert_contact", **body)
    return answer


def values(answer: dict[str, Any], kind: str = "contact") -> dict[str, Any]:
    """The properties of an answer by name."""
    return {each["name"]: each["value"] for each in answer[kind]["properties"]}


def test_properties_are_set_changed_and_emptied(crm: Any) -> None:
    """Values stand in the answer by name, what changed is told by name, and again changes nothing."""
    define(crm, "score", "number")
    define(crm, "hobby", searchable=True)
    given = [{"name": "score", "value": 7}, {"name": "hobby", "value": "Gliding"}]
    made = upserted(crm, email="jane@a.example", properties=given)
    assert (values(made), made["changed"][-2:]) == ({"hobby": "Gliding", "score": 7}, ["score", "hobby"])
    assert upserted(crm, email="jane@a.example", properties=given)["outcome"] == "unchanged"
    assert crm.do("crm_search_customers", query="gliding")["total"] == 1
    changed = upserted(
        crm, email="jane@a.example", properties=[{"name": "Score", "value": "8"}], clear_properties=["hobby"]
    )
    assert (values(changed), changed["changed"], changed["contact"]["version"]) == ({"score": 8}, ["score", "hobby"], 2)
    assert crm.do("crm_search_customers", query="gliding")["total"] == 0
    titled = upserted(crm, email="jane@a.example", title="CEO")
    assert (values(titled), titled["changed"]) == ({"score": 8}, ["title"])


def test_searched_properties_stay_found(crm: Any) -> None:
    """A change of something else leaves what the contact is found by of its properties."""
    define(crm, "hobby", searchable=True)
    upserted(crm, email="jane@a.example", properties=[{"name": "hobby", "value": "Gliding"}])
    upserted(crm, email="jane@a.example", title="CEO")
    crm.do("crm_upsert_company", name="Acme", domain="a.example")
    upserted(crm, email="jane@a.example", company="Acme")
    crm.do("crm_upsert_company", domain="a.example", name="Globex")
    assert crm.do("crm_search_customers", query="gliding globex")["total"] == 1


def test_a_unique_property_finds_the_contact(crm: Any) -> None:
    """Without another key it matches; beside one of another contact it is ambiguous, unless match_on leaves it out."""
    define(crm, "member", unique=True)
    member = [{"name": "member", "value": "M-7"}]
    made = upserted(crm, email="jane@a.example", properties=member)["contact"]["id"]
    found = upserted(crm, title="CEO", properties=[{"name": "member", "value": "m-7"}], match_on=["property"])
    assert (found["contact"]["id"], found["matched_by"]) == (made, "property")
    other = upserted(crm, email="bob@a.example")["contact"]["id"]
    refusal = crm.refused("crm_upsert_contact", email="bob@a.example", properties=member)
    assert (refusal["code"], set(refusal["ids"])) == ("ambiguous_match", {made, other})
    taken = crm.refused("crm_upsert_contact", email="bob@a.example", properties=member, match_on=["email"])
    assert (taken["code"], taken["existing_id"]) == ("unique_taken", made)
    assert values(crm.do("crm_get_record", id=other)) == {}


def test_fifty_at_once_make_one_by_a_unique_property(crm: Any, at_once: Any) -> None:
    """A unique property makes one contact of parallel upserts as every other key does."""
    define(crm, "member", unique=True)
    body = {"name": "New One", "properties": [{"name": "member", "value": "M-7"}]}
    answers = at_once(20, lambda _: upserted(crm, **body))
    assert sorted(each["outcome"] for each in answers) == ["created"] + ["unchanged"] * 19


def test_required_properties_are_asked_of_new_records(crm: Any) -> None:
    """A new contact or company without one is refused by name; one that is there may be changed without it."""
    there = upserted(crm, email="jane@a.example")["contact"]["id"]
    define(crm, "source", required=True)
    define(crm, "tier", object_type="company", required=True)
    refusal = crm.refused("crm_upsert_contact", email="new@a.example")
    assert [(each["field"], each["code"]) for each in refusal["fields"]] == [("properties", "required_missing")]
    assert upserted(crm, id=there, title="CEO")["outcome"] == "updated"
    assert (
        upserted(crm, email="new@a.example", properties=[{"name": "source", "value": "Fair"}])["outcome"] == "created"
    )
    assert crm.refused("crm_upsert_company", name="Acme")["fields"][0]["code"] == "required_missing"
    emptied = crm.refused("crm_upsert_contact", email="new@a.example", clear_properties=["source"])
    assert emptied["fields"][0]["field"] == "clear_properties[0]"


def test_faults_of_properties_stand_beside_the_others(crm: Any) -> None:
    """One refusal names every property at fault with its code, and every other field."""
    define(crm, "score", "number")
    define(crm, "level", "select", options=[{"value": "gold"}, {"value": "silver"}])
    given = [
        {"name": "score", "value": "many"},
        {"name": "level", "value": "golf"},
        {"name": "sgore", "value": 1},
        {"name": "score", "value": ""},
    ]
    refusal = crm.refused("crm_upsert_contact", email="nope", properties=given)
    told = {each["field"]: each["code"] for each in refusal["fields"]}
    assert told == {
        "properties[0].value": "number_unparsable",
        "properties[1].value": "option_unknown",
        "properties[2].name": "property_unknown",
        "email": "email_invalid",
    }
    assert crm.do("crm_search_customers", query="nope")["total"] == 0


def test_an_archived_option_is_not_taken_anew(crm: Any) -> None:
    """Who holds it keeps it, nobody else gets it."""
    define(crm, "level", "select", options=[{"value": "gold"}, {"value": "silver"}])
    gold = [{"name": "level", "value": "gold"}]
    upserted(crm, email="jane@a.example", properties=gold)
    define(crm, "level", "select", options=[{"value": "gold", "archived": True}])
    assert upserted(crm, email="jane@a.example", properties=gold)["outcome"] == "unchanged"
    refusal = crm.refused("crm_upsert_contact", email="bob@a.example", properties=gold)
    assert refusal["fields"][0]["code"] == "option_unknown"


def test_companies_have_properties_too(crm: Any) -> None:
    """They are set, found by and told as those of contacts."""
    define(crm, "vat", object_type="company", unique=True, searchable=True)
    made = crm.do("crm_upsert_company", name="Acme", properties=[{"name": "vat", "value": "DE 123"}])
    assert values(made, "company") == {"vat": "DE 123"}
    found = crm.do("crm_upsert_company", properties=[{"name": "vat", "value": "de 123"}], city="Berlin")
    assert (found["matched_by"], found["company"]["id"]) == ("property", made["company"]["id"])
    assert crm.do("crm_search_customers", query="123")["total"] == 1


def test_restricted_properties_do_not_exist_for_others(crm: Crm) -> None:
    """Sales can neither set one nor see it in the answer, and what it holds stays."""
    define(crm, "salary", "number", personal="restricted")
    upserted(crm, email="jane@a.example", properties=[{"name": "salary", "value": 1}])
    sales = replace(crm, principal=replace(crm.principal, roles=frozenset({"sales"})))
    refusal = sales.refused("crm_upsert_contact", email="jane@a.example", properties=[{"name": "salary", "value": 2}])
    assert refusal["fields"][0]["code"] == "property_unknown"
    changed = upserted(sales, email="jane@a.example", title="CEO")
    assert (values(changed), changed["changed"]) == ({}, ["title"])
    assert values(upserted(crm, email="jane@a.example")) == {"salary": 1}


@pytest.mark.parametrize("owner", ["nobody@a.example", "019a0000-0000-7000-8000-000000000001", "Jane"])
def test_an_owner_whom_nobody_knows_is_refused(crm: Any, owner: str) -> None:
    """Owners are users, by id or e-mail address; nothing is made for another."""
    for tool in ("crm_upsert_contact", "crm_upsert_company"):
        assert crm.refused(tool, name="Jane Acme", owner_id=owner)["code"] == "owner_not_found"
    assert crm.do("crm_search_customers", query="jane")["total"] == 0
