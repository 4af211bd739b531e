"""Properties are created and changed by name, and what records hold follows or stays."""

from typing import Any

import pytest

from kontor_crm_core.property.rules import STANDARD, is_reserved
from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.record.service import MESSAGES


def defined(crm: Any, name: str = "score", **more: Any) -> dict[str, Any]:
    """The answer to a definition of a contact's property."""
    answer: dict[str, Any] = crm.do("crm_define_property", object_type="contact", name=name, **more)
    return answer


def refused(crm: Any, name: str = "score", **more: Any) -> dict[str, Any]:
    """The refusal of a definition."""
    told: dict[str, Any] = crm.refused("crm_define_property", object_type="contact", name=name, **more)
    return told


def set_to(crm: Any, contact: str, value: Any, name: str = "score") -> dict[str, Any]:
    """The answer to a value set."""
    answer: dict[str, Any] = crm.do("crm_set_property", record_id=contact, properties=[{"name": name, "value": value}])
    return answer


def people(crm: Any, *values: Any, name: str = "score") -> list[str]:
    """New contacts with these values."""
    made = []
    for at, value in enumerate(values):
        contact = crm.do("crm_upsert_contact", email=f"p{at}@x.example")["contact"]["id"]
        set_to(crm, contact, value, name)
        made.append(contact)
    return made


def index_of(stack: Any, property_id: str) -> list[tuple[Any, ...]]:
    """The rows of the index of a property."""
    with stack.sql("crm-core") as database:
        rows = database.execute(
            "SELECT txt, num FROM crm_core.property_index WHERE property_id = %s ORDER BY txt, num", [property_id]
        )
        return list(rows.fetchall())


def test_created_updated_unchanged(crm: Any) -> None:
    """A repeat changes nothing, a change raises the version and is told as an event."""
    made = defined(crm, type="number", label="Lead score")
    again = defined(crm, type="number")
    changed = defined(crm, label="Score", description="0 to 100", rules={"min": "0", "max": "100"}, required=True)
    assert (made["outcome"], again["outcome"], changed["outcome"]) == ("created", "unchanged", "updated")
    assert changed["changed"] == ["label", "description", "rules", "required"]
    assert changed["warnings"] == []
    told = changed["property"]
    assert (told["version"], told["rules"], told["type"]) == (2, {"min": "0", "max": "100"}, "number")
    emptied = defined(crm, clear=["rules", "description"])
    assert ("rules" in emptied["property"], emptied["property"]["description"]) == (False, "")


def test_records_without_what_is_required_are_told(crm: Any, contact: str) -> None:
    """They are warned of, and left."""
    defined(crm, type="number")
    told = defined(crm, required=True)["warnings"]
    assert [(each["code"], each["message"][:16]) for each in told] == [("required_missing", "1 record has no ")]


def test_a_dry_run_defines_nothing(crm: Any) -> None:
    """It answers what would be and leaves what is."""
    answer = crm.send("crm_define_property", dry_run=True, object_type="contact", name="score", type="number")
    assert answer.json()["outcome"] == "created"
    assert crm.do("crm_list_properties", kind="custom")["total"] == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({}, "type"),
        ({"name": "email", "type": "text"}, "name"),
        ({"name": "first_name", "type": "text"}, "name"),
        ({"name": "Bad Name", "type": "text"}, "name"),
        ({"type": "text", "options": [{"label": "A"}]}, "options"),
        ({"type": "select"}, "options"),
        ({"type": "select", "options": [{"label": "A"}, {"value": "a"}]}, "options"),
        ({"type": "select", "options": [{"archived": False}]}, "options[0]"),
        ({"type": "bool", "unique": True}, "unique"),
        ({"type": "bool", "searchable": True}, "searchable"),
        ({"type": "text", "searchable": True, "personal": "restricted"}, "searchable"),
        ({"type": "text", "rules": {"min": "5"}}, "rules.min"),
        ({"type": "number", "rules": {"min": "x"}}, "rules.min"),
        ({"type": "number", "rules": {"min": "5", "max": "4"}}, "rules.max"),
        ({"type": "text", "rules": {"pattern": "(a"}}, "rules.pattern"),
        ({"type": "text", "archived": True}, "archived"),
    ],
)
def test_what_cannot_be_defined(crm: Any, more: dict[str, Any], field: str) -> None:
    """The fault is named by its field, and nothing is made."""
    told = refused(crm, **more)
    assert (told["code"], told["field"]) == ("invalid_field", field)
    assert crm.do("crm_list_properties", kind="custom")["total"] == 0


def test_a_rename_is_followed_everywhere(crm: Any, contact: str) -> None:
    """Value and history stand under the new name; the old one is free."""
    defined(crm, type="number")
    set_to(crm, contact, 7)
    defined(crm, new_name="lead_score", label="Lead")
    read = crm.do("crm_get_record", id=contact, include=["history"])
    assert read["contact"]["properties"] == [{"name": "lead_score", "value": 7}]
    assert read["history"][0]["changes"][0]["field"] == "lead_score"
    assert refused(crm, name="lead_score", new_name="title")["field"] == "new_name"
    defined(crm, type="text")
    assert refused(crm, new_name="lead_score")["field"] == "new_name"


def test_options_are_added_relabelled_and_archived(crm: Any, contact: str) -> None:
    """Values that records hold stay; an archived option takes no new ones."""
    defined(crm, type="select", options=[{"label": "Hot"}, {"value": "cold", "label": "Cold"}])
    set_to(crm, contact, "HOT")
    told = defined(crm, options=[{"value": "Hot", "label": "Heiß", "archived": True}, {"label": "Warm"}])["property"]
    assert [(each["value"], each["label"], each["archived"]) for each in told["options"]] == [
        ("cold", "Cold", False),
        ("Warm", "Warm", False),
        ("Hot", "Heiß", True),
    ]
    assert set_to(crm, contact, "Heiß")["outcome"] == "unchanged"
    other = crm.do("crm_upsert_contact", email="other@x.example")["contact"]["id"]
    gone = crm.refused("crm_set_property", record_id=other, properties=[{"name": "score", "value": "Hot"}])
    assert (gone["fields"][0]["code"], gone["fields"][0]["allowed"]) == ("option_unknown", ["cold", "Warm"])
    kept = defined(crm, options=[{"value": "Warm"}], other_options="archive")["property"]["options"]
    assert [each["value"] for each in kept if not each["archived"]] == ["Warm"]


def test_a_type_change_tries_every_value_first(crm: Any, stack: Any) -> None:
    """It is refused with counts and samples while values fail, or empties those, and the index follows."""
    made = defined(crm, type="text")["property"]["id"]
    numbers, words = people(crm, "12", "7.5"), people(crm, "12", "7.5", "many")[2:]
    told = refused(crm, type="number")
    assert (told["code"], told["conversion"]["converts"], told["conversion"]["fails"]) == ("conflict", 2, 1)
    failing = told["conversion"]["samples"][0]
    assert (failing["record_id"], failing["before"], failing["code"]) == (words[0], "many", "number_unparsable")
    assert index_of(stack, made) == [("12", None), ("7.5", None), ("many", None)]

    trial = crm.send(
        "crm_define_property", dry_run=True, object_type="contact", name="score", type="number", on_failure="clear"
    ).json()
    assert trial["conversion"]["fails"] == 1
    done = defined(crm, type="number", on_failure="clear")
    assert (done["property"]["type"], done["records"], done["property"]["index"]) == ("number", 3, "ready")
    assert index_of(stack, made) == [(None, 7.5), (None, 12.0)]
    read = [crm.do("crm_get_record", id=each)["contact"]["properties"] for each in (*numbers, *words)]
    assert [[each["value"] for each in row] for row in read] == [[12], [7.5], []]


@pytest.mark.parametrize(
    ("before", "value", "after", "stored"),
    [
        ("number", 12.5, "text", "12.5"),
        ("number", 12.5, "money", {"amount": "12.50", "currency": "EUR"}),
        ("money", "12.50 USD", "text", "12.50 USD"),
        ("date", "2026-01-31", "datetime", "2026-01-30T23:00:00Z"),
        ("bool", True, "text", "true"),
        ("text", "030 1234567", "phone", "+49301234567"),
        ("text", "acme.example", "url", "https://acme.example"),
        ("text", "ja", "bool", True),
    ],
)
def test_values_take_the_new_type(crm: Any, contact: str, before: str, value: Any, after: str, stored: Any) -> None:
    """What a value shows is read as the new type, and the history tells both."""
    defined(crm, type=before)
    set_to(crm, contact, value)
    defined(crm, type=after)
    read = crm.do("crm_get_record", id=contact, include=["history"])
    assert read["contact"]["properties"] == [{"name": "score", "value": stored}]
    assert read["history"][0]["changes"][0]["after"] == stored


def test_nothing_becomes_a_user_or_a_reference(crm: Any) -> None:
    """Text that looks like an id was not checked to be one of somebody there."""
    defined(crm, type="text")
    people(crm, "019a0000-0000-7000-8000-000000000001")
    told = refused(crm, type="user")
    assert (told["code"], told["fields"][0]["code"]) == ("conflict", "owner_not_found")


def test_a_unique_property_lists_what_is_shared(crm: Any) -> None:
    """While two records share a value it cannot be unique; then a taken value is refused with its holder."""
    defined(crm, type="text")
    one, two, three = people(crm, "Straße", "STRASSE", "other")
    told = refused(crm, unique=True)
    assert (told["code"], told["duplicate_count"], told["field"]) == ("unique_taken", 1, "unique")
    assert set(told["duplicates"][0]["record_ids"]) == {one, two}
    set_to(crm, two, "third")
    assert defined(crm, unique=True)["property"]["unique"]
    taken = crm.refused("crm_set_property", record_id=three, properties=[{"name": "score", "value": "strasse"}])
    assert (taken["code"], taken["existing_id"]) == ("unique_taken", one)
    assert taken["field"] == "properties[0].value"


def test_the_index_follows_the_filter_switch(crm: Any, stack: Any) -> None:
    """Off it is empty, on again it holds every value; archived it is gone, brought back it is there."""
    made = defined(crm, type="number")["property"]["id"]
    people(crm, 1, 2, 3)
    assert len(index_of(stack, made)) == 3
    assert (defined(crm, filterable=False)["property"]["index"], index_of(stack, made)) == ("none", [])
    assert (defined(crm, filterable=True)["property"]["index"], len(index_of(stack, made))) == ("ready", 3)
    assert (defined(crm, archived=True)["property"]["index"], index_of(stack, made)) == ("none", [])
    assert refused(crm, label="x")["field"] == "name"
    assert (defined(crm, archived=False)["property"]["index"], len(index_of(stack, made))) == ("ready", 3)


def test_an_archived_property_leaves_answers(crm: Any, contact: str) -> None:
    """Its value is kept and comes back with it."""
    defined(crm, type="number")
    set_to(crm, contact, 7)
    defined(crm, archived=True)
    assert crm.do("crm_get_record", id=contact)["contact"]["properties"] == []
    unknown = crm.refused("crm_set_property", record_id=contact, properties=[{"name": "score", "value": 8}])
    assert unknown["fields"][0]["code"] == "property_unknown"
    assert crm.do("crm_list_properties", kind="custom")["total"] == 0
    assert crm.do("crm_list_properties", kind="custom", include_archived=True)["total"] == 1
    defined(crm, archived=False)
    assert crm.do("crm_get_record", id=contact)["contact"]["properties"][0]["value"] == 7


def test_a_searchable_property_finds_its_records(crm: Any) -> None:
    """Values set before and after are found by their words, and no longer once the switch is off."""

    def found(query: str) -> list[str]:
        return [hit["id"] for hit in crm.do("crm_search_customers", query=query)["hits"]]

    defined(crm, type="text")
    (one,) = people(crm, "Zanzibar")
    assert found("zanzibar") == []
    defined(crm, searchable=True)
    assert found("zanzibar") == [one]
    set_to(crm, one, "Madagascar")
    assert (found("zanzibar"), found("madagascar")) == ([], [one])
    assert found("p0@x.example") == [one]
    defined(crm, searchable=False)
    assert found("madagascar") == []


def test_a_version_expected_is_checked(crm: Any) -> None:
    """A definition that changed since is refused with what differs."""
    defined(crm, type="number")
    defined(crm, label="Two")
    told = refused(crm, label="Three", expected_version=1)
    assert (told["code"], told["current_version"]) == ("version_conflict", 2)
    assert [each["field"] for each in told["differing"]] == ["label"]


def test_a_type_of_record_has_at_most_500_properties(crm: Any, stack: Any) -> None:
    """The limit is published and held."""
    defined(crm, type="number")
    with stack.sql("crm-core") as database:
        database.execute(
            "INSERT INTO crm_core.property_definition "
            "(tenant_id, id, object_type, name, label, type, created_at, updated_at) "
            "SELECT %s, gen_random_uuid(), 'contact', 'p' || n, 'P', 'text', now(), now() "
            "FROM generate_series(1, 499) AS n",
            [crm.principal.tenant],
        )
        database.commit()
    assert crm.do("crm_list_properties")["most_per_type"] == 500
    assert refused(crm, name="one_more", type="text")["code"] == "too_large"


def test_others_have_their_own(crm: Any) -> None:
    """Another tenant, and another type of record, knows nothing of it."""
    defined(crm, type="number")
    assert crm.stranger().do("crm_list_properties", kind="custom")["total"] == 0
    assert crm.do("crm_list_properties", kind="custom", object_type="company")["total"] == 0
    assert crm.do("crm_define_property", object_type="company", name="score", type="text")["outcome"] == "created"


@pytest.mark.parametrize("kind", list(MESSAGES))
def test_every_field_of_an_answer_is_listed(kind: str) -> None:
    """Nothing that a record shows can be the name of a property."""
    object_type, message = kind if kind in STANDARD else "activity", MESSAGES[kind][1]
    shown = {field.name for field in message.desc().fields} - {"properties"}
    assert shown <= {each.name for each in STANDARD[object_type]}
    assert all(is_reserved(object_type, name) for name in shown)


@pytest.mark.parametrize("object_type", list(STANDARD))
def test_every_field_of_a_filter_is_listed(object_type: str) -> None:
    """What is told to be filterable is what filters know, in the same types."""
    kinds = ("activity", "task") if object_type == "activity" else (object_type,)
    known = {field.name: str(field.type) for kind in kinds for field in KINDS[kind].fields}
    assert known == {each.name: each.type for each in STANDARD[object_type] if each.filterable}


def test_what_uses_a_property_is_told(crm: Any) -> None:
    """The list counts segments; a change that they feel is warned of."""
    defined(crm, type="number")
    condition = {"field": "score", "op": "gt", "value": "5"}
    crm.do("crm_create_segment", key="hot", type="contact", kind="dynamic", filter=condition)
    listed = crm.do("crm_list_properties", kind="custom")["properties"]
    assert listed[0]["used"] == ["in 1 segment"]
    assert [each["code"] for each in defined(crm, archived=True)["warnings"]] == ["still_used"]


def test_the_list_has_pages(crm: Any) -> None:
    """Custom properties first, standard fields behind, each once, with how far they are filled."""
    defined(crm, type="number", label="Lead score")
    people(crm, 1)
    crm.do("crm_upsert_contact", email="without@x.example")
    seen, cursor = [], ""
    while True:
        page = crm.do("crm_list_properties", object_type="contact", page_size=4, cursor=cursor)
        seen += page["properties"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len({each["name"] for each in seen}) == len(seen) == page["total"]
    assert (seen[0]["name"], seen[0]["filled"], seen[0]["filled_share"]) == ("score", 1, 0.5)
    assert all(each["standard"] for each in seen[1:])
    assert [each["name"] for each in crm.do("crm_list_properties", query="lead")["properties"]] == ["score"]
