"""The tool manual, `docs/tools.md`, from the operations: `python -m kontor_platform.faces.manual FILE [--check]`."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from kontor_platform.contract.examples import answer_of, example_of
from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Approval, Operation
from kontor_platform.contract.schema import input_schema

Schema: TypeAlias = Mapping[str, Any]

INTRODUCTION = """\
# Tools

Every tool of Kontor, made from `protos/` by `make docs`: change the proto, not this page.

A tool is called over MCP by its name or its dotted alias, over REST by people at its own path, and under the tool's
rules at `POST /mcp/<domain>/<operation>`. The role `admin` may call every one. A write also takes `idempotency_key`
and, where it can be previewed, `dry_run` (on REST the header `Idempotency-Key` and the query parameter
`dry_run=true`); over MCP also `user_approved` and `approval_id`.

The examples are one story, recorded call by call (`make examples`) and repeated by every run of the tests. Lists are
shortened to four entries, long texts end in `…`, and `…` stands for what is secret or only a mark.
"""
APPROVALS: Mapping[Approval, str] = {
    Approval.NONE: "none",
    Approval.USER: "by the user",
    Approval.OPERATOR: "by a second person with the role `approver`",
}
# What a 32-bit integer allows anyway is no rule of the field.
SIGNED, UNSIGNED = (-(2**31), 2**31 - 1), (0, 2**32 - 1)
HEAD = ("| field | type | rules | what it is |", "|---|---|---|---|")


def manual(operations: Iterable[Operation]) -> str:
    """The manual of all tools among the operations, by name."""
    tools = sorted((each for each in operations if each.policy.tool), key=lambda each: each.name)
    return "\n".join([INTRODUCTION, *overview(tools), *(line for tool in tools for line in section(tool))]) + "\n"


def overview(tools: Iterable[Operation]) -> Iterator[str]:
    """The table of contents."""
    yield from ("| tool | what it does | effect | approval |", "|---|---|---|---|")
    for tool in tools:
        yield row(f"[{tool.name}](#{tool.name})", tool.summary, effect(tool), APPROVALS[tool.policy.approval])


def section(tool: Operation) -> Iterator[str]:
    """Everything about one tool."""
    yield from ("", f"## {tool.name}", "", tool.description, "")
    yield from facts(tool)
    yield ""
    yield from fields(input_schema(tool))
    yield from ("", "Arguments of a call, and its answer:", "", *block(example_of(tool)))
    if (answer := answer_of(tool)) is not None:
        yield from ("", *block(answer))


def block(value: Any) -> Sequence[str]:
    """JSON in a fence."""
    return ("```json", json.dumps(value, indent=2, ensure_ascii=False), "```")


def facts(tool: Operation) -> Iterator[str]:
    """What the policy and the route say."""
    yield f"- alias: {', '.join(f'`{name}`' for name in tool.aliases)}"
    yield f"- effect: {effect(tool)}"
    yield f"- approval: {APPROVALS[tool.policy.approval]}"
    yield f"- roles: {', '.join(sorted(tool.policy.roles))}"
    if tool.route:
        yield f"- REST: `{tool.route.method} {tool.route.path}`"
    if tool.policy.per_actor_per_minute:
        yield f"- limit: {tool.policy.per_actor_per_minute} calls a minute for one actor"
    if tool.is_write and not tool.policy.preview:
        yield "- preview: none, it cannot be tried and rolled back"


def effect(tool: Operation) -> str:
    """How the call is classed, in words."""
    return tool.policy.effect.value + (", leaves the system" if tool.policy.open_world else "")


def fields(schema: Schema) -> Iterator[str]:
    """The table of a request's fields, those of nested objects under dotted names."""
    rows = list(field_rows(schema, schema.get("$defs", {}), ""))
    yield from (*HEAD, *rows) if rows else ("It takes no fields.",)


def field_rows(schema: Schema, definitions: Mapping[str, Schema], prefix: str) -> Iterator[str]:
    """One row a field, depth first; a message that contains itself is told once."""
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        path = prefix + name
        rules = ["required"] if name in required else []
        yield row(f"`{path}`", type_of(field), "; ".join(rules + rules_of(field)), field.get("description", ""))
        inner, suffix = (field["items"], "[].") if field.get("type") == "array" else (field, ".")
        reference = inner.get("$ref", "").removeprefix("#/$defs/")
        if reference in definitions:
            rest = {key: value for key, value in definitions.items() if message_of(key) != message_of(reference)}
            yield from field_rows(definitions[reference], rest, path + suffix)
        elif inner.get("properties"):
            yield from field_rows(inner, definitions, path + suffix)


def message_of(definition: str) -> str:
    """The message a definition describes, whatever its level inside itself."""
    name, _, level = definition.rpartition(".")
    return name if level.isdecimal() else definition


def type_of(schema: Schema) -> str:
    """The type of a value in words."""
    if "$ref" in schema:
        return "object"
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    kind = schema.get("type", "any JSON")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def rules_of(schema: Schema) -> list[str]:
    """The constraints of a value in words."""
    said = [*span(schema, "minLength", "maxLength", " characters"), *span(schema, "minItems", "maxItems", " items")]
    said += span(schema, "minimum", "maximum", "")
    said += [f"over {schema['exclusiveMinimum']}"] if "exclusiveMinimum" in schema else []
    said += [f"under {schema['exclusiveMaximum']}"] if "exclusiveMaximum" in schema else []
    said += ["no repeats"] if schema.get("uniqueItems") else []
    said += [f"matches `{schema['pattern']}`"] if "pattern" in schema else []
    said += [f"one of {', '.join(f'`{value}`' for value in schema['enum'])}"] if "enum" in schema else []
    return said + [f"each: {rule}" for rule in (rules_of(schema["items"]) if "items" in schema else ())]


def span(schema: Schema, least: str, most: str, unit: str) -> Sequence[str]:
    """A lower and an upper bound as one phrase."""
    low, high = schema.get(least), schema.get(most)
    if (low, high) in ((None, None), SIGNED, UNSIGNED):
        return ()
    low = None if low == SIGNED[0] else low
    if high is None or high in (SIGNED[1], UNSIGNED[1]):
        return (f"at least {low}{unit}",)
    return (f"at most {high}{unit}",) if low is None else (f"{low} to {high}{unit}",)


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"


def main() -> None:
    """Writes the manual, or with `--check` only compares it; raises SystemExit with what to do where it differs."""
    parser = argparse.ArgumentParser(prog="python -m kontor_platform.faces.manual", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is not what it should be")
    arguments = parser.parse_args()
    text, file = manual(own_image().operations()), arguments.file
    if not arguments.check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    elif not file.is_file() or file.read_text() != text:
        raise SystemExit(f"{file} does not match the protos: run `python -m kontor_platform.faces.manual {file}`")


if __name__ == "__main__":
    main()
