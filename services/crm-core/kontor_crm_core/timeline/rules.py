"""How an entry of a timeline is told in one line."""

from collections.abc import Sequence

MOST_FIELDS = 5
LONGEST_VALUE = 500
ACTIVITIES = ("note", "call", "meeting", "email", "task")
CHANGES = ("change", "delete", "restore")
LINKS = ("link", "unlink")
MERGES = ("merge", "unmerge")
KINDS = (*ACTIVITIES, "change", "stage", *LINKS, *MERGES, "delete", "restore")


def change_title(version: int, fields: Sequence[str]) -> str:
    """The line for a change of a record's fields."""
    return "Created" if version == 1 else f"Changed {listed(fields)}"


def stage_title(source: str, target: str) -> str:
    """The line for a move from stage to stage."""
    return f"Moved from {source} to {target}"


def link_title(kind: str, label: str, name: str, fields: Sequence[str]) -> str:
    """The line for a link made, changed or taken away; `label` reads from here to the far end."""
    line = f"{label} {name}".strip()
    if kind == "unlink":
        return f"No longer {line}"
    return f"Changed the link {line!r}: {listed(fields)}" if fields else line


def merge_title(kind: str, name: str, *, into: bool) -> str:
    """The line for a merge or its undoing; `into` where the record became part of the other or left it."""
    if kind == "merge":
        return f"Merged into {name}" if into else f"Merged with {name}"
    return f"Taken out of {name}" if into else f"{name} was taken out"


def listed(fields: Sequence[str]) -> str:
    """The first few fields."""
    rest = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    return f"{', '.join(fields[:MOST_FIELDS])}{rest}"


def is_long(value: object) -> bool:
    """Whether a value is a text too long for a list."""
    return isinstance(value, str) and len(value) > LONGEST_VALUE
