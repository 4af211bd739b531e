"""The days of a recurrence, by dateutil."""

from datetime import date, datetime, time
from typing import Any

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule

from kontor_crm_core.recurrence.rules import LAST_DAY, Freq, Rule
from kontor_crm_core.when.rules import LATEST

FREQUENCIES: dict[Freq, Any] = {Freq.DAILY: DAILY, Freq.WEEKLY: WEEKLY, Freq.MONTHLY: MONTHLY, Freq.YEARLY: YEARLY}
# The shortest month: a later day is replaced by the month's last where the month has no such day.
ALWAYS = 28
LONGEST_MONTH = 31
FEBRUARY, LEAP_DAY = 2, 29


def next_day(rule: Rule, first: date, after: date) -> date | None:
    """The first day of the series later than another, None once it is over."""
    found = series(rule, first).after(datetime.combine(after, time()))
    return found.date() if found and found.year <= LATEST else None


def series(rule: Rule, first: date) -> rrule:
    """All days of a recurrence that begins on a day."""
    day = rule.month_day or first.day
    narrowed: dict[str, Any] = {}
    if rule.freq is Freq.WEEKLY and rule.weekdays:
        narrowed = {"byweekday": rule.weekdays}
    elif rule.freq is Freq.MONTHLY and (day > ALWAYS or day == LAST_DAY):
        narrowed = last_of(LONGEST_MONTH if day == LAST_DAY else day)
    elif rule.freq is Freq.YEARLY and (first.month, first.day) == (FEBRUARY, LEAP_DAY):
        narrowed = {"bymonth": FEBRUARY, **last_of(LEAP_DAY)}
    return rrule(
        FREQUENCIES[rule.freq],
        dtstart=datetime.combine(first, time()),
        interval=rule.interval,
        until=datetime.combine(rule.until, time()) if rule.until else None,
        count=rule.count,
        **narrowed,
    )


def last_of(day: int) -> dict[str, Any]:
    """The day of a month, or its last where the month is shorter."""
    return {"bymonthday": tuple(range(ALWAYS, day + 1)), "bysetpos": -1}
