"""Decisions about when a task is due."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from kontor_crm_core.when.rules import DAY, Reading, start_of

EVER = datetime(1, 1, 2, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
INSTANT = timedelta(microseconds=1)


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


@dataclass(frozen=True, slots=True)
class Due:
    """When a task is due: never, on a day (`on`), or at a time (`at`); after `key` it is overdue."""

    on: date | None = None
    at: datetime | None = None
    key: datetime = NEVER


def due_of(reading: Reading | None, zone: ZoneInfo) -> Due:
    """When a task is due that a day, a time or neither was given for."""
    if reading is None:
        return Due()
    if reading.at is None:
        return Due(on=reading.day, key=start_of(reading.day + DAY, zone) - INSTANT)
    return Due(on=reading.day, at=reading.at, key=reading.at)


@dataclass(frozen=True, slots=True)
class Origin:
    """The day a series began on, and the local time of all its tasks if they have one."""

    day: date
    at: time | None = None

    def __str__(self) -> str:
        """The origin as it is kept."""
        return datetime.combine(self.day, self.at).isoformat() if self.at else self.day.isoformat()

    def on(self, day: date, zone: ZoneInfo) -> Due:
        """When the task of another day of the series is due: at the same local time."""
        if self.at is None:
            return due_of(Reading(day), zone)
        moment = datetime.combine(day, self.at, zone).astimezone(UTC)
        return due_of(Reading(moment.astimezone(zone).date(), moment), zone)


def origin_of(due: Due, zone: ZoneInfo, local: time | None = None) -> Origin | None:
    """Where a series begins whose first task is due so; `local` is the time as it was given, if it was."""
    if due.on is None:
        return None
    return Origin(due.on, local or (due.at.astimezone(zone).time() if due.at else None))


def kept_origin(text: str) -> Origin:
    """The origin that was kept."""
    moment = datetime.fromisoformat(text)
    return Origin(moment.date(), moment.time() if "T" in text else None)


def later_of(due: Due, now: datetime, zone: ZoneInfo) -> date:
    """The day after which the following task is due: the due day, or today if that is past."""
    today = now.astimezone(zone).date()
    return max(due.on, today) if due.on else today


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
