"""Times that callers give."""

from datetime import datetime

from protobuf.wkt import Timestamp

from kontor_platform.contract.problem import InvalidField


def moment(given: Timestamp | None, field: str) -> datetime | None:
    """A time of a request; raises InvalidField for one that no calendar here holds."""
    try:
        return given.to_datetime() if given else None
    except (ValueError, OverflowError) as error:
        raise InvalidField(f"{field} lies outside the years 1 to 9999.", field=field) from error


def past_moment(given: Timestamp | None, field: str, now: datetime) -> datetime:
    """A time that is not in the future, now if none is given; raises InvalidField."""
    at = moment(given, field) or now
    if at > now:
        raise InvalidField(f"{field} cannot lie in the future; it is {now.isoformat()}.", field=field)
    return at
