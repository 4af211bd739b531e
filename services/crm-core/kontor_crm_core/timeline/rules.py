"""How an entry of a timeline is told in one line."""

from collections.abc import Sequence

MOST_FIELDS = 5
LONGEST_VALUE = 500


def change_title(version: int, fields: Sequence[str]) -> str:
    """The line for a change of a record's fields."""
    if version == 1:
        return "Created"
    rest = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    return f"Changed {', '.join(fields[:MOST_FIELDS])}{rest}"


def stage_title(source: str, target: str) -> str:
    """The line for a move from stage to stage."""
    return f"Moved from {source} to {target}"


def is_long(value: object) -> bool:
    """Whether a value is a text too long for a list."""
    return isinstance(value, str) and len(value) > LONGEST_VALUE
