"""Reads days and times; a day is never shifted, a time without offset is one of the reading's zone."""

import re
from collections.abc import Mapping
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

from babel.dates import get_month_names

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.reading.basis import BadValue, DateOrder, Reading, ascii_digits, one_line, shown

LANGUAGES = ("en", "de", "fr", "es")
ISO_DAY = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})|(?P<basic>[0-9]{8})")
LONG_YEAR = re.compile(r"[+-]?[0-9]{5,}-[0-9]{2}-[0-9]{2}.*|-[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
THREE = re.compile(r"([0-9]{1,4})\s*([./-])\s*([0-9]{1,2})\s*\2\s*([0-9]{1,4})")
WORDED = re.compile(
    r"(?:(?P<d>[0-9]{1,2})(?:\.|st|nd|rd|th|er)?\s+(?:de\s+)?(?P<m>[^\W\d_]+)\.?|(?P<m2>[^\W\d_]+)\.?\s+(?P<d2>[0-9]{1,2})(?:st|nd|rd|th)?),?\s+(?:de\s+)?(?P<y>[0-9]{4})"
)
TIMED = re.compile(
    r"(?P<day>.+?)(?:[Tt]|\s+)(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"\s*(?P<zone>[Zz]|[+\u2212-][0-9]{2}(?::?[0-9]{2})?)?"
)
HINT = "write YYYY-MM-DD"
HINT_TIME = "write it as in 2026-01-31T09:30:00+01:00"


def read_date(given: JSON, reading: Reading) -> str:
    """A day as YYYY-MM-DD; midnight may be written behind it, any other time of day is refused."""
    text = ascii_digits(one_line(given, "date_unparsable", "a day"))
    timed = TIMED.fullmatch(text)
    if timed and time_of_day(timed, given) != time():
        raise BadValue("date_unparsable", f"{shown(given)} is a time, not a day; {HINT} so that no zone shifts it.")
    return read_day(timed["day"] if timed else text, reading.date_format).isoformat()


def read_datetime(given: JSON, reading: Reading) -> str:
    """A moment in UTC; a day alone is its beginning in the reading's zone."""
    text = ascii_digits(one_line(given, "date_unparsable", "a time"))
    timed = TIMED.fullmatch(text)
    day = read_day(timed["day"] if timed else text, reading.date_format)
    local = datetime.combine(day, time_of_day(timed, given) if timed else time())
    offset = offset_of(timed["zone"], given) if timed and timed["zone"] else zone_of(reading, given)
    return utc(local.replace(tzinfo=offset), given)


def time_of_day(found: re.Match[str], given: JSON) -> time:
    """The time written; raises BadValue for one that no clock shows."""
    fraction = (found["f"] or "").ljust(9, "0")
    if fraction[6:].strip("0"):
        raise BadValue("date_unparsable", f"{shown(given)} is finer than microseconds; nothing is rounded.")
    try:
        return time(hour_of(found), int(found["min"]), int(found["s"] or 0), int(fraction[:6]))
    except ValueError as error:
        raise BadValue("date_unparsable", f"{shown(given)} has a time that no clock shows; {HINT_TIME}.") from error


def hour_of(found: re.Match[str]) -> int:
    """The hour from 0 to 23; raises ValueError for one that a clock of twelve hours does not show."""
    hour = int(found["h"])
    if not found["half"]:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if found["half"] in "Pp" else 0)


def offset_of(written: str, given: JSON) -> timezone:
    """The offset written; raises BadValue for one of a day or more."""
    if written in "Zz":
        return UTC
    digits = written[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if ahead >= timedelta(days=1) or int(digits[2:]) > 59:
        raise BadValue("date_unparsable", f"{shown(given)} has an offset that no zone has; {HINT_TIME}.")
    return timezone(ahead if written[0] == "+" else -ahead)


def zone_of(reading: Reading, given: JSON) -> ZoneInfo:
    """The zone that times without an offset are read in; raises BadValue if there is none."""
    if not reading.time_zone:
        raise BadValue("time_without_zone", f"{shown(given)} has no offset; {HINT_TIME}.")
    return ZoneInfo(reading.time_zone)


def utc(moment: datetime, given: JSON) -> str:
    """The moment in UTC after RFC 3339.

    A time that the clock change skips is read with the offset before it, so it moves forward; of one that comes twice
    the first is meant (PEP 495).
    """
    try:
        at = moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise BadValue("date_out_of_range", f"{shown(given)} lies outside the years 1 to {MAXYEAR}.") from error
    text = at.isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def read_day(text: str, order: DateOrder) -> date:
    """The one day a text can mean; raises BadValue."""
    if LONG_YEAR.fullmatch(text):
        raise BadValue("date_out_of_range", f"{shown(text)} lies outside the years 1 to {MAXYEAR}.")
    if iso := ISO_DAY.fullmatch(text):
        basic = iso["basic"]
        return day_of(*((basic[:4], basic[4:6], basic[6:]) if basic else (iso["y"], iso["m"], iso["d"])), text)
    if worded := WORDED.fullmatch(text):
        month = months().get(fold(worded["m"] or worded["m2"]), 0)
        return day_of(worded["y"], str(month), worded["d"] or worded["d2"], text)
    if three := THREE.fullmatch(text):
        return day_of_three(three[1], three[3], three[4], order, text)
    raise BadValue("date_unparsable", f"{shown(text)} is not a date; {HINT}.")


def day_of_three(first: str, second: str, third: str, order: DateOrder, text: str) -> date:
    """The day of three numbers, in the order declared or the only one that gives a day; raises BadValue."""
    if len(first) == 4:
        return day_of(first, second, third, text)
    if len(third) != 4:
        raise BadValue("date_ambiguous", f"{shown(text)} does not tell its century; {HINT}.")
    if order in (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST):
        day, month = (first, second) if order is DateOrder.DAY_FIRST else (second, first)
        return day_of(third, month, day, text)
    readings = {found for found in (maybe_day(third, second, first), maybe_day(third, first, second)) if found}
    if len(readings) > 1:
        both = sorted(each.isoformat() for each in readings)
        raise BadValue("date_ambiguous", f"{shown(text)} may be {' or '.join(both)}; {HINT}.", allowed=both)
    return readings.pop() if readings else day_of(third, second, first, text)


def maybe_day(year: str, month: str, day: str) -> date | None:
    """The day, if the calendar has it."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def day_of(year: str, month: str, day: str, text: str) -> date:
    """The day; raises BadValue for one that no calendar has."""
    found = maybe_day(year, month, day)
    if found is None and int(year) < 1:
        raise BadValue("date_out_of_range", f"{shown(text)} lies outside the years 1 to {MAXYEAR}.")
    if found is None:
        raise BadValue("date_unparsable", f"{shown(text)} is not a day of the calendar; {HINT}.")
    return found


@cache
def months() -> Mapping[str, int]:
    """The months by their folded names, whole and cut short, in all languages that agree."""
    found: dict[str, set[int]] = {}
    for language in LANGUAGES:
        for width in ("wide", "abbreviated"):
            for number, name in get_month_names(width, locale=language).items():
                found.setdefault(fold(name).rstrip("."), set()).add(number)
    return {name: next(iter(numbers)) for name, numbers in found.items() if len(numbers) == 1}
