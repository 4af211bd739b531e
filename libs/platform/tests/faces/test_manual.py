"""The tool manual is made from the operations."""

import subprocess
import sys
from pathlib import Path

from kontor_platform.contract.image import own_image
from kontor_platform.faces.manual import fields, manual

COMMAND = (sys.executable, "-m", "kontor_platform.faces.manual")


def test_every_tool_and_every_field_is_in_the_manual() -> None:
    """Each tool has a section with its alias, its path and a row for each field of its request."""
    operations = own_image().operations()
    text = manual(operations)
    for tool in (each for each in operations if each.policy.tool):
        section = text.partition(f"\n## {tool.name}\n")[2].partition("\n## ")[0]
        assert tool.description in section
        assert f"`{tool.alias}`" in section
        assert tool.route is None or f"`{tool.route.method} {tool.route.path}`" in section
        assert all(f"\n| `{field.name}` |" in section for field in tool.request.fields)


def test_what_is_no_tool_is_left_out() -> None:
    """Internal operations are not for callers to know."""
    assert "/kontor." not in manual(own_image().operations())


def test_fields_tell_type_rules_and_words() -> None:
    """A row says what a value is, what it must satisfy and what it means; nested fields get dotted names."""
    stage = {"type": "object", "properties": {"label": {"type": "string", "maxLength": 9}}, "required": ["label"]}
    schema = {
        "properties": {
            "kind": {"type": "string", "enum": ["open", "won"], "description": "A | or b."},
            "share": {"type": "integer", "minimum": 0, "maximum": 100},
            "count": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
            "version": {"type": "integer", "minimum": 1, "maximum": 2**32 - 1},
            "stages": {"type": "array", "items": stage, "maxItems": 5},
            "value": {},
        },
        "required": ["kind"],
    }
    assert list(fields(schema))[2:] == [
        "| `kind` | string | required; one of `open`, `won` | A \\| or b. |",
        "| `share` | integer | 0 to 100 |  |",
        "| `count` | integer |  |  |",
        "| `version` | integer | at least 1 |  |",
        "| `stages` | list of object | at most 5 items |  |",
        "| `stages[].label` | string | required; at most 9 characters |  |",
        "| `value` | any JSON |  |  |",
    ]


def test_a_message_that_contains_itself_is_told_once() -> None:
    """A recursive filter ends where it repeats."""
    node = {"type": "object", "properties": {"name": {"type": "string"}, "any": {"$ref": "#/$defs/Node"}}}
    schema = {"properties": {"filter": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    names = [line.split("`")[1] for line in list(fields(schema))[2:]]
    assert names == ["filter", "filter.name", "filter.any"]


def test_the_check_notices_a_change(tmp_path: Path) -> None:
    """The command writes the file; its check passes then and fails once the file differs."""
    file = tmp_path / "docs" / "tools.md"
    assert subprocess.run([*COMMAND, file, "--check"], capture_output=True, check=False).returncode != 0
    subprocess.run([*COMMAND, file], check=True)
    subprocess.run([*COMMAND, file, "--check"], check=True)
    file.write_text(file.read_text() + "more\n")
    ended = subprocess.run([*COMMAND, file, "--check"], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "does not match the protos" in ended.stderr
