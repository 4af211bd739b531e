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


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_the_ends_of_the_calendar_can_be_asked_for(crm: Any, people: dict[str, str], moment: str) -> None:
    """The tenant's zone would show them in a year that there is not."""
    later = found(crm, {"field": "created_at", "op": "gte", "value": moment})
    assert later == ([] if moment.startswith("9999") else ["Ada", "Bob", "Carla"])
