"""Days meant by words, as in `last_month`, in the tenant's calendar and time zone."""

from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_DAYS = 36_500
SPANS = ("week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year")
SHIFTS = {"last": -1, "this": 0, "next": 1}
NAMED = tuple(f"{shift}_{span}" for shift in ("this", "last", "next") for span in SPANS)
COUNTED = ("last_n_days", "next_n_days", "older_than_days")
RELATIVE = ("today", "past", "future", *COUNTED, *NAMED)
MONTHS = {"month": 1, "quarter": 3, "year": 12, "fiscal_quarter": 3, "fiscal_year": 12}


@dataclass(frozen=True, slots=True)
class Days:
    """Days from the first to the last, both included; None is without end."""

    first: date | None
    last: date | None


def days(name: str, today: date, count: int = 0, fiscal_month: int = 1) -> Days:
    """The days of a named period: the tenant's today and what lies around it.

    `last_n_days` 7 is today and the seven days before, `older_than_days` 7 all days before those, `next_n_days` 7 today
    and the seven days after.
    """
    match name:
        case "today":
            return Days(today, today)
        case "past":
            return Days(None, shifted(today, -1))
        case "future":
            return Days(shifted(today, 1), None)
        case "last_n_days":
            return Days(shifted(today, -count), today)
        case "next_n_days":
            return Days(today, shifted(today, count))
        case "older_than_days":
            return Days(None, shifted(today, -count - 1))
    shift, _, span = name.partition("_")
    return named(span, today, SHIFTS[shift], fiscal_month)


def named(span: str, today: date, shift: int, fiscal_month: int) -> Days:
    """The week, month, quarter or year that holds the day, or one before or after it."""
    if span == "week":
        monday = shifted(today, -today.weekday() + 7 * shift)
        return Days(monday, shifted(monday, 6))
    length = MONTHS[span]
    offset = fiscal_month - 1 if span.startswith("fiscal") else 0
    month = today.year * 12 + today.month - 1 - offset
    start = month - month % length + offset + shift * length
    return Days(first_of(start), shifted(first_of(start + length), -1))


def first_of(month: int) -> date:
    """The first day of a month counted from the year 0."""
    return date(min(max(month // 12, 1), MAXYEAR), month % 12 + 1, 1)


def shifted(day: date, count: int) -> date:
    """A day so many days later, at most the calendar's last or first."""
    try:
        return day + timedelta(days=count)
    except OverflowError:
        return date.max if count > 0 else date.min


def beginning(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins, in UTC; the calendar's ends where a zone would leave it."""
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time(), UTC)


def ending(day: date, zone: ZoneInfo) -> datetime:
    """When a day is over, in UTC."""
    return beginning(shifted(day, 1), zone)


def within(moment: datetime, zone: ZoneInfo) -> datetime:
    """A moment on the zone's clock; in UTC where the calendar ends before the zone's clock would show it."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def today_of(now: datetime, zone: ZoneInfo) -> date:
    """The tenant's day at a moment."""
    return now.astimezone(zone).date()
