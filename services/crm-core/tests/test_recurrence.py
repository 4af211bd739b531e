"""Recurrence: what can be written, and which days it gives."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from kontor_crm_core.recurrence.days import next_day
from kontor_crm_core.recurrence.rules import WEEKDAYS, BadRule, Freq, Rule, is_last, read_rule

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
intervals = st.integers(1, 30)


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, date]:
    """A rule and a day its series may begin on."""
    freq, first = draw(st.sampled_from(Freq)), draw(days)
    weekdays: tuple[int, ...] = ()
    if freq is Freq.WEEKLY and draw(st.booleans()):
        weekdays = tuple(sorted({first.weekday(), *draw(st.sets(st.integers(0, 6)))}))
    until = draw(st.none() | st.integers(0, 2000).map(lambda more: first + more * DAY))
    count = None if until else draw(st.none() | st.integers(1, 40))
    return Rule(freq, draw(intervals), weekdays, None, until, count), first


def walked(rule: Rule, first: date, after: date, most: int = 40_000) -> date | None:
    """The next day, found by asking every day one after the other."""
    seen, day = 0, first
    for _ in range(most):
        if rule.until and day > rule.until:
            return None
        if falls_on(rule, first, day):
            seen += 1
            if rule.count and seen > rule.count:
                return None
            if day > after:
                return day
        day += DAY
    return None


def falls_on(rule: Rule, first: date, day: date) -> bool:
    """Whether a series that begins on a day falls on another."""
    months = (day.year - first.year) * 12 + day.month - first.month
    if rule.freq is Freq.DAILY:
        return (day - first).days % rule.interval == 0
    if rule.freq is Freq.WEEKLY:
        weeks = (day - day.weekday() * DAY - first + first.weekday() * DAY).days // 7
        return weeks % rule.interval == 0 and day.weekday() in (rule.weekdays or (first.weekday(),))
    same = day.day == first.day or (day.day < first.day and is_last(day))
    if rule.freq is Freq.MONTHLY:
        return months % rule.interval == 0 and same
    return day.month == first.month and (day.year - first.year) % rule.interval == 0 and same


@given(rules(), st.integers(-400, 4000))
def test_the_next_day_is_the_one_a_calendar_shows(rule_and_first: tuple[Rule, date], later: int) -> None:
    """Days are those a person would count, a shorter month's last for a day it does not have."""
    rule, first = rule_and_first
    after = first + later * DAY
    assert next_day(rule, first, after) == walked(rule, first, after)


@given(rules(), st.integers(0, 2000))
def test_where_every_month_has_the_day_dateutil_says_the_same(rule_and_first: tuple[Rule, date], later: int) -> None:
    """The rule as it is kept, read by dateutil itself, gives the same days."""
    rule, first = rule_and_first
    first = first if first.day <= 28 or rule.freq in (Freq.DAILY, Freq.WEEKLY) else first.replace(day=28)
    theirs = rrulestr(str(rule), dtstart=as_time(first)).after(as_time(first + later * DAY))
    assert next_day(rule, first, first + later * DAY) == (theirs.date() if theirs else None)


def as_time(day: date) -> datetime:
    """A day as dateutil takes it."""
    return datetime.combine(day, time())


@given(rules())
def test_a_rule_is_read_as_it_is_kept(rule_and_first: tuple[Rule, date]) -> None:
    """Writing and reading change nothing."""
    rule, _ = rule_and_first
    assert read_rule(str(rule), BERLIN) == rule


@given(rules(), st.integers(0, 50))
def test_a_series_goes_forward_and_ends(rule_and_first: tuple[Rule, date], steps: int) -> None:
    """Each next day is later than the one before and lies within the rule's end and count."""
    rule, first = rule_and_first
    day: date | None = first
    made = 1
    for _ in range(steps):
        following = next_day(rule, first, day) if day else None
        if following is None:
            break
        assert day is not None
        assert following > day
        assert not rule.until or following <= rule.until
        day, made = following, made + 1
    assert not rule.count or made <= rule.count


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("FREQ=MONTHLY", "2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("FREQ=MONTHLY", "2026-01-30", ["2026-02-28", "2026-03-30"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-02-28", ["2026-03-31", "2026-04-30"]),
        ("FREQ=YEARLY", "2024-02-29", ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2026-01-02", ["2026-01-12", "2026-01-16", "2026-01-26"]),
        ("FREQ=DAILY;COUNT=3", "2026-12-31", ["2027-01-01", "2027-01-02"]),
        ("FREQ=DAILY;UNTIL=20270101", "2026-12-31", ["2027-01-01"]),
    ],
)
def test_known_series(rule: str, first: str, expected: list[str]) -> None:
    """The month's last day is kept, and a series ends when its rule says so."""
    read, begins = read_rule(rule, BERLIN), date.fromisoformat(first)
    found: list[str] = []
    day = next_day(read, begins, begins)
    while day and len(found) < len(expected):
        found.append(day.isoformat())
        day = next_day(read, begins, day)
    assert found == expected
    assert not (read.count or read.until) or day is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("rrule:freq=weekly;byday=th,mo,mo", "FREQ=WEEKLY;BYDAY=MO,TH"),
        ("INTERVAL=1;FREQ=DAILY", "FREQ=DAILY"),
        ("FREQ=DAILY;UNTIL=20261231T233000Z", "FREQ=DAILY;UNTIL=20270101"),
        ("FREQ=DAILY;UNTIL=2026-12-31", "FREQ=DAILY;UNTIL=20261231"),
        (" FREQ=MONTHLY;BYMONTHDAY=15 ", "FREQ=MONTHLY;BYMONTHDAY=15"),
    ],
)
def test_one_spelling_is_kept(text: str, kept: str) -> None:
    """Case, order and repeats do not matter; a moment of UNTIL is a day of the tenant's zone."""
    assert str(read_rule(text, BERLIN)) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "daily",
        "FREQ=HOURLY",
        "INTERVAL=2",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=1000",
        "FREQ=DAILY;COUNT=1.5",
        "FREQ=DAILY;COUNT=3;UNTIL=20261231",
        "FREQ=DAILY;BYDAY=MO",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=1,15",
        "FREQ=DAILY;UNTIL=20260230",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;BYSETPOS=1",
        "FREQ=DAILY;COUNT=\u0663",
    ],
)
def test_what_is_no_rule_here_is_refused(text: str) -> None:
    """With words that say what would do."""
    with pytest.raises(BadRule) as refused:
        read_rule(text, BERLIN)
    assert str(refused.value)


def test_a_series_begins_on_one_of_its_days() -> None:
    """A due day that the rule leaves out cannot begin it."""
    assert not read_rule("FREQ=WEEKLY;BYDAY=MO", BERLIN).allows(date(2026, 1, 6))
    assert read_rule("FREQ=MONTHLY;BYMONTHDAY=31", BERLIN).allows(date(2026, 2, 28))
    assert not read_rule("FREQ=MONTHLY;BYMONTHDAY=-1", BERLIN).allows(date(2026, 2, 27))
    assert not read_rule("FREQ=DAILY;UNTIL=20260101", BERLIN).allows(date(2026, 1, 2))
    assert len(WEEKDAYS) == 7
