"""What a filter is refused for, all at once, with what would help; and how it is told in words."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from kontor_protos.kontor.records.v1.filters_pb import Filter

from kontor_platform.contract.problem import InvalidField
from kontor_platform.contract.schema import Writer
from kontor_platform.data.records.definitions import Definition, Definitions, IndexState, Option
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.checking import Checked, checked
from kontor_platform.data.records.filters.comparing import Equals, Within, on_whole_numbers
from kontor_platform.data.records.filters.knowledge import Knowledge
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.places import Column, Shelved
from kontor_platform.data.records.filters.tree import Segment
from kontor_platform.data.records.filters.wording import words
from kontor_platform.data.records.objects import FieldType, Link, ObjectType, Relation
from kontor_platform.data.records.reading.basis import Reading

OPTIONS = (Option("gold", "Gold"), Option("silver", "Silber"))
FIELDS = [
    FieldType("name", Type.TEXT, Column("thing", "name_key", Basis.TEXT, required=True, indexed=True)),
    FieldType("size", Type.NUMBER, Column("thing", "size", Basis.WHOLE)),
    FieldType("email", Type.EMAIL, Shelved("thing_email", "thing_id", ("email_key",))),
    FieldType("made_at", Type.DATETIME, Column("thing", "made_at", Basis.MOMENT)),
    FieldType("due", Type.DATE, Column("thing", "due", Basis.DAY)),
    FieldType("notes", Type.LONG_TEXT, Column("thing", "notes", Basis.TEXT, is_folded=False)),
    FieldType("owner_id", Type.USER, Column("thing", "owner_id", Basis.ID)),
    FieldType("updated_at", Type.DATETIME, Column("thing", "updated_at", Basis.MOMENT, indexed=True)),
    FieldType("price", Type.MONEY, Column("thing", "price_key", Basis.WHOLE, currency_column="currency")),
]
THING = ObjectType("thing", "thing", FIELDS, [Relation("part_of", "thing", (Link("edge", "a", "b"),))])
PROPERTIES = [
    Definition(UUID(int=1), "thing", "tier", Type.SELECT, label="Tier", options=OPTIONS),
    Definition(UUID(int=2), "thing", "colours", Type.MULTI_SELECT, options=OPTIONS),
    Definition(UUID(int=3), "thing", "hidden", Type.TEXT, filterable=False),
    Definition(UUID(int=4), "thing", "fresh", Type.NUMBER, index_state=IndexState.BUILDING),
]


def segment(key: str, kind: str = "dynamic", filter: Any = None) -> Segment:
    """A segment of things."""
    tree = Filter.from_json(json.dumps(filter)) if filter else None
    return Segment(UUID(int=sum(map(ord, key))), key, key.title(), "thing", kind, tree)


SEGMENTS = (
    segment("big", filter={"field": "size", "op": "gt", "value": "10"}),
    segment("chosen", "static"),
    segment("loop", filter={"in_segment": "pool"}),
    segment("pool", filter={"in_segment": "loop"}),
)
KNOWN = Knowledge(
    tenant=UUID(int=9),
    now=datetime(2026, 11, 24, 12, tzinfo=UTC),
    types={"thing": THING},
    definitions={"thing": Definitions("thing", PROPERTIES)},
    segments={each.key: each for each in SEGMENTS},
    reading=Reading("Europe/Berlin", "DE", "EUR"),
)


def check(tree: dict[str, Any]) -> Checked:
    """The filter as checked."""
    return checked(Filter.from_json(json.dumps(tree)), "thing", KNOWN)


def refusal(tree: dict[str, Any]) -> InvalidField:
    """Why a filter is refused."""
    with pytest.raises(InvalidField) as refused:
        check(tree)
    return refused.value


@pytest.mark.parametrize(
    ("tree", "said", "meant"),
    [
        ({"field": "nmae", "op": "eq", "value": "x"}, "no field 'nmae'", "name"),
        ({"field": "name", "op": "equal", "value": "x"}, "does not take the operator", ""),
        ({"field": "size", "op": "contains", "value": "x"}, "does not take the operator", ""),
        ({"field": "email", "op": "lt", "value": "a@b.example"}, "does not take the operator", ""),
        ({"field": "name", "value": "x"}, "`op` is missing", ""),
        ({"field": "name", "op": "eq"}, "needs a `value`", ""),
        ({"field": "name", "op": "is_set", "value": "x"}, "takes no value", ""),
        ({"field": "size", "op": "between", "values": ["1"]}, "two `values`", ""),
        ({"field": "size", "op": "between", "values": ["2", "1"]}, "the least", ""),
        ({"field": "size", "op": "eq", "value": "many"}, "not a number", ""),
        ({"field": "due", "op": "eq", "value": "03/04/2026"}, "may be", ""),
        ({"field": "due", "op": "last_n_days", "value": "-1"}, "number of days", ""),
        ({"field": "tier", "op": "eq", "value": "glod"}, "no option", "gold"),
        ({"field": "hidden", "op": "eq", "value": "x"}, "not filterable", ""),
        ({"field": "fresh", "op": "eq", "value": "1"}, "being built", ""),
        ({"field": "price", "op": "in", "values": ["1 EUR", "2 USD"]}, "one currency", ""),
        ({"field": "price", "op": "gt", "value": "1 XXQ"}, "ISO 4217", ""),
        ({"field": "name", "op": "eq", "value": "x", "include_empty": True}, "include_empty goes with", ""),
        ({"field": "size", "op": "lt_field", "value": "due"}, "cannot be compared", ""),
        ({"field": "owner_id", "op": "eq", "value": "me"}, "is nobody here", ""),
        ({"field": "owner_id", "op": "eq", "value": "x"}, "no user", ""),
        ({"field": "name", "op": "contains", "value": "  "}, "nothing in it", ""),
        ({"assoc": {"type": "partof"}}, "no links of type", "part_of"),
        ({"assoc": {"type": "part_of", "quantifier": "at_least"}}, "needs n", ""),
        ({"in_segment": "bigg"}, "no segment", "big"),
        ({"in_segment": "loop"}, "a part of itself", ""),
        ({"changed": {"field": "nme", "within": 3}}, "no field", "name"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_help(tree: dict[str, Any], said: str, meant: str) -> None:
    """The place, the reason, what is allowed, the nearest name."""
    refused = refusal({"all": [{"field": "name", "op": "is_set"}, tree]})
    assert refused.field == "filter.all[1]" or refused.field.startswith("filter.all[1].")
    assert said in refused.message
    assert not meant or refused.did_you_mean == meant


def test_all_faults_are_told_at_once() -> None:
    """Each with its own path."""
    wrong = {"field": "size", "op": "eq", "value": "x"}
    refused = refusal({"all": [wrong, {"any": [wrong, {"field": "name", "op": "is_set"}, wrong]}]})
    assert [each.field for each in refused.fields] == ["filter.all[0]", "filter.all[1].any[0]", "filter.all[1].any[2]"]


def test_depth_and_number_are_limited_as_the_contract_says() -> None:
    """Five levels, a hundred conditions; the schema that models see ends at the same depth."""
    leaf: dict[str, Any] = {"field": "name", "op": "is_set"}
    deep = leaf
    for _ in range(4):
        deep = {"all": [deep]}
    assert check(deep).node is not None
    assert "at most 5 deep" in refusal({"none": [deep]}).message
    assert check({"all": [leaf] * 100}).node is not None
    assert "at most 100 conditions" in refusal({"any": [{"all": [leaf] * 60}, {"all": [leaf] * 41}]}).message
    schema = Writer(answers=False).element(Filter.desc(), None)
    assert schema == {"$ref": "#/$defs/kontor.records.v1.Filter.1"}


def test_the_schema_of_a_filter_ends_at_its_depth() -> None:
    """The fifth level holds conditions only; words are said on the first."""
    writer = Writer(answers=False)
    writer.element(Filter.desc(), None)
    levels = [writer.definitions[f"kontor.records.v1.Filter.{level}"]["properties"] for level in range(1, 6)]
    assert len(writer.definitions) == 5
    assert all("all" in level and "where" in level["assoc"]["properties"] for level in levels[:4])
    assert "all" not in levels[4]
    assert "where" not in levels[4]["assoc"]["properties"]
    assert "description" in levels[0]["op"]
    assert "description" not in levels[1]["op"]


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"field": "name", "op": "eq", "value": "Ada"}, "name is Ada"),
        ({"field": "size", "op": "between", "values": [1, "2"]}, "size is between 1 and 2"),
        ({"field": "tier", "op": "in", "values": ["GOLD", "Silber"]}, "tier is one of gold, silver"),
        ({"field": "due", "op": "this_quarter"}, "due is this quarter (2026-10-01 to 2026-12-31)"),
        ({"field": "price", "op": "gte", "value": "12.5"}, "price is at least 12.50 EUR"),
        (
            {"none": [{"field": "email", "op": "is_empty"}, {"in_segment": "chosen"}]},
            "not (email has no value or is in the static segment Chosen)",
        ),
        (
            {"field": "name", "op": "neq", "value": "x", "include_empty": True},
            "name is not x, or has no value",
        ),
        (
            {"assoc": {"type": "part_of", "quantifier": "at_least", "n": 2, "where": {"in_segment": "big"}}},
            "has at least 2 linked thing (part_of) of which is in the dynamic segment Big, that is: "
            "size is more than 10",
        ),
    ],
)
def test_a_filter_is_told_in_words(tree: dict[str, Any], told: str) -> None:
    """As it was read, not as it was written."""
    assert words(check(tree).node) == told


def test_what_a_filter_depends_on_is_known() -> None:
    """Its properties, links and segments, and whether its meaning changes with the day."""
    traits = check(
        {"any": [{"field": "tier", "op": "is_set"}, {"in_segment": "big"}, {"field": "due", "op": "today"}]}
    ).traits
    assert traits.properties == {UUID(int=1)}
    assert traits.segments == {SEGMENTS[0].id}
    assert traits.by_day
    assert check({"assoc": {"type": "part_of"}}).traits.relations == {"part_of"}


def test_bounds_of_whole_numbers_are_whole() -> None:
    """More than 10.5 is 11 or more; nothing is 10.5."""
    assert on_whole_numbers(Within(low=10.5, low_open=True)) == Within(low=11)
    assert on_whole_numbers(Within(high=10.5, high_open=True)) == Within(high=10)
    assert on_whole_numbers(Equals((10.5, 11.0))) == Equals((11,))
