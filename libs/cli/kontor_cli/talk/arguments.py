"""Arguments as a person types them, read by the tool's own schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kontor_cli.failure import Failure

Schema = Mapping[str, Any]


def parse_arguments(words: Iterable[str], schema: Schema) -> dict[str, Any]:
    """Reads `name=text`, `name:=JSON` and `outer.inner=text`; the schema says what a text is.

    A list is JSON, or its field given again for each item. Raises Failure naming the word that cannot be read.
    """
    arguments: dict[str, Any] = {}
    for word in words:
        name, is_json, text = _split(word)
        place, last = _place(arguments, name.split("."), word)
        expected = _described(schema, name.split("."))
        value = _json(text, word) if is_json else _typed(text, expected, schema, word)
        if expected.get("type") == "array" and not isinstance(value, list):
            place.setdefault(last, []).append(value)
        else:
            place[last] = value
    return arguments


def _split(word: str) -> tuple[str, bool, str]:
    name, separator, text = word.partition("=")
    if not separator or not name.rstrip(":"):
        raise Failure(f"{word!r} is no argument.", "Write name=text, or name:=JSON.")
    return name.removesuffix(":"), name.endswith(":"), text


def _place(arguments: dict[str, Any], path: list[str], word: str) -> tuple[dict[str, Any], str]:
    """The object a value goes into, made on the way, and its name there."""
    for step in path[:-1]:
        arguments = arguments.setdefault(step, {})
        if not isinstance(arguments, dict):
            raise Failure(f"{word!r}: {step} already has a value that is no object.")
    return arguments, path[-1]


def _described(schema: Schema, path: list[str]) -> Schema:
    """What the schema says of a field; nothing for a field it does not know, which the gateway will tell."""
    found = schema
    for step in path:
        found = _resolved(found.get("properties", {}).get(step, {}), schema)
    return found


def _resolved(found: Schema, whole: Schema) -> Schema:
    """A part of a schema, with its reference followed."""
    while "$ref" in found:
        found = whole.get("$defs", {}).get(found["$ref"].rpartition("/")[2], {})
    return found


def _typed(text: str, expected: Schema, whole: Schema, word: str) -> Any:
    kind = expected.get("type", "string")
    if kind == "array" and not text.startswith("["):
        return _typed(text, _resolved(expected.get("items", {}), whole), whole, word)
    return text if kind == "string" else _json(text, word, kind)


def _json(text: str, word: str, kind: str = "JSON") -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(f"{word!r}: {text!r} is no {kind}.", "Text needs quotes in JSON; true and 12 do not.") from error
