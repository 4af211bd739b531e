"""Ids of records."""

import secrets
import time
from uuid import UUID

NANOSECONDS_PER_MILLISECOND = 1_000_000


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7) with the fraction of the millisecond after the version (its method 3)."""
    milliseconds, rest = divmod(time.time_ns(), NANOSECONDS_PER_MILLISECOND)
    fraction = rest * 4096 // NANOSECONDS_PER_MILLISECOND
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | fraction
    low = 0x8000_0000_0000_0000 | secrets.randbits(62)
    return UUID(int=high << 64 | low)
