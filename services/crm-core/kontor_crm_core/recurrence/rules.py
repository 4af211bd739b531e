"""How a recurrence is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "UNTIL", "COUNT")
LONGEST_INTERVAL = 999
MOST_TIMES = 10_000
LAST_DAY = -1
NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
UNTIL = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2}):?(\d{2})(Z?))?", re.ASCII)


class Freq(StrEnum):
    """How often."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class BadRule(Exception):
    """The recurrence cannot be read; the message says why, `allowed` what would do."""

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence: `weekdays` count from Monday, `until` is the last day it may fall on."""

    freq: Freq
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    month_day: int | None = None
    until: date | None = None
    count: int | None = None

    def __str__(self) -> str:
        """The rule in the one spelling it is kept in."""
        parts = {
            "FREQ": self.freq.value,
            "INTERVAL": str(self.interval) if self.interval > 1 else "",
            "BYDAY": ",".join(WEEKDAYS[each] for each in self.weekdays),
            "BYMONTHDAY": str(self.month_day or ""),
            "UNTIL": self.until.strftime("%Y%m%d") if self.until else "",
            "COUNT": str(self.count or ""),
        }
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)

    def allows(self, day: date) -> bool:
        """Whether a series may begin on a day."""
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        if self.until and day > self.until:
            return False
        if not self.month_day or day.day == self.month_day:
            return True
        return is_last(day) and (self.month_day == LAST_DAY or self.month_day > day.day)


def is_last(day: date) -> bool:
    """Whether a day is its month's last."""
    return date.fromordinal(day.toordinal() + 1).month != day.month


def read_rule(text: str, zone: ZoneInfo) -> Rule:
    """Reads a recurrence, moments of UNTIL as days of the zone; raises BadRule."""
    given = parts(text.strip().upper().removeprefix("RRULE:"))
    if "FREQ" not in given:
        raise BadRule("The recurrence needs FREQ, as in FREQ=WEEKLY;BYDAY=MO.", tuple(Freq))
    if given["FREQ"] not in tuple(Freq):
        raise BadRule(f"{given['FREQ']} is no frequency a task can have.", tuple(Freq))
    rule = Rule(
        freq=Freq(given["FREQ"]),
        interval=number(given, "INTERVAL", LONGEST_INTERVAL) or 1,
        weekdays=weekdays(given.get("BYDAY", "")),
        month_day=month_day(given.get("BYMONTHDAY", "")),
        until=until(given["UNTIL"], zone) if "UNTIL" in given else None,
        count=number(given, "COUNT", MOST_TIMES),
    )
    check(rule)
    return rule


def check(rule: Rule) -> None:
    """Refuses parts that do not go together; raises BadRule."""
    if rule.weekdays and rule.freq is not Freq.WEEKLY:
        raise BadRule("BYDAY goes with FREQ=WEEKLY only.")
    if rule.month_day and rule.freq is not Freq.MONTHLY:
        raise BadRule("BYMONTHDAY goes with FREQ=MONTHLY only.")
    if rule.until and rule.count:
        raise BadRule("Give UNTIL or COUNT, not both.")


def parts(text: str) -> Mapping[str, str]:
    """The parts of a rule by name, each once; raises BadRule."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name not in PARTS or not value:
            raise BadRule(f"{part!r} is no part of a recurrence here.", PARTS)
        if name in found:
            raise BadRule(f"{name} stands twice.")
        found[name] = value
    return found


def number(given: Mapping[str, str], name: str, most: int) -> int | None:
    """A number from 1, None where it is not given; raises BadRule."""
    if name not in given:
        return None
    if not NUMBER.fullmatch(given[name]) or int(given[name]) > most:
        raise BadRule(f"{name} is a whole number from 1 to {most}.")
    return int(given[name])


def weekdays(text: str) -> tuple[int, ...]:
    """The days of the week, each once and in order; raises BadRule."""
    names = text.split(",") if text else []
    if any(name not in WEEKDAYS for name in names):
        raise BadRule("BYDAY names days of the week, as in MO,TH.", WEEKDAYS)
    return tuple(sorted({WEEKDAYS.index(name) for name in names}))


def month_day(text: str) -> int | None:
    """The day of the month, -1 for its last; raises BadRule."""
    if not text:
        return None
    if text == str(LAST_DAY):
        return LAST_DAY
    if not NUMBER.fullmatch(text) or int(text) > 31:
        raise BadRule("BYMONTHDAY is one day from 1 to 31, or -1 for the month's last.")
    return int(text)


def until(text: str, zone: ZoneInfo) -> date:
    """The last day that is meant; raises BadRule."""
    found = UNTIL.fullmatch(text)
    if not found:
        raise BadRule("UNTIL is a day, as in 20261231.")
    *fields, utc = found.groups()
    try:
        moment = datetime(*(int(each or 0) for each in fields))  # type: ignore[arg-type]
        return moment.replace(tzinfo=UTC).astimezone(zone).date() if utc else moment.date()
    except (ValueError, OverflowError) as error:
        raise BadRule("UNTIL is no day of the calendar.") from error
