"""Ids in other systems, and the locks that make what keys lead to hold until the end of the transaction."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text

from kontor_platform.contract.problem import InvalidField
from kontor_platform.runtime.call import Call

LOCK = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended(key, 0))
    FROM (SELECT DISTINCT key FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key) AS sorted
    """
)


@dataclass(frozen=True, slots=True, order=True)
class ForeignId:
    """A record's id in another system."""

    system: str
    value: str

    def __str__(self) -> str:
        """The id as the change log tells it."""
        return f"{self.system}:{self.value}"


async def hold_keys(call: Call, keys: Iterable[str]) -> None:
    """Makes calls with a key in common run one after the other; keys are locked in sorted order."""
    wanted = sorted({f"{call.actor.tenant}:{key}" for key in keys})
    if wanted:
        await call.session.execute(LOCK, {"keys": wanted})


def foreign_ids(given: Iterable[tuple[str, str]]) -> list[ForeignId]:
    """Ids of other systems without surrounding space, each once; raises InvalidField for an empty one."""
    read = [ForeignId(system.strip().lower(), value.strip()) for system, value in given]
    if any(not each.system or not each.value for each in read):
        raise InvalidField("An external id needs a system and a value.", field="external_ids")
    return list(dict.fromkeys(read))
