"""Structured search: what conditions find, what is refused, and how it is told."""

from typing import Any

import pytest


@pytest.fixture
def people(crm: Any, company: str) -> dict[str, str]:
    """Three contacts by name; Ada works for the company in Zürich."""
    told = (
        {"name": "Ada Lovelace", "email": "ada@acme.example", "city": "Zürich", "title": "Head of Sales"},
        {"name": "Bob Web24", "email": "bob@elsewhere.example", "city": "Berlin", "country": "Germany"},
        {"name": "Carla Muñoz", "phone": "+49 30 901820"},
    )
    return {each["name"].split()[0]: crm.do("crm_upsert_contact", **each)["contact"]["id"] for each in told}


def names(answer: dict[str, Any]) -> list[str]:
    """First names of the rows."""
    return [row["name"].split()[0] for row in answer["rows"]]


def found(crm: Any, filter: dict[str, Any] | None, **more: Any) -> list[str]:
    """First names of the contacts that a filter finds, by name."""
    body = {"type": "contact", "sorts": [{"field": "name"}], **more}
    return names(crm.do("crm_search_advanced", **(body | ({"filter": filter} if filter else {}))))


def test_conditions_find_what_they_say(crm: Any, people: dict[str, str], company: str) -> None:
    """Text without case and accents, identities, links, marks, emptiness, groups."""
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"field": "city", "op": "eq", "value": "zurich"}, ["Ada"]),
        ({"field": "city", "op": "neq", "value": "zurich"}, ["Bob"]),
        ({"field": "city", "op": "neq", "value": "zurich", "include_empty": True}, ["Bob", "Carla"]),
        ({"field": "name", "op": "contains", "value": "eb2"}, ["Bob"]),
        ({"field": "name", "op": "contains", "value": "unoz"}, ["Carla"]),
        ({"field": "name", "op": "starts_with", "value": "ADA lo"}, ["Ada"]),
        ({"field": "title", "op": "has_word", "value": "sales"}, ["Ada"]),
        ({"field": "email", "op": "eq", "value": "ADA@acme.example"}, ["Ada"]),
        ({"field": "email", "op": "is_empty"}, ["Carla"]),
        ({"field": "phone", "op": "eq", "value": "030 901820"}, ["Carla"]),
        ({"field": "company", "op": "linked", "values": [company]}, ["Ada"]),
        ({"field": "company", "op": "is_empty"}, ["Bob", "Carla"]),
        (
            {"assoc": {"type": "contact_company", "where": {"field": "name", "op": "has_word", "value": "acme"}}},
            ["Ada"],
        ),
        ({"assoc": {"type": "company", "quantifier": "none"}}, ["Bob", "Carla"]),
        ({"field": "created_at", "op": "today"}, ["Ada", "Bob", "Carla"]),
        ({"none": [{"field": "city", "op": "is_set"}]}, ["Carla"]),
        (
            {
                "any": [
                    {"field": "city", "op": "in", "values": ["Bonn", "Berlin"]},
                    {"field": "name", "op": "has_word", "value": "carla"},
                ]
            },
            ["Bob", "Carla"],
        ),
        ({"field": "opted_out", "op": "eq", "value": False}, ["Ada", "Bob", "Carla"]),
        ({"field": "owner_id", "op": "eq", "value": "me"}, ["Ada", "Bob", "Carla"]),
        ({"field": "last_name", "op": "in", "values": ["Lovelace", "MUÑOZ"]}, ["Ada", "Carla"]),
        ({"field": "first_name", "op": "lt_field", "value": "last_name"}, ["Ada", "Bob", "Carla"]),
    ]
    assert [(case, found(crm, case)) for case, _ in cases] == cases


def test_pages_follow_each_other(crm: Any, people: dict[str, str]) -> None:
    """A cursor goes on, tells the total again, and works for its own filter and order only."""
    sorts = [{"field": "name", "direction": "desc"}]
    first = crm.do("crm_search_advanced", type="contact", sorts=sorts, page_size=2)
    second = crm.do("crm_search_advanced", type="contact", sorts=sorts, page_size=2, cursor=first["next_cursor"])
    other = crm.refused("crm_search_advanced", type="contact", page_size=2, cursor=first["next_cursor"])
    assert (names(first), names(second)) == (["Carla", "Bob"], ["Ada"])
    assert (first["total"], second["total"], second["next_cursor"]) == (3, 3, "")
    assert other["code"] == "cursor_invalid"


def test_rows_show_what_was_asked_for(crm: Any, people: dict[str, str]) -> None:
    """Key fields always, others and custom properties by name."""
    crm.do("crm_define_property", object_type="contact", name="score", type="number")
    crm.do("crm_set_property", record_id=people["Ada"], properties=[{"name": "score", "value": 7}])
    found = crm.do(
        "crm_search_advanced",
        type="contact",
        filter={"field": "score", "op": "gte", "value": 7},
        fields=["score", "owner_id", "country"],
    )
    told = {each["name"]: each["value"] for each in found["rows"][0]["values"]}
    assert (told["score"], told["company"], told["email"]) == (7, "Acme GmbH", ["ada@acme.example"])
    assert "country" not in told
    wrong = crm.refused("crm_search_advanced", type="contact", fields=["scroe"])
    assert (wrong["field"], wrong["did_you_mean"]) == ("fields[0]", "score")


def test_figures_are_exact_and_one_a_currency(crm: Any, company: str) -> None:
    """Sums of decimals, averages to six places, groups by stage and month; no currency is mixed with another."""
    for amount, currency in (("0.10", "EUR"), ("0.20", "EUR"), ("100.00", "USD")):
        crm.do("crm_create_deal", name=f"Deal {amount}", amount=amount, currency=currency, close_date="2026-05-17")
    asked = [{"function": name, "field": "amount"} for name in ("sum", "avg", "max")]
    groups = crm.do("crm_search_advanced", type="deal", aggregates=[{"function": "count"}, *asked])["groups"]
    told = {(each["function"], each["currency"]): each["value"] for each in groups[0]["figures"]}
    assert told == {
        ("count", ""): "3",
        ("sum", "EUR"): "0.30",
        ("sum", "USD"): "100.00",
        ("avg", "EUR"): "0.15",
        ("avg", "USD"): "100.00",
        ("max", "EUR"): "0.20",
        ("max", "USD"): "100.00",
    }
    by_month = crm.do("crm_search_advanced", type="deal", group_by=[{"field": "close_date", "bucket": "quarter"}])
    assert [(each["keys"][0]["value"], each["count"]) for each in by_month["groups"]] == [("2026-04-01", 3)]
    euros = [{"field": "amount", "op": "lt", "value": "50 EUR"}, {"field": "amount", "op": "lt", "value": "50"}]
    for condition in euros:
        assert crm.do("crm_search_advanced", type="deal", filter=condition)["total"] == 2
    by_amount = crm.do("crm_search_advanced", type="deal", sorts=[{"field": "amount", "direction": "desc"}])["rows"]
    assert [row["name"] for row in by_amount] == ["Deal 0.20", "Deal 0.10", "Deal 100.00"]


def test_deals_are_found_by_their_stage(crm: Any, deal: str, contact: str) -> None:
    """By its name, and through links both ways; a change is found in the log."""
    stage = crm.do("crm_get_record", id=deal)["deal"]["stage"]
    assert (
        crm.do("crm_search_advanced", type="deal", filter={"field": "stage", "op": "eq", "value": stage})["total"] == 1
    )
    linked = {"assoc": {"type": "deal_contact", "where": {"field": "email", "op": "is_set"}}}
    assert crm.do("crm_search_advanced", type="deal", filter=linked)["total"] == 1
    back = {
        "assoc": {
            "type": "deal",
            "where": {"field": "stage_kind", "op": "eq", "value": "open"},
            "quantifier": "at_least",
            "n": 1,
        }
    }
    assert crm.do("crm_search_advanced", type="contact", filter=back)["total"] == 1
    changed = {"changed": {"field": "description", "within": 1}}
    assert crm.do("crm_search_advanced", type="deal", filter=changed)["total"] == 0
    wrong = crm.refused("crm_search_advanced", type="deal", filter={"field": "stage", "op": "eq", "value": "nowhere"})
    assert stage in wrong["allowed"]


def test_tasks_and_activities(crm: Any, contact: str) -> None:
    """Tasks are activities of their own type; contacts are found by them."""
    crm.do("crm_create_task", title="Call back", due="2026-01-01", record_ids=[contact])
    crm.do("crm_create_note", body="Met at the fair", record_ids=[contact])
    late = {"all": [{"field": "due_date", "op": "past"}, {"field": "status", "op": "eq", "value": "open"}]}
    assert [row["name"] for row in crm.do("crm_search_advanced", type="task", filter=late)["rows"]] == ["Call back"]
    kinds = crm.do("crm_search_advanced", type="activity", group_by=[{"field": "kind"}])["groups"]
    assert {each["keys"][0]["value"]: each["count"] for each in kinds} == {"note": 1, "task": 1}
    busy = {"assoc": {"type": "task", "where": {"field": "status", "op": "eq", "value": "open"}}}
    assert crm.do("crm_search_advanced", type="contact", filter=busy)["total"] == 1
    lately = {"field": "last_activity_at", "op": "today"}
    assert crm.do("crm_search_advanced", type="contact", filter=lately)["total"] == 1


def test_looking_into_a_text_alone_is_refused(crm: Any, company: str) -> None:
    """A text that is not searchable is looked into only among records that something else narrows."""
    looking = {"field": "description", "op": "contains", "value": "ships"}
    crm.do("crm_upsert_company", id=company, description="Builds SHIPS and piers")
    alone = crm.refused("crm_search_advanced", type="company", filter=looking)
    owned = {"all": [looking, {"field": "owner_id", "op": "eq", "value": "me"}]}
    assert (alone["code"], alone["field"]) == ("invalid_field", "filter")
    assert "owner_id" in alone["allowed"]
    assert crm.do("crm_search_advanced", type="company", filter=owned)["total"] == 1


def test_a_long_answer_is_cut_and_goes_on(crm: Any) -> None:
    """At most 25 KB, and no row is lost between pages."""
    for at in range(30):
        crm.do(
            "crm_upsert_contact",
            name=f"Person {at:02}",
            title="x" * 200,
            city="y" * 100,
            email=f"{'z' * 60}{at}@{'w' * 60}.example",
        )
    seen: list[str] = []
    cursor = ""
    while True:
        answer = crm.send(
            "crm_search_advanced", type="contact", page_size=200, sorts=[{"field": "name"}], cursor=cursor
        )
        assert len(answer.content) < 25 * 1024
        told = answer.json()
        seen += [row["name"] for row in told["rows"]]
        if not (cursor := told["next_cursor"]):
            break
        assert told["truncated"]
    assert seen == [f"Person {at:02}" for at in range(30)]


def test_strangers_find_nothing(crm: Any, people: dict[str, str]) -> None:
    """Another tenant's records are in no answer, total or figure."""
    answer = crm.stranger().do("crm_search_advanced", type="contact", aggregates=[{"function": "count"}])
    assert (answer["rows"], answer["total"], answer["groups"][0]["count"]) == ([], 0, 0)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_the_ends_of_the_calendar_can_be_asked_for(crm: Any, people: dict[str, str], moment: str) -> None:
    """The tenant's zone would show them in a year that there is not."""
    later = found(crm, {"field": "created_at", "op": "gte", "value": moment})
    assert later == ([] if moment.startswith("9999") else ["Ada", "Bob", "Carla"])
