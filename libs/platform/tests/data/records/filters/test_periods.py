"""Days meant by words lie where the calendar, the zone and the fiscal year put them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_platform.data.records.filters.periods import NAMED, Days, beginning, days, ending, today_of

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", "2026-11-24", "2026-11-24"),
        ("this_week", "2026-11-23", "2026-11-29"),
        ("last_week", "2026-11-16", "2026-11-22"),
        ("next_month", "2026-12-01", "2026-12-31"),
        ("last_month", "2026-10-01", "2026-10-31"),
        ("this_quarter", "2026-10-01", "2026-12-31"),
        ("next_quarter", "2027-01-01", "2027-03-31"),
        ("last_year", "2025-01-01", "2025-12-31"),
        ("this_fiscal_year", "2026-04-01", "2027-03-31"),
        ("last_fiscal_quarter", "2026-07-01", "2026-09-30"),
    ],
)
def test_named_periods(name: str, first: str, last: str) -> None:
    """Weeks begin on Monday, fiscal years here in April."""
    assert days(name, TUESDAY, fiscal_month=4) == Days(date.fromisoformat(first), date.fromisoformat(last))


@given(today=st.dates(date(1900, 1, 1), date(2200, 1, 1)), month=st.integers(1, 12), name=st.sampled_from(NAMED))
def test_last_this_and_next_follow_each_other_without_a_gap(today: date, month: int, name: str) -> None:
    """Whatever the day and the fiscal month; the present period holds today."""
    span = name.partition("_")[2]
    last, this, following = (days(f"{shift}_{span}", today, fiscal_month=month) for shift in ("last", "this", "next"))
    assert this.first is not None
    assert this.last is not None
    assert last.last is not None
    assert this.first <= today <= this.last
    assert last.last + timedelta(days=1) == this.first
    assert following.first == this.last + timedelta(days=1)


@given(today=st.dates(date(1900, 1, 1), date(2200, 1, 1)), count=st.integers(0, 36_500))
def test_counted_days_part_the_calendar(today: date, count: int) -> None:
    """What is not in the last days, and not in the future, is older."""
    recent, older = days("last_n_days", today, count), days("older_than_days", today, count)
    assert recent.first is not None
    assert older.last is not None
    assert older.last + timedelta(days=1) == recent.first


def test_a_day_of_a_clock_change_has_23_or_25_hours() -> None:
    """Days of times are those of the tenant's zone."""
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        assert ending(day, BERLIN) - beginning(day, BERLIN) == timedelta(hours=hours)


def test_today_is_the_tenants() -> None:
    """At half past eleven in London it is tomorrow in Berlin."""
    assert today_of(datetime(2026, 11, 23, 23, 30, tzinfo=UTC), BERLIN) == TUESDAY


def test_the_calendars_ends_are_no_errors() -> None:
    """A period beyond the years 1 to 9999 ends there."""
    assert days("next_year", date(9999, 6, 1)).first is not None
    assert days("older_than_days", date(1, 1, 2), 36_500).last == date.min
    assert ending(date.max, BERLIN) >= beginning(date.max, BERLIN)
