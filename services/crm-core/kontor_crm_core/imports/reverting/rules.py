"""Decides what of a record goes back to what it was before an import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


class Kept(StrEnum):
    """Why a record or a field stays as it is."""

    CHANGED_SINCE = "changed_since"
    HAS_ACTIVITIES = "has_activities"
    HAS_LINKS = "has_links"
    IN_SEGMENT = "in_segment"
    DELETED = "record_deleted"
    MERGED = "merged"
    TAKEN = "unique_taken"
    PROPERTY_ARCHIVED = "property_unknown"


@dataclass(frozen=True, slots=True)
class Restored:
    """The fields that go back, with their values, and those that stay."""

    fields: Mapping[str, JSON]
    kept: Sequence[str]


def restored(present: Mapping[str, JSON], before: Mapping[str, JSON], after: Mapping[str, JSON]) -> Restored:
    """Which fields go back: those that still hold what the import wrote."""
    back: dict[str, JSON] = {}
    kept: list[str] = []
    for name, wrote in after.items():
        now = present.get(name)
        if same(now, before.get(name)):
            continue
        if same(now, wrote):
            back[name] = before.get(name)
        else:
            kept.append(name)
    return Restored(back, kept)


def same(one: JSON, other: JSON) -> bool:
    """Whether two values are the same; nothing may be told as null, as an empty text or as an empty list."""
    return (one or None) == (other or None) if not isinstance(one, bool | int | float) else one == other
