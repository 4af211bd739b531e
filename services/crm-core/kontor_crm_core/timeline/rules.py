"""How an entry of a timeline is told in one line."""

from collections.abc import Sequence

MOST_FIELDS = 5
LONGEST_VALUE = 500
ACTIVITIES = ("note", "call", "meeting", "email", "task")
CHANGES = ("change", "delete", "restore")
LINKS = ("link", "unlink")
KINDS = (*ACTIVITIES, "change", "stage", *LINKS, "merge", "delete", "restore")


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


def listed(fields: Sequence[str]) -> str:
    """The first few fields."""
    rest = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    return f"{', '.join(fields[:MOST_FIELDS])}{rest}"


def is_long(value: object) -> bool:
    """Whether a value is a text too long for a list."""
    return isinstance(value, str) and len(value) > LONGEST_VALUE
