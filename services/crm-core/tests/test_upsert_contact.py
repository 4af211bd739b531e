"""A contact is created or found by its keys, and changed as asked."""

from collections import Counter
from typing import Any

import pytest

from kontor_platform.contract.problem import ApprovalRequired


def upserted(crm: Any, **body: Any) -> dict[str, Any]:
    """The answer to an upsert."""
    answer: dict[str, Any] = crm.do("crm_upsert_contact", **body)
    return answer


def test_created_updated_unchanged(crm: Any) -> None:
    """The outcome, the key that matched and the fields that changed are told."""
    made = upserted(crm, email="Jane.Doe@acme.example", name="Jane Doe", phone="030 1234567", title="CTO")
    assert (made["outcome"], made["matched_by"], made["contact"]["version"]) == ("created", "", 1)
    assert made["contact"]["first_name"] == "Jane"
    assert made["contact"]["phones"][0]["e164"] == "+49301234567"
    changed = upserted(crm, email="jane.doe@ACME.example", title="CEO")
    assert (changed["outcome"], changed["matched_by"], changed["changed"]) == ("updated", "email", ["title"])
    assert changed["contact"]["version"] == 2
    again = upserted(crm, email="jane.doe@acme.example", title="CEO")
    assert (again["outcome"], again["changed"], again["contact"]["version"]) == ("unchanged", [], 2)


def test_owner_is_the_person_acted_for(crm: Any) -> None:
    """What an agent makes belongs to the person it acts for."""
    made = crm.agent().over_grpc("crm_upsert_contact", email="a@b.example")
    assert made["contact"]["owner_id"] == str(crm.principal.actor)


def test_agent_without_evidence_is_refused(crm: Any) -> None:
    """A passport of the gateway is no evidence, and nothing is written."""
    with pytest.raises(ApprovalRequired):
        crm.agent().over_grpc("crm_upsert_contact", granted=False, email="a@b.example")
    assert crm.do("crm_lookup_customer", query="a@b.example")["outcome"] == "none"


@pytest.mark.parametrize(
    "keys",
    [
        {"phone": "+49 30 1234567"},
        {"phone": "030/1234567", "first_name": "jané"},
        {"external_ids": [{"system": "HubSpot", "value": "7"}]},
    ],
)
def test_every_key_finds(crm: Any, keys: dict[str, Any]) -> None:
    """A number in any spelling and an id of another system find the contact."""
    foreign = [{"system": "hubspot", "value": "7"}]
    made = upserted(crm, email="j@a.example", name="Jane Doe", phone="030 1234567", external_ids=foreign)
    found = upserted(crm, **keys)
    assert found["contact"]["id"] == made["contact"]["id"]
    assert found["outcome"] == ("updated" if "first_name" in keys else "unchanged")


def test_two_keys_of_two_contacts(crm: Any) -> None:
    """Keys that meet two contacts are refused with both ids, and nothing changes."""
    one = upserted(crm, email="one@a.example", name="One")["contact"]["id"]
    two = upserted(crm, email="two@a.example", name="Two", phone="030 1234567")["contact"]["id"]
    for keys in ({"emails": ["one@a.example", "two@a.example"]}, {"email": "one@a.example", "phone": "030 1234567"}):
        refusal = crm.refused("crm_upsert_contact", title="X", **keys)
        assert (refusal["code"], refusal["next_tool"]) == ("ambiguous_match", "crm_merge_contacts")
        assert set(refusal["ids"]) == {one, two}
    assert "title" not in crm.do("crm_get_record", id=one)["contact"]


def test_shared_number_of_someone_else(crm: Any) -> None:
    """A number does not identify when the name contradicts; `match_on` makes the second person."""
    jane = upserted(crm, name="Jane Doe", phone="030 1234567")["contact"]["id"]
    refusal = crm.refused("crm_upsert_contact", name="Bob Roe", phone="030 1234567")
    assert (refusal["code"], refusal["ids"]) == ("ambiguous_match", [jane])
    bob = upserted(crm, name="Bob Roe", phone="030 1234567", email="bob@a.example", match_on=["email"])
    assert bob["outcome"] == "created"
    assert crm.refused("crm_upsert_contact", phone="030 1234567")["code"] == "ambiguous_match"


def test_address_of_another(crm: Any) -> None:
    """An address belongs to one contact; its holder is named."""
    one = upserted(crm, email="one@a.example")["contact"]["id"]
    two = upserted(crm, email="two@a.example")["contact"]["id"]
    refusal = crm.refused("crm_upsert_contact", id=two, email="one@a.example", match_on=["id"])
    assert (refusal["code"], refusal["ids"]) == ("identity_taken", [one])


def test_values_added_replaced_removed_cleared(crm: Any) -> None:
    """Lists are added to unless told otherwise, and `clear` empties fields."""
    made = upserted(crm, email="one@a.example", name="Jane Doe", title="CTO")["contact"]["id"]
    upserted(crm, id=made, email="two@a.example")
    assert addresses(crm, made) == ["one@a.example", "two@a.example"]
    upserted(crm, id=made, emails=["three@a.example", "two@a.example"], multi_value_mode="replace")
    assert addresses(crm, made) == ["three@a.example", "two@a.example"]
    upserted(crm, id=made, email="three@a.example", multi_value_mode="remove")
    assert addresses(crm, made) == ["two@a.example"]
    cleared = upserted(crm, id=made, clear=["emails", "title"])
    assert cleared["changed"] == ["title", "emails"]
    assert upserted(crm, email="three@a.example")["outcome"] == "created"


def addresses(crm: Any, contact: str) -> list[str]:
    """A contact's addresses, the primary one first."""
    emails = crm.do("crm_get_record", id=contact)["contact"]["emails"]
    assert [each["is_primary"] for each in emails] == [True] + [False] * (len(emails) - 1)
    return [each["address"] for each in emails]


def test_blank_and_unreadable_are_warned_of(crm: Any) -> None:
    """A blank counts as left out and an unreadable number is kept as text, each with a warning."""
    made = upserted(crm, email="one@a.example", title=" ", phone="12")
    assert [each["code"] for each in made["warnings"]] == ["blank_ignored", "phone_unreadable"]
    assert "title" not in made["contact"]
    assert made["contact"]["phones"] == [{"raw": "12", "is_primary": True}]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["email"]),
        ({"email": "nope", "emails": ["x@"]}, ["email", "emails[0]"]),
        ({"email": "a@b.example", "title": "T", "clear": ["title"]}, ["clear"]),
        ({"email": "a@b.example", "first_name": "a\nb"}, ["first_name"]),
        ({"email": "a@b.example", "multi_value_mode": "append"}, ["multi_value_mode"]),
        ({"id": "7"}, ["id"]),
    ],
)
def test_faults_are_named(crm: Any, body: dict[str, Any], fields: list[str]) -> None:
    """All faults of a request are told at once, by field."""
    refusal = crm.refused("crm_upsert_contact", **body)
    assert (refusal["code"], [each["field"] for each in refusal["fields"]]) == ("invalid_field", fields)


def test_stale_version_names_what_differs(crm: Any) -> None:
    """Of two updates that saw one version the second is refused with both values of each field."""
    made = upserted(crm, email="one@a.example", title="A")["contact"]
    upserted(crm, id=made["id"], title="B", expected_version=1)
    refusal = crm.refused("crm_upsert_contact", id=made["id"], title="C", expected_version=1)
    assert (refusal["code"], refusal["current_version"]) == ("version_conflict", 2)
    assert refusal["differing"] == [{"field": "title", "present": "B", "wanted": "C"}]


def test_foreign_contact_is_unknown(crm: Any, nowhere: str) -> None:
    """The id of another tenant's contact and an unknown id are answered byte for byte alike."""
    theirs = upserted(crm.stranger(), email="one@a.example")["contact"]["id"]
    answers = [crm.send("crm_upsert_contact", id=each, title="X") for each in (theirs, nowhere)]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_tenants_share_no_keys(crm: Any) -> None:
    """One address makes a contact in each tenant."""
    assert upserted(crm, email="one@a.example")["outcome"] == "created"
    assert upserted(crm.stranger(), email="one@a.example")["outcome"] == "created"


def test_dry_run_leaves_nothing(crm: Any) -> None:
    """A trial answers as the call would and leaves no contact."""
    trial = crm.send("crm_upsert_contact", dry_run=True, email="one@a.example")
    assert trial.json()["outcome"] == "created"
    assert upserted(crm, email="one@a.example")["outcome"] == "created"


def test_company_of_the_address(crm: Any, company: str) -> None:
    """A contact is linked to the company of its address, never by a free mail provider's, and by id or name if told."""
    assert upserted(crm, email="j@acme.example")["contact"]["company"]["id"] == company
    crm.do("crm_upsert_company", name="Google", domain="gmail.com")
    assert "company" not in upserted(crm, email="j@gmail.com")["contact"]
    named = upserted(crm, email="j@gmail.com", company="ACME gmbh")
    assert (named["changed"], named["contact"]["company"]["id"]) == (["company"], company)
    warned = upserted(crm, email="j@gmail.com", company="Nobody Ltd")
    assert [each["code"] for each in warned["warnings"]] == ["company_not_found"]


def test_fifty_at_once_make_one(crm: Any, at_once: Any) -> None:
    """Fifty parallel upserts of one new address make one contact and lose no answer."""
    answers = at_once(50, lambda _: upserted(crm, email="new@a.example", phone="030 7654321", name="New One"))
    assert Counter(each["outcome"] for each in answers) == {"created": 1, "unchanged": 49}
    assert len({each["contact"]["id"] for each in answers}) == 1


def test_opposite_orders_do_not_block(crm: Any, at_once: Any) -> None:
    """Calls that name two keys in opposite orders wait for each other and never deadlock."""
    keys = ["a@a.example", "b@a.example"]
    answers = at_once(20, lambda at: upserted(crm, emails=keys if at % 2 else keys[::-1]))
    assert len({each["contact"]["id"] for each in answers}) == 1
