"""Decisions about activities of any kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of activity."""

    NOTE = "note"
    CALL = "call"
    MEETING = "meeting"
    EMAIL = "email"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Sort:
    """What a kind of activity is as a record, and how callers name columns where not as the table does."""

    record_type: str
    names: Mapping[str, str]
    noun: str

    def told(self, column: str) -> str:
        """A column as callers name it."""
        return self.names.get(column, column)


SORTS: Mapping[str, Sort] = {
    Kind.NOTE: Sort("activity", {}, "note"),
    Kind.CALL: Sort("activity", {}, "call"),
    Kind.MEETING: Sort("activity", {"occurred_at": "starts_at", "ended_at": "ends_at"}, "meeting"),
    Kind.EMAIL: Sort("activity", {"occurred_at": "sent_at", "external_id": "message_id"}, "e-mail"),
    Kind.TASK: Sort("task", {"subject": "title", "due_on": "due_date", "follows": "follows_id"}, "task"),
}
# Columns that follow from others or that callers have no name for.
UNTOLD = frozenset({"due_key", "recurs_from", "thread_id"})
