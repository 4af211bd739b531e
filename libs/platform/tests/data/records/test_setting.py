"""What a request for properties comes to, decided without a database."""

import json
from dataclasses import replace
from uuid import UUID

from kontor_protos.kontor.records.v1.properties_pb import PropertyInput

from kontor_platform.contract.problem import JSON
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.answers import told_changes
from kontor_platform.data.records.definitions import PENDING, Definition, Definitions, Option, PropertyType
from kontor_platform.data.records.setting import after, missing, property_terms, revived, settled, wished
from kontor_platform.data.records.terms import Field
from kontor_platform.data.records.values import Reading

READING = Reading("Europe/Berlin", "DE", "EUR")
SCORE = Definition(UUID(int=1), "contact", "score", PropertyType.NUMBER, label="Lead score", is_unique=True)
CHOICES = (Option("a", "A"), Option("b", "B"), Option("old", "Old", archived=True))
TAGS = Definition(UUID(int=2), "contact", "tags", PropertyType.MULTI_SELECT, options=CHOICES, searchable=True)
BADGE = Definition(UUID(int=3), "contact", "badge", PropertyType.EMAIL, required=True, searchable=True)
KNOWN = Definitions("contact", [SCORE, TAGS, BADGE])


def given(name: str, value: JSON) -> PropertyInput:
    """One property of a request."""
    return PropertyInput.from_json(json.dumps({"name": name, "value": value}))


def test_only_what_changes_is_stored_and_told() -> None:
    """The same value, and the same options in another order, change nothing."""
    present: dict[str, JSON] = {str(SCORE.id): 5, str(TAGS.id): ["b", "a"]}
    wish = wished(KNOWN, [given("score", "6"), given("tags", "a;b")], READING)
    done = settled(wish, present)
    assert list(done.changes) == [Change(SCORE.log_name, 5, 6)]
    assert [(each.property_id, each.value, each.unique_key) for each in done.properties] == [(SCORE.id, 6, "6")]
    assert after(present, done.properties) == {str(SCORE.id): 6, str(TAGS.id): ["b", "a"]}
    assert told_changes(KNOWN, done.changes) == [Change("score", 5, 6)]
    assert told_changes(Definitions("contact", [TAGS]), done.changes) == []


def test_faults_have_paths_and_codes() -> None:
    """Unknown, unreadable, twice, required, and both given and cleared."""
    wish = wished(
        KNOWN,
        [given("scoer", 1), given("score", "x"), given("badge", "a@x.example"), given("BADGE", "b@x.example")],
        READING,
        ["badge", "nothing"],
    )
    assert [(each.field, each.code) for each in wish.faults] == [
        ("properties[0].name", "property_unknown"),
        ("properties[1].value", "number_unparsable"),
        ("properties[3]", "rule_failed"),
        ("clear[0]", "required_missing"),
        ("clear[1]", "property_unknown"),
    ]
    assert wish.faults[0].did_you_mean == "score"


def test_a_new_record_needs_what_is_required() -> None:
    """It is named by its property; a present one is not asked."""
    assert [each.code for each in missing(wished(KNOWN, [], READING))] == ["required_missing"]
    assert missing(wished(KNOWN, [given("badge", "a@x.example")], READING)) == []


def test_nobody_writes_what_is_being_converted() -> None:
    """Neither a value nor its end is taken until the job has gone through all values."""
    busy = Definitions("contact", [replace(SCORE, rules={PENDING: "text"})])
    wish = wished(busy, [given("score", 1)], READING, ["score"])
    assert [each.code for each in wish.faults] == ["property_read_only"] * 2


def test_an_archived_option_is_kept_and_not_taken() -> None:
    """Whether it is refused only the record shows."""
    for present, faults in (({str(TAGS.id): ["old"]}, []), ({}, ["option_unknown"])):
        wish = wished(KNOWN, [given("tags", "old;a")], READING)
        settled(wish, present)
        assert [each.code for each in wish.faults] == faults


def test_a_returning_record_fits_its_definitions() -> None:
    """What its properties have become is read anew; what does not fit any more is emptied and told."""
    text = replace(SCORE, type=PropertyType.TEXT)
    kept = revived(Definitions("contact", [text, TAGS]), {str(SCORE.id): 5, str(TAGS.id): ["gone"]}, READING)
    assert [each.value for each in kept.properties] == ["5", None]
    assert list(kept.changes) == [Change(SCORE.log_name, 5, "5"), Change(TAGS.log_name, ["gone"], None)]


def test_a_record_is_found_by_labels_and_whole_addresses() -> None:
    """Only searchable properties count."""
    props: dict[str, JSON] = {str(SCORE.id): 5, str(TAGS.id): ["a"], str(BADGE.id): "Ada@x.example"}
    terms = list(property_terms(KNOWN, props))
    assert {field for _, field in terms} == {Field.PROPERTY}
    assert {"a", "ada@x.example", "ada"} <= {term for term, _ in terms}
    assert "5" not in {term for term, _ in terms}
