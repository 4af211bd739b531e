"""Days and times of a request, or the refusal that says how to write them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.when.rules import Reading, Unreadable, read, words
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call

# Clocks of mail servers and telephone systems differ from ours by so much without anybody noticing.
LENIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Clock:
    """Reads the times of one call, and keeps what the caller should know of it."""

    zone: ZoneInfo
    now: datetime
    warnings: list[Warning] = field(default_factory=list)

    def read(self, text: str, path: str) -> Reading | None:
        """A day or time, None where nothing is given; raises InvalidField."""
        given = clean(text)
        if not given:
            return None
        try:
            reading = read(given, self.zone)
        except Unreadable as error:
            raise InvalidField(f"{path} cannot be read: {Unreadable.__doc__}", field=path) from error
        if reading.shifted and reading.at:
            self.warnings.append(self.skipped(reading.at, path))
        return reading

    def moment(self, text: str, path: str) -> datetime | None:
        """A time, of a day its beginning; raises InvalidField."""
        reading = self.read(text, path)
        return reading.begins(self.zone) if reading else None

    def past(self, text: str, path: str) -> datetime | None:
        """A time that is not in the future; raises InvalidField."""
        at = self.moment(text, path)
        if at and at > self.now + LENIENCE:
            raise InvalidField(f"{path} cannot lie in the future; it is {self.words(self.now)}.", field=path)
        return at

    def words(self, at: datetime) -> str:
        """A moment as people of the tenant write it."""
        return words(at, self.zone)

    def skipped(self, at: datetime, path: str) -> Warning:
        """Tells that the time given does not exist."""
        message = f"The clock change skips that time; it was read as {self.words(at)}."
        return Warning(code="time_skipped", message=message, field=path)


def clock(call: Call) -> Clock:
    """The clock of the caller's tenant."""
    return Clock(ZoneInfo(call.actor.settings.time_zone), call.now)
