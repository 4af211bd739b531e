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


def table_of(record_type: str) -> str:
    """Names the table that holds records of a type."""
    return TABLES[RecordType(record_type)]
