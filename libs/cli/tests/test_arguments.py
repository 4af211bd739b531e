"""Arguments as a person types them."""

from typing import Any

import pytest

from kontor_cli.failure import Failure
from kontor_cli.talk.arguments import parse_arguments

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "employees": {"type": "integer"},
        "dry_run": {"type": "boolean"},
        "contact_ids": {"type": "array", "items": {"type": "string"}},
        "set": {"$ref": "#/$defs/DealFields"},
    },
    "$defs": {"DealFields": {"type": "object", "properties": {"probability": {"type": "integer"}}}},
}


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["name=12"], {"name": "12"}),
        (["name=a=b"], {"name": "a=b"}),
        (["name="], {"name": ""}),
        (["employees=12", "dry_run=true"], {"employees": 12, "dry_run": True}),
        (["contact_ids=a", "contact_ids=b"], {"contact_ids": ["a", "b"]}),
        (['contact_ids=["a","b"]'], {"contact_ids": ["a", "b"]}),
        (["set.probability=20"], {"set": {"probability": 20}}),
        (['set:={"probability": 20}'], {"set": {"probability": 20}}),
        (["unheard_of=1"], {"unheard_of": "1"}),
    ],
)
def test_the_schema_says_what_a_text_is(words: list[str], read: dict[str, Any]) -> None:
    """Text stays text; numbers, lists and objects are read where the schema has them."""
    assert parse_arguments(words, SCHEMA) == read


@pytest.mark.parametrize("word", ["name", "=x", "employees=many", "set:={", "dry_run=yes"])
def test_what_cannot_be_read_is_named(word: str) -> None:
    """The message holds the word that was typed."""
    with pytest.raises(Failure, match="'") as failed:
        parse_arguments([word], SCHEMA)
    assert word in failed.value.message
