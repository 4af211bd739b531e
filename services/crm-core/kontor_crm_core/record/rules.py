"""Decisions about records of any type."""

from enum import StrEnum


class RecordType(StrEnum):
    """The kinds of record; events are named after them."""

    CONTACT = "contact"
    COMPANY = "company"
    DEAL = "deal"
    TASK = "task"
    ACTIVITY = "activity"


TABLES = {
    RecordType.CONTACT: "contact",
    RecordType.COMPANY: "company",
    RecordType.DEAL: "deal",
    RecordType.TASK: "activity",
    RecordType.ACTIVITY: "activity",
}
ACTOR_KINDS = {"user": "user", "agent": "agent", "service": "api"}


def table_of(record_type: str) -> str:
    """Names the table that holds records of a type."""
    return TABLES[RecordType(record_type)]


def actor_kind(principal_kind: str) -> str:
    """Names the kind of actor that the change log knows."""
    return ACTOR_KINDS[principal_kind]
