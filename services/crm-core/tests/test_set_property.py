"""Properties of a record are set all or none, typed, and kept from those who may not see them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

TYPED = {
    "a_text": ("text", "  Cafe\u0301 ", "Café"),
    "a_long_text": ("long_text", "one\r\ntwo", "one\ntwo"),
    "a_number": ("number", "1.234,5", 1234.5),
    "a_money": ("money", {"amount": "12.5", "currency": "USD"}, {"amount": "12.50", "currency": "USD"}),
    "a_date": ("date", "31.01.2026", "2026-01-31"),
    "a_datetime": ("datetime", "2026-03-29T02:30", "2026-03-29T01:30:00Z"),
    "a_bool": ("bool", "nein", False),
    "an_email": ("email", "Ada@X.EXAMPLE", "Ada@x.example"),
    "a_phone": ("phone", "030 1234567", "+49301234567"),
    "a_url": ("url", "Acme.example/Path", "https://acme.example/Path"),
    "a_select": ("select", "heiss", "hot"),
    "a_multi": ("multi_select", ["Kalt", "hot"], ["hot", "cold"]),
}
OPTIONS = [{"value": "hot", "label": "Heiß"}, {"value": "cold", "label": "Kalt"}]


def define(crm: Any, name: str, kind: str, object_type: str = "contact", **more: Any) -> None:
    """Defines a property."""
    options = {"options": OPTIONS} if "select" in kind else {}
    crm.do("crm_define_property", object_type=object_type, name=name, type=kind, **options, **more)


def put(crm: Any, record: str, **values: Any) -> dict[str, Any]:
    """The answer to values set."""
    told = [{"name": name, "value": value} for name, value in values.items()]
    answer: dict[str, Any] = crm.do("crm_set_property", record_id=record, properties=told)
    return answer


def fails(crm: Any, record: str, **values: Any) -> dict[str, Any]:
    """The refusal of values."""
    told = [{"name": name, "value": value} for name, value in values.items()]
    answer: dict[str, Any] = crm.refused("crm_set_property", record_id=record, properties=told)
    return answer


def as_role(crm: Any, *roles: str) -> Any:
    """Somebody of the same tenant with other roles."""
    return replace(crm, principal=replace(crm.principal, roles=frozenset(roles)))


def test_values_of_every_type_are_kept_typed(crm: Any, contact: str) -> None:
    """What is written in people's ways is answered in one form, at once and later; a repeat changes nothing."""
    for name, (kind, _, _) in TYPED.items():
        define(crm, name, kind)
    done = put(crm, contact, **{name: given for name, (_, given, _) in TYPED.items()})
    wanted = {name: stored for name, (_, _, stored) in TYPED.items()}
    assert {each["name"]: each["value"] for each in done["properties"]} == wanted
    assert (done["outcome"], done["version"], set(done["changed"])) == ("updated", 2, set(TYPED))
    read = crm.do("crm_get_record", id=contact)["contact"]["properties"]
    assert read == done["properties"] == sorted(read, key=lambda each: each["name"])
    assert put(crm, contact, **wanted)["outcome"] == "unchanged"


@pytest.mark.parametrize("kind", ["contact", "company", "deal", "task", "note"])
def test_every_type_of_record_has_properties(crm: Any, request: pytest.FixtureRequest, kind: str) -> None:
    """Contacts, companies and deals have their own, tasks and notes those of activities."""
    contact = request.getfixturevalue("contact")
    made = {
        "task": lambda: crm.do("crm_create_task", title="Call", record_ids=[contact])["task"]["id"],
        "note": lambda: crm.do("crm_create_note", body="Hi", record_ids=[contact])["note"]["id"],
    }
    record = made[kind]() if kind in made else request.getfixturevalue(kind)
    define(crm, "score", "number", "activity" if kind in made else kind)
    done = put(crm, record, score=5)
    assert done["outcome"] == "updated"
    read = crm.do("crm_get_record", id=record, include=["history"])
    assert read[kind]["properties"] == [{"name": "score", "value": 5}]
    assert read["history"][0]["changes"] == [{"field": "score", "before": None, "after": 5}]


def test_all_faults_are_told_at_once(crm: Any, contact: str) -> None:
    """Each with its path, its code and what is near; nothing of the call is kept."""
    for name in ("a_number", "a_select", "a_date", "a_text"):
        define(crm, name, TYPED[name][0])
    told = fails(crm, contact, a_text="fine", a_number="1,234", a_select="holt", a_date="03/04/2026", a_numbr=1)
    codes = {each["field"]: each["code"] for each in told["fields"]}
    assert codes == {
        "properties[1].value": "number_ambiguous",
        "properties[2].value": "option_unknown",
        "properties[3].value": "date_ambiguous",
        "properties[4].name": "property_unknown",
    }
    hints = {each["code"]: each.get("did_you_mean") for each in told["fields"]}
    assert (hints["option_unknown"], hints["property_unknown"]) == ("hot", "a_number")
    assert crm.do("crm_get_record", id=contact)["contact"]["properties"] == []


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("text", "a\u202eb", "control_character"),
        ("text", "a\nb", "control_character"),
        ("text", "x" * 1001, "text_too_long"),
        ("text", {"a": 1}, "rule_failed"),
        ("number", 12345678901234567890, "number_too_long"),
        ("number", "1e5", "number_unparsable"),
        ("number", "NaN", "number_unparsable"),
        ("number", [1, 2], "rule_failed"),
        ("money", "1.5 JPY", "number_out_of_range"),
        ("money", "5 XYZ", "currency_unknown"),
        ("date", "2026-02-30", "date_unparsable"),
        ("date", "2026-01-31T10:00:00Z", "date_unparsable"),
        ("datetime", "9999-12-31T23:59:59-12:00", "date_out_of_range"),
        ("bool", "perhaps", "bool_unparsable"),
        ("email", "a@b\r\nBcc: c@d.example", "control_character"),
        ("phone", "12", "phone_invalid"),
        ("url", "javascript:alert(1)", "url_invalid"),
        ("reference", "x", "match_not_found"),
    ],
)
def test_bad_input_has_a_code(crm: Any, contact: str, kind: str, value: Any, code: str) -> None:
    """A value that its type does not have is refused by name and changes nothing."""
    define(crm, "field", kind)
    told = fails(crm, contact, field=value)
    assert (told["status"], told["fields"][0]["code"]) == (422, code)
    assert crm.do("crm_get_record", id=contact)["version"] == 1


def test_blank_values_change_nothing_and_are_warned_of(crm: Any, contact: str) -> None:
    """An empty text, null and a missing value count as left out; clear empties."""
    define(crm, "score", "number")
    put(crm, contact, score=5)
    blank = crm.do(
        "crm_set_property", record_id=contact, properties=[{"name": "score", "value": " "}, {"name": "score"}]
    )
    assert (blank["outcome"], [each["code"] for each in blank["warnings"]]) == ("unchanged", ["blank_ignored"] * 2)
    cleared = crm.do("crm_set_property", record_id=contact, clear=["score"])
    assert (cleared["outcome"], cleared["changed"], cleared["properties"]) == ("updated", ["score"], [])
    assert crm.do("crm_set_property", record_id=contact, clear=["score"])["outcome"] == "unchanged"
    both = crm.refused(
        "crm_set_property", record_id=contact, clear=["score"], properties=[{"name": "score", "value": 1}]
    )
    assert both["field"] == "clear[0]"
    assert crm.refused("crm_set_property", record_id=contact)["field"] == "properties"


def test_a_required_property_is_not_emptied(crm: Any, contact: str) -> None:
    """It takes another value."""
    define(crm, "score", "number", required=True)
    put(crm, contact, score=5)
    told = crm.refused("crm_set_property", record_id=contact, clear=["score"])
    assert told["fields"][0]["code"] == "required_missing"
    assert put(crm, contact, score=6)["outcome"] == "updated"


def test_a_version_expected_is_checked(crm: Any, contact: str) -> None:
    """A record that changed since is refused with the properties that differ, by their names."""
    define(crm, "score", "number")
    put(crm, contact, score=5)
    told = crm.refused(
        "crm_set_property", record_id=contact, properties=[{"name": "score", "value": 6}], expected_version=1
    )
    assert (told["code"], told["current_version"]) == ("version_conflict", 2)
    assert told["differing"] == [{"field": "score", "present": 5, "wanted": 6}]


def test_a_label_names_a_property_too(crm: Any, contact: str) -> None:
    """Where only one property has it; a property given twice is a fault."""
    define(crm, "lead_score", "number", label="Lead score")
    assert put(crm, contact, **{"LEAD SCORE": 3})["changed"] == ["lead_score"]
    assert "twice" in fails(crm, contact, lead_score=4, **{"Lead score": 5})["message"]


def test_references_name_records_there_are(crm: Any, contact: str, company: str, nowhere: str) -> None:
    """A record of the type allowed, of this tenant and not deleted."""
    define(crm, "partner", "reference", rules={"reference_type": "company"})
    assert put(crm, contact, partner=company.upper())["properties"][0]["value"] == company
    stranger = crm.stranger().do("crm_upsert_company", name="Theirs")["company"]["id"]
    codes = {fails(crm, contact, partner=each)["fields"][0]["code"] for each in (contact, nowhere, stranger)}
    assert codes == {"match_not_found"}


def test_users_are_named_by_id_or_address(crm: Any, contact: str, nowhere: str) -> None:
    """Somebody who works in the tenant; anybody else is answered alike."""
    define(crm, "coach", "user")
    codes = {fails(crm, contact, coach=each)["fields"][0]["code"] for each in (nowhere, "nobody@x.example", "me")}
    assert codes == {"owner_not_found"}


def test_a_deleted_record_gives_its_values_free_and_takes_them_back(crm: Any, contact: str, stack: Any) -> None:
    """Its unique value may go to another meanwhile, and what no longer fits its definition is emptied."""
    define(crm, "badge", "text", unique=True)
    define(crm, "size", "text")
    put(crm, contact, badge="one", size="12")
    crm.do("crm_delete_record", id=contact)
    crm.do("crm_define_property", object_type="contact", name="size", type="number")
    crm.do("crm_restore_record", id=contact)
    read = crm.do("crm_get_record", id=contact)["contact"]["properties"]
    assert read == [{"name": "badge", "value": "one"}, {"name": "size", "value": 12}]
    other = crm.do("crm_upsert_contact", email="other@x.example")["contact"]["id"]
    assert fails(crm, other, badge="ONE")["existing_id"] == contact
    crm.do("crm_delete_record", id=contact)
    assert put(crm, other, badge="ONE")["outcome"] == "updated"
    assert crm.refused("crm_restore_record", id=contact)["code"] == "unique_taken"


def test_foreign_and_unknown_records(crm: Any, contact: str, nowhere: str) -> None:
    """Both are answered alike."""
    define(crm, "score", "number")
    stranger = crm.stranger()
    define(stranger, "score", "number")
    one, other = fails(stranger, contact, score=1), fails(crm, nowhere, score=1)
    assert {**one, "trace_id": ""} == {**other, "trace_id": ""}
    assert one["code"] == "not_found"


def test_twenty_writers_of_one_unique_value(
    crm: Any, at_once: Callable[[int, Callable[[int], Any]], list[Any]]
) -> None:
    """One record gets it, all others are refused with the holder."""
    define(crm, "badge", "text", unique=True)
    people = [crm.do("crm_upsert_contact", email=f"p{at}@x.example")["contact"]["id"] for at in range(20)]

    def claim(at: int) -> Any:
        told = [{"name": "badge", "value": "ONE" if at % 2 else "one"}]
        return crm.send("crm_set_property", record_id=people[at], properties=told)

    answers = at_once(20, claim)
    won = [people[at] for at, answer in enumerate(answers) if answer.status_code == 200]
    lost = [answer.json() for answer in answers if answer.status_code != 200]
    assert len(won) == 1
    assert {(each["code"], each["existing_id"]) for each in lost} == {("unique_taken", won[0])}
    crm.do("crm_set_property", record_id=won[0], clear=["badge"])
    assert put(crm, people[(people.index(won[0]) + 1) % 20], badge="One")["outcome"] == "updated"


def test_a_definition_waits_for_writers(
    crm: Any, stack: Any, at_once: Callable[[int, Callable[[int], Any]], list[Any]]
) -> None:
    """A type that changes while values are written leaves none of the old type behind."""
    define(crm, "score", "number")
    people = [crm.do("crm_upsert_contact", email=f"p{at}@x.example")["contact"]["id"] for at in range(8)]

    def race(at: int) -> Any:
        if at == 4:
            return crm.send("crm_define_property", object_type="contact", name="score", type="text")
        return crm.send("crm_set_property", record_id=people[at], properties=[{"name": "score", "value": at}])

    assert {answer.status_code for answer in at_once(8, race)} == {200}
    values = [crm.do("crm_get_record", id=each)["contact"]["properties"] for each in people]
    assert all(isinstance(each[0]["value"], str) for each in values if each)
    with stack.sql("crm-core") as database:
        rows = database.execute(
            "SELECT count(*), count(txt) FROM crm_core.property_index WHERE tenant_id = %s", [crm.principal.tenant]
        ).fetchall()
    assert rows == [(7, 7)]


OTHERS = ("sales", "support", "marketing", "auditor", "integration", "viewer")


@pytest.mark.parametrize("role", OTHERS)
def test_a_restricted_property_does_not_exist_for_others(crm: Any, contact: str, role: str) -> None:
    """It is absent from every answer, and naming it is like naming one that there is not."""
    define(crm, "open_one", "number")
    define(crm, "salary", "number", personal="restricted")
    put(crm, contact, open_one=1, salary=90000)
    other = as_role(crm, role)
    answers = [
        other.do("crm_get_record", id=contact, include=["history", "associations", "counts"]),
        other.do("crm_lookup_customer", query="jane@acme.example"),
        other.do("crm_get_timeline", record_id=contact),
        other.do("crm_list_properties", include_archived=True),
        other.do("crm_search_customers", query="jane"),
        other.do("crm_get_record", id=contact, fields=["open_one"]),
    ]
    assert all("salary" not in str(each) and "90000" not in str(each) for each in answers)
    assert "open_one" in str(answers[0])
    unknown = other.refused("crm_get_record", id=contact, fields=["salary"])
    never = other.refused("crm_get_record", id=contact, fields=["salery"])
    assert str(unknown).replace("salary", "*") == str(never).replace("salery", "*")
    if role in ("sales", "support", "marketing"):
        upserted = other.do("crm_upsert_contact", email="jane@acme.example", city="Kiel")
        assert [each["name"] for each in upserted["contact"]["properties"]] == ["open_one"]
    if role in ("sales", "support"):
        told, nothing = fails(other, contact, salary=1), fails(other, contact, salery=1)
        assert str(told).replace("salary", "*") == str(nothing).replace("salery", "*")
        assert put(other, contact, open_one=2)["properties"] == [{"name": "open_one", "value": 2}]


@pytest.mark.parametrize("role", ["admin", "manager"])
def test_a_restricted_property_is_seen_by_those_who_may(crm: Any, contact: str, role: str) -> None:
    """Record, fields, history, look-up and list show it."""
    define(crm, "salary", "number", personal="restricted")
    put(crm, contact, salary=90000)
    seer = as_role(crm, role)
    read = seer.do("crm_get_record", id=contact, include=["history"])
    assert read["contact"]["properties"] == [{"name": "salary", "value": 90000}]
    assert read["history"][0]["changes"][0]["field"] == "salary"
    assert seer.do("crm_get_record", id=contact, fields=["salary"])["selected"] == {"salary": 90000}
    assert "salary" in str(seer.do("crm_lookup_customer", query="jane@acme.example")["contact"])
    assert seer.do("crm_list_properties", kind="custom")["properties"][0]["personal"] == "restricted"


def test_over_grpc_a_grant_is_needed(crm: Any, contact: str) -> None:
    """An agent sets a property with the evidence of an approval."""
    define(crm, "score", "number")
    done = crm.agent().over_grpc("crm_set_property", record_id=contact, properties=[{"name": "score", "value": 3}])
    assert done["properties"] == [{"name": "score", "value": 3}]
