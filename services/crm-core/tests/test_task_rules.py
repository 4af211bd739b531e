"""When tasks are due, and when others are that follow them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from kontor_crm_core.task.rules import (
    NEVER,
    Bucket,
    Due,
    Origin,
    bucket_range,
    due_of,
    is_overdue,
    kept_origin,
    later_of,
    origin_of,
)
from kontor_crm_core.when.rules import Unreadable, read

BERLIN, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")
NOW = datetime(2026, 6, 3, 21, 30, tzinfo=UTC)


def due(text: str, zone: ZoneInfo = BERLIN) -> Due:
    """When a task is due that a text was given for."""
    return due_of(read(text, zone), zone)


def bucket_of(due: Due, zone: ZoneInfo) -> list[str]:
    """The buckets a task is in."""
    ranges = {bucket: bucket_range(bucket, NOW, zone) for bucket in Bucket}
    return [bucket for bucket, (first, end) in ranges.items() if first <= due.key < end]


def test_a_day_is_never_shifted() -> None:
    """A day stays the day that was written, in whatever zone, and is over when it ends there."""
    for zone, ends in (
        (BERLIN, datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (KIRITIMATI, datetime(2026, 3, 29, 10, tzinfo=UTC)),
    ):
        task = due("2026-03-29", zone)
        assert (task.on, task.at) == (date(2026, 3, 29), None)
        assert not is_overdue("open", task.key, ends - timedelta(microseconds=1))
        assert is_overdue("open", task.key, ends)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-03T14:30", datetime(2026, 6, 3, 12, 30, tzinfo=UTC)),
        ("2026-06-03 14:30:15", datetime(2026, 6, 3, 12, 30, 15, tzinfo=UTC)),
        ("2026-06-03T14:30:00Z", datetime(2026, 6, 3, 14, 30, tzinfo=UTC)),
        ("2026-06-03T14:30:00-08:00", datetime(2026, 6, 3, 22, 30, tzinfo=UTC)),
        ("2026-06-03T14:30:00+14:00", datetime(2026, 6, 3, 0, 30, tzinfo=UTC)),
        ("2026-06-03T14:30:00-23:59", datetime(2026, 6, 4, 14, 29, tzinfo=UTC)),
    ],
)
def test_a_time_is_meant_in_the_zone_unless_it_says_otherwise(text: str, at: datetime) -> None:
    """An offset wins over the tenant's zone, and the day is the one people there see."""
    task, reading = due(text), read(text, BERLIN)
    assert (task.at, task.key, reading.shifted) == (at, at, False)
    assert task.on == at.astimezone(BERLIN).date()


def test_the_clock_change_is_read_forward_and_first() -> None:
    """A time that is skipped is read after the gap and says so; of one that comes twice the first counts (PEP 495)."""
    skipped = read("2026-03-29T02:30", BERLIN)
    assert (skipped.at, skipped.shifted) == (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True)
    twice = read("2026-10-25T02:30", BERLIN)
    assert (twice.at, twice.shifted) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), False)


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2026-02-30",
        "2025-02-29",
        "2026-13-01",
        "29.03.2026",
        "2026-03-29T25:00",
        "2026-03-29T23:59:60",
        "2026-03-29T14:30:00+24:00",
        "\uff12\uff10\uff12\uff16-03-29",
        "0001-01-01",
        "9999-12-31",
        "9999-12-31T23:59:59-23:59",
        "99999-01-01",
        "1.7e9",
        "-1",
    ],
)
def test_what_is_no_day_or_time_is_refused(text: str) -> None:
    """Words, other orders, days that do not exist and years out of range are not guessed at."""
    with pytest.raises(Unreadable):
        read(text, BERLIN)


def test_no_due_day_comes_last() -> None:
    """Nothing given is never due."""
    assert due_of(None, BERLIN) == Due()
    assert bucket_of(Due(), BERLIN) == [Bucket.NONE]
    assert not is_overdue("open", NEVER, NOW)


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("2026-06-02", Bucket.OVERDUE),
        ("2026-06-03T23:29", Bucket.OVERDUE),
        ("2026-06-03", Bucket.TODAY),
        ("2026-06-03T23:31", Bucket.TODAY),
        ("2026-06-04T00:00", Bucket.WEEK),
        ("2026-06-10", Bucket.WEEK),
        ("2026-06-11", Bucket.LATER),
        ("2199-01-01", Bucket.LATER),
    ],
)
def test_every_task_is_in_one_bucket(text: str, bucket: str) -> None:
    """Buckets meet without gap or overlap, at the tenant's midnight."""
    assert bucket_of(due(text), BERLIN) == [bucket]


def test_a_done_task_is_never_overdue() -> None:
    """What is done cannot be late any more."""
    assert not is_overdue("done", due("2020-01-01").key, NOW)


def test_a_series_keeps_its_local_time_over_clock_changes() -> None:
    """Also the time that one day of it does not have."""
    first = read("2026-03-29T02:30", BERLIN)
    origin = origin_of(due_of(first, BERLIN), BERLIN, first.local)
    assert origin == Origin(date(2026, 3, 29), time(2, 30))
    for day, at in (
        (date(2026, 3, 30), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 10, 26), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
        (date(2027, 3, 28), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
    ):
        assert origin.on(day, BERLIN).at == at


@pytest.mark.parametrize(
    "origin", [Origin(date(2026, 1, 31)), Origin(date(2026, 1, 31), time(0, 0)), Origin(date(2026, 1, 31), time(2, 30))]
)
def test_an_origin_is_kept_as_text(origin: Origin) -> None:
    """Midnight is a time, and a day without a time stays one."""
    assert kept_origin(str(origin)) == origin


def test_the_next_is_due_after_the_due_day_and_after_today() -> None:
    """The later of both counts, today being the tenant's."""
    assert later_of(due("2026-06-10"), NOW, BERLIN) == date(2026, 6, 10)
    assert later_of(due("2026-05-01"), NOW, BERLIN) == date(2026, 6, 3)
    assert later_of(due("2026-05-01", KIRITIMATI), NOW, KIRITIMATI) == date(2026, 6, 4)
    assert later_of(Due(), NOW, BERLIN) == date(2026, 6, 3)
