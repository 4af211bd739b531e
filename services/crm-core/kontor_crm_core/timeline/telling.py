"""Entries of a timeline in words."""

from kontor_protos.kontor.crm.v1 import timeline_pb as pb
from protobuf.wkt import Value

from kontor_crm_core.timeline.rules import (
    LINKS,
    LONGEST_VALUE,
    MERGES,
    change_title,
    is_long,
    link_title,
    merge_title,
    stage_title,
)


def titled(entry: pb.TimelineEntry) -> pb.TimelineEntry:
    """The entry with its line in words and its values cut."""
    entry.title = title(entry)
    for change in entry.changes:
        entry.truncated |= is_long(plain(change.before)) or is_long(plain(change.after))
        change.before, change.after = short(change.before), short(change.after)
    return entry


def title(entry: pb.TimelineEntry) -> str:
    """The line that says what happened; of an activity, its own."""
    told = {change.field: change for change in entry.changes}
    if entry.kind == "change":
        return change_title(entry.version, list(told))
    if entry.kind == "stage" and "stage" in told:
        return stage_title(str(plain(told["stage"].before)), str(plain(told["stage"].after)))
    if entry.kind in LINKS and entry.linked:
        return link_title(entry.kind, entry.title, entry.linked.name, list(told))
    if entry.kind in MERGES and entry.linked:
        return merge_title(entry.kind, entry.linked.name, into=entry.title == "loser")
    return {"delete": "Deleted", "restore": "Restored"}.get(entry.kind, entry.title)


def plain(value: Value | None) -> object:
    """A value as Python has it."""
    return value.to_python() if value else None


def short(value: Value | None) -> Value | None:
    """A value, cut if it is a long text."""
    told = plain(value)
    return Value.from_python(told[:LONGEST_VALUE]) if isinstance(told, str) and is_long(told) else value
