"""Decisions about when a task is due."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

EVER = datetime(1, 1, 2, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
EARLIEST, LATEST = 1970, 2200


class Status(StrEnum):
    """Whether a task is still to do."""

    OPEN = "open"
    DONE = "done"


class Bucket(StrEnum):
    """When a task is due, seen from now."""

    OVERDUE = "overdue"
    TODAY = "today"
    WEEK = "week"
    LATER = "later"
    NONE = "none"


class DueUnreadable(Exception):
    """due is a day as YYYY-MM-DD or a time in ISO 8601, as in 2026-03-29T14:30 or 2026-03-29T14:30:00+02:00."""


@dataclass(frozen=True, slots=True)
class Due:
    """When a task is due: never, on a day (`on`), or at a time (`at`); after `key` it is overdue."""

    on: date | None = None
    at: datetime | None = None
    key: datetime = NEVER
    shifted: bool = False


def read_due(text: str, zone: ZoneInfo) -> Due:
    """Reads a day or a time, which without an offset is meant in the zone; raises DueUnreadable.

    Of a time that the clock change skips the later reading is taken, of one that comes twice the first (PEP 495).
    """
    if not text:
        return Due()
    day, moment = parsed(text)
    if moment is None:
        return Due(on=day, key=start_of(day + DAY, zone) - INSTANT)
    local = moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=0)
    at = local.astimezone(UTC)
    shifted = moment.tzinfo is None and at.astimezone(zone).replace(tzinfo=None) != moment
    return Due(on=at.astimezone(zone).date(), at=at, key=at, shifted=shifted)


def parsed(text: str) -> tuple[date, datetime | None]:
    """The day, and the time if the text has one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DueUnreadable from error
    if not EARLIEST <= moment.year <= LATEST:
        raise DueUnreadable
    return moment.date(), None if len(text) <= len("2026-03-29") else moment


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in a zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def bucket_range(bucket: str, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The keys of the tasks in a bucket, from the first up to but without the second."""
    tomorrow = now.astimezone(zone).date() + DAY
    end_of_today, end_of_week = start_of(tomorrow, zone), start_of(tomorrow + WEEK, zone)
    return {
        Bucket.OVERDUE: (EVER, now),
        Bucket.TODAY: (now, end_of_today),
        Bucket.WEEK: (end_of_today, end_of_week),
        Bucket.LATER: (end_of_week, NEVER),
        Bucket.NONE: (NEVER, NEVER + DAY),
    }[Bucket(bucket)]


def is_overdue(status: str, key: datetime, now: datetime) -> bool:
    """Whether an open task's time or day has passed."""
    return status == Status.OPEN and key < now
