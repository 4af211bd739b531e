"""How a day or a time is read."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
EARLIEST, LATEST = 1900, 2200


class Unreadable(Exception):
    """give a day as YYYY-MM-DD or a time in ISO 8601, as in 2026-03-29T14:30 or 2026-03-29T14:30:00+02:00."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A day, or a moment on that day of the zone with its local time as given.

    `shifted` where the clock change skips the time given.
    """

    day: date
    at: datetime | None = None
    local: time | None = None
    shifted: bool = False

    def begins(self, zone: ZoneInfo) -> datetime:
        """The moment, or the first one of the day."""
        return self.at or start_of(self.day, zone)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The moment, or the first one after the day."""
        return self.at or start_of(self.day + DAY, zone)


def read(text: str, zone: ZoneInfo) -> Reading:
    """Reads a day or a time, which without an offset is meant in the zone; raises Unreadable.

    Of a time that the clock change skips the later reading is taken, of one that comes twice the first (PEP 495).
    """
    day, moment = parsed(text)
    if moment is None:
        return Reading(day)
    at = (moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=0)).astimezone(UTC)
    here = at.astimezone(zone)
    if moment.tzinfo:
        return Reading(here.date(), at, here.time())
    return Reading(here.date(), at, moment.time(), shifted=here.replace(tzinfo=None) != moment)


def parsed(text: str) -> tuple[date, datetime | None]:
    """The day, and the time if the text has one; raises Unreadable."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable from error
    if not EARLIEST <= moment.year <= LATEST:
        raise Unreadable
    return moment.date(), None if len(text) <= len("2026-03-29") else moment


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in a zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def words(at: datetime, zone: ZoneInfo) -> str:
    """A moment as people in the zone write it."""
    return f"{at.astimezone(zone).isoformat()} ({zone.key})"
