from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kontor_crm_core.task.rules import NEVER, Bucket, Due, DueUnreadable, bucket_range, is_overdue, read_due

BERLIN, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")
NOW = datetime(2026, 6, 3, 21, 30, tzinfo=UTC)


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
        due = read_due("2026-03-29", zone)
        assert (due.on, due.at) == (date(2026, 3, 29), None)
        assert not is_overdue("open", due.key, ends - timedelta(microseconds=1))
        assert is_overdue("open", due.key, ends)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-03T14:30", datetime(2026, 6, 3, 12, 30, tzinfo=UTC)),
        ("2026-06-03 14:30:15", datetime(2026, 6, 3, 12, 30, 15, tzinfo=UTC)),
        ("2026-06-03T14:30:00Z", datetime(2026, 6, 3, 14, 30, tzinfo=UTC)),
        ("2026-06-03T14:30:00-08:00", datetime(2026, 6, 3, 22, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_meant_in_the_zone_unless_it_says_otherwise(text: str, at: datetime) -> None:
    """An offset wins over the tenant's zone, and the day is the one people there see."""
    due = read_due(text, BERLIN)
    assert (due.at, due.key, due.shifted) == (at, at, False)
    assert due.on == at.astimezone(BERLIN).date()


def test_the_clock_change_is_read_forward_and_first() -> None:
    """A time that is skipped is read after the gap and says so; of one that comes twice the first counts (PEP 495)."""
    skipped = read_due("2026-03-29T02:30", BERLIN)
    assert (skipped.at, skipped.shifted) == (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True)
    twice = read_due("2026-10-25T02:30", BERLIN)
    assert (twice.at, twice.shifted) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), False)


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-02-30", "2026-13-01", "29.03.2026", "2026-03-29T25:00", "0001-01-01", "9999-12-31"]
)
def test_what_is_no_day_or_time_is_refused(text: str) -> None:
    """Words, other orders and days that do not exist are not guessed at."""
    with pytest.raises(DueUnreadable):
        read_due(text, BERLIN)


def test_no_due_day_comes_last() -> None:
    """Nothing given is never due."""
    assert read_due("", BERLIN) == Due()
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
    assert bucket_of(read_due(text, BERLIN), BERLIN) == [bucket]


def test_a_done_task_is_never_overdue() -> None:
    """What is done cannot be late any more."""
    assert not is_overdue("done", read_due("2020-01-01", BERLIN).key, NOW)
