"""`kontor tools`."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from mcp_types import Tool
from rich.markup import escape
from rich.table import Table

from kontor_cli.commands.options import As, AsJson, Key, Tenant, Url
from kontor_cli.console import out
from kontor_cli.failure import Failure
from kontor_cli.settings import read_settings
from kontor_cli.stack.home import Home
from kontor_cli.talk.gateway import connected
from kontor_cli.talk.keys import Caller, caller
from kontor_platform.contract.cost import tokens
from kontor_platform.contract.names import nearest

Name = Annotated[str, typer.Argument(help="Shows one tool with its arguments.", show_default=False)]
CONTROLS = ("user_approved", "approval_id", "idempotency_key", "dry_run")


def tools(
    name: Name = "",
    key: Key = "",
    as_: As = "agent_admin",
    tenant: Tenant = "demo",
    url: Url = "",
    as_json: AsJson = False,
) -> None:
    """Shows the catalogue of tools, as one caller finds it over MCP."""
    who = caller(Home.at(read_settings().data_dir), key=key, name=as_, tenant=tenant, url=url)
    found = asyncio.run(listed(who))
    chosen = [chosen_of(found, name)] if name else found
    if as_json:
        out.print_json(json.dumps([each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in chosen]))
    elif name:
        show_one(chosen[0])
    else:
        show_all(found, who)


async def listed(who: Caller) -> list[Tool]:
    """The tools, by name."""
    async with connected(who) as gateway:
        return await gateway.tools()


def named(found: Sequence[Tool], name: str) -> Tool | None:
    """The tool of that name or alias; None if this caller has none."""
    return next((each for each in found if name in (each.name, (each.meta or {}).get("kontor/alias"))), None)


def chosen_of(found: Sequence[Tool], name: str) -> Tool:
    """The tool of that name or alias; raises Failure with a near name."""
    if tool := named(found, name):
        return tool
    near = nearest(name.replace(".", "_", 1), [each.name for each in found])
    raise Failure(f"There is no tool {name!r} for this key.", f"Did you mean {near}?" if near else "")


def show_all(found: Sequence[Tool], who: Caller) -> None:
    """Prints the catalogue."""
    table = Table(box=None, pad_edge=False, header_style="soft")
    for column in ("tool", "effect", "approval", "what it does"):
        table.add_column(column, overflow="fold", no_wrap=column != "what it does")
    for each in found:
        down = "" if not (each.meta or {}).get("kontor/unavailable") else " [bad]unavailable[/]"
        table.add_row(f"[name]{each.name}[/]{down}", effect(each), approval(each), escape(first_sentence(each)))
    out.print(table)
    cost = tokens([each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in found])
    out.print(
        f"\n{len(found)} tools for [name]{who.name}[/] at [link]{who.mcp_url}[/], to a model at most {cost:,} tokens; "
        "one of them: kontor tools NAME",
        soft_wrap=True,
    )


def show_one(tool: Tool) -> None:
    """Prints one tool with its arguments."""
    alias = (tool.meta or {}).get("kontor/alias", "")
    out.print(f"[name]{tool.name}[/]   {effect(tool)}   {approval(tool)}   [soft]{alias}[/]")
    out.print(f"\n{escape(tool.description or '')}\n")
    table = Table(box=None, pad_edge=False, header_style="soft")
    for column in ("argument", "type", "what it is"):
        table.add_column(column, overflow="fold", no_wrap=column == "argument")
    required = tool.input_schema.get("required", [])
    for name, schema in tool.input_schema.get("properties", {}).items():
        star = "[warn]*[/]" if name in required else ""
        style = "soft" if name in CONTROLS else "name"
        table.add_row(f"[{style}]{name}[/]{star}", kind(schema), escape(schema.get("description", "")))
    out.print(table)


def effect(tool: Tool) -> str:
    """Read, write or worse, in its colour."""
    hints = tool.annotations
    if hints is None:
        return ""
    word = (
        "[soft]read[/]" if hints.read_only_hint else "[bad]destroy[/]" if hints.destructive_hint else "[warn]write[/]"
    )
    return f"{word} [warn]outside[/]" if hints.open_world_hint else word


def approval(tool: Tool) -> str:
    """Whether a person may have to approve."""
    return "asks" if "approval_id" in tool.input_schema.get("properties", {}) else ""


def first_sentence(tool: Tool) -> str:
    """What the tool does, in a line."""
    paragraph = (tool.description or "").strip().partition("\n\n")[0]
    sentence, stop, _ = " ".join(paragraph.split()).partition(". ")
    return sentence + stop.strip()


def kind(schema: dict[str, Any]) -> str:
    """The type of an argument as a person would say it."""
    if "enum" in schema:
        return escape(" | ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    return str(schema.get("type") or schema.get("$ref", "").rpartition("/")[2].rpartition(".")[2] or "any")
