"""What the keys of an upsert lead to, and the locks that make it hold until the end of the transaction."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import text

from kontor_crm_core.record.matching import Ambiguous, Found, Matched, decide
from kontor_platform.contract.problem import AmbiguousMatch, InvalidField
from kontor_platform.runtime.call import Call

LOCK = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended(key, 0))
    FROM (SELECT DISTINCT key FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key) AS sorted
    """
)


Find: TypeAlias = Callable[[], Awaitable[Sequence[Found]]]


@dataclass(frozen=True, slots=True, order=True)
class ForeignId:
    """A record's id in another system."""

    system: str
    value: str


async def hold_keys(call: Call, keys: Iterable[str]) -> None:
    """Makes calls with a key in common run one after the other; keys are locked in sorted order."""
    wanted = sorted({f"{call.actor.tenant}:{key}" for key in keys})
    if wanted:
        await call.session.execute(LOCK, {"keys": wanted})


async def the_one(call: Call, noun: str, keys: Sequence[str], find: Find) -> Matched | None:
    """The record meant, looked for again behind the locks of the keys before a new one may be made of them.

    Raises AmbiguousMatch.
    """
    match = the_match(await find(), noun)
    if match or not keys:
        return match
    await hold_keys(call, keys)
    return the_match(await find(), noun)


def the_match(found: Sequence[Found], noun: str) -> Matched | None:
    """The record meant; raises AmbiguousMatch with the ids of those in question."""
    try:
        return decide(found)
    except Ambiguous as doubt:
        raise AmbiguousMatch(
            f"The {' and '.join(doubt.keys)} given {doubt.reason.format(noun=noun)}. "
            "Say which is meant by id, narrow the keys with match_on, or merge the records.",
            ids=[str(each) for each in doubt.records],
            next_tool="crm_merge_contacts" if noun == "contact" else "crm_get_record",
        ) from doubt


def foreign_ids(given: Iterable[tuple[str, str]]) -> list[ForeignId]:
    """Ids of other systems without surrounding space, each once; raises InvalidField for an empty one."""
    read = [ForeignId(system.strip().lower(), value.strip()) for system, value in given]
    if any(not each.system or not each.value for each in read):
        raise InvalidField("An external id needs a system and a value.", field="external_ids")
    return list(dict.fromkeys(read))
