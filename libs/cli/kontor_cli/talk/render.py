"""Shows answers to a person: sentences first, empty fields left out, lists of records as tables."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

MAX_COLUMNS = 6
EMPTY: tuple[Any, ...] = (None, "", [], {})


def shown(content: Mapping[str, Any]) -> RenderableType:
    """An answer as a picture; its `summary` leads."""
    rest = {name: value for name, value in content.items() if name != "summary"}
    parts: list[RenderableType] = []
    if content.get("summary"):
        parts.append(Text.from_markup(f"[good]✓[/] {escape(str(content['summary']))}"))
    return Group(*parts, fields(rest))


def fields(value: Mapping[str, Any]) -> RenderableType:
    """Names and values in two columns, what is nested indented below its name."""
    simple = Table.grid(padding=(0, 2))
    simple.add_column(style="soft", no_wrap=True)
    simple.add_column(overflow="fold")
    nested: list[RenderableType] = []
    for name, each in value.items():
        if each in EMPTY:
            continue
        if isinstance(each, Mapping) or _is_records(each):
            nested += [Text(name, style="soft"), Padding(records(each) if _is_records(each) else fields(each), (0, 2))]
        else:
            simple.add_row(name, escape(scalar(each)))
    return Group(simple, *nested)


def records(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Objects of one kind as a table; those too wide or nested one below the other."""
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if value not in EMPTY))
    flat = all(not isinstance(value, Mapping) and not _is_records(value) for row in rows for value in row.values())
    if not flat or len(columns) > MAX_COLUMNS:
        return Group(*(Padding(fields(row), (0, 0, 1, 0)) for row in rows))
    table = Table(box=None, pad_edge=False, header_style="soft")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(scalar(row.get(name, ""))) for name in columns))
    return table


def refusal(content: Mapping[str, Any]) -> RenderableType:
    """A refusal: what was wrong, then what would help."""
    parts = [Text.from_markup(f"[bad]✗ {content.get('code', 'refused')}[/] {escape(str(content.get('message', '')))}")]
    for problem in content.get("fields", []):
        parts.append(Text(f"  {problem.get('field', '')}: {problem.get('message', '')}"))
    helpful = {name: content[name] for name in HELPFUL if content.get(name) not in EMPTY}
    return Group(*parts, Padding(fields(helpful), (0, 2)))


HELPFUL = ("did_you_mean", "allowed", "differing", "current_version", "ids", "next_tool", "retry_after_s")


def approval(tool: str, content: Mapping[str, Any]) -> RenderableType:
    """What a person is asked to approve: what the call would change, before and after."""
    preview = content.get("preview", {})
    lines: list[RenderableType] = [Text(str(preview.get("summary", tool)), style="name")]
    for change in preview.get("changes", []):
        lines.append(Text(f"\n{change.get('type', '')}", style="link"))
        lines.append(changes(change.get("changes", [])))
    if arguments := preview.get("arguments"):
        lines.append(fields(arguments))
    until = f"{content.get('level', '')} approval, until {content.get('expires_at', '')}"
    return Panel(Group(*lines), title=f"approve {escape(tool)}?", subtitle=until, border_style="warn", expand=False)


def changes(changed: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Fields before and after; what was empty before is only shown after."""
    table = Table.grid(padding=(0, 2))
    for each in changed:
        if each.get("after") in EMPTY and each.get("before") in EMPTY:
            continue
        before = "" if each.get("before") in EMPTY else f"{scalar(each['before'])}  →  "
        table.add_row(f"[soft]{escape(str(each.get('field', '')))}[/]", escape(f"{before}{scalar(each.get('after'))}"))
    return table


def scalar(value: Any) -> str:
    """One value in one line or a few."""
    if isinstance(value, str):
        return value
    return ", ".join(map(scalar, value)) if isinstance(value, list) else json.dumps(value, ensure_ascii=False)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)
