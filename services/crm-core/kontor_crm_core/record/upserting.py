"""How every upsert goes: find who is meant, read and hold it, plan, write; for any number of wishes at once."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import Reason

from kontor_crm_core.record.lookups import hold_keys
from kontor_crm_core.record.matching import Ambiguous, Found, Matched, decide
from kontor_crm_core.record.plans import Upserted
from kontor_crm_core.record.wishes import Wish
from kontor_platform.contract.problem import (
    JSON,
    AmbiguousMatch,
    Conflict,
    NotFound,
    Refusal,
    VersionConflict,
    difference,
)
from kontor_platform.data.records.clashes import refusal_of_clash
from kontor_platform.data.records.planned import Clashes
from kontor_platform.runtime.call import Call

W = TypeVar("W")
S = TypeVar("S")
P = TypeVar("P", bound="Plans")
Match = Matched | Refusal | None
MOST_NAMED = 20


class RecordDeleted(Conflict):
    """The record meant was deleted; restore it, or leave the key out of match_on to make a new one."""

    reason = Reason.RECORD_DELETED


@dataclass(frozen=True, slots=True)
class Finder(Generic[W]):
    """How wishes for one kind of record find theirs."""

    noun: str
    wish: Callable[[W], Wish]
    locks: Callable[[W], Sequence[str]]
    found: Callable[[Call, Sequence[W]], Awaitable[Sequence[Sequence[Found]]]]
    buried: Callable[[Call, Sequence[W]], Awaitable[Sequence[Sequence[UUID]]]]


async def matched_many(call: Call, finder: Finder[W], wanted: Sequence[W], *, hold: bool = True) -> list[Match]:
    """The record each wish means, the refusal of a doubtful one, or None where one is to be made.

    `hold` keeps other calls from making records of the same keys until the transaction ends: for one wish or a few.
    """
    decided = [settled(each, finder.noun) for each in await finder.found(call, wanted)]
    missing = [at for at, match in enumerate(decided) if match is None]
    keys = {key for at in missing for key in finder.locks(wanted[at])} if hold else set()
    if keys:
        await hold_keys(call, keys)
        again = [at for at in missing if finder.locks(wanted[at])]
        for at, found in zip(again, await finder.found(call, [wanted[at] for at in again]), strict=True):
            decided[at] = settled(found, finder.noun)
        missing = [at for at in missing if decided[at] is None]
    for at, ids in zip(missing, await finder.buried(call, [wanted[at] for at in missing]), strict=True):
        if ids:
            decided[at] = record_deleted(finder.noun, ids)
    return decided


def settled(found: Sequence[Found], noun: str) -> Match:
    """The record that keys mean, or the refusal of a doubtful one."""
    try:
        return decide(found)
    except Ambiguous as doubt:
        return AmbiguousMatch(
            f"The {' and '.join(doubt.keys)} given {doubt.reason.format(noun=noun)}. "
            "Say which is meant by id, narrow the keys with match_on, or merge the records.",
            ids=[str(each) for each in doubt.records[:MOST_NAMED]],
            next_tool="crm_merge_contacts" if noun == "contact" else "crm_get_record",
        )


def record_deleted(noun: str, ids: Sequence[UUID]) -> RecordDeleted:
    """The refusal of a wish that means a deleted record."""
    return RecordDeleted(
        f"The {noun} meant was deleted. Restore it with crm_restore_record, or leave the key that finds it out of "
        "match_on to make another.",
        ids=[str(each) for each in ids],
        next_tool="crm_restore_record",
        details={"existing_id": str(ids[0])},
    )


def require_present(match: Match, present: object | None, *, deleted: bool, noun: str, wish: Wish) -> None:
    """Raises NotFound or RecordDeleted where the record meant is not there."""
    if isinstance(match, Refusal):
        raise match
    if match is None:
        if wish.version is not None or wish.mode == "remove":
            raise NotFound(f"No {noun} has these keys.")
    elif present is None:
        raise NotFound()
    elif deleted:
        raise record_deleted(noun, [match.record])


def require_version(wish: Wish, version: int, plan: Upserted[S]) -> None:
    """Raises VersionConflict with the fields that would change unless the caller saw the present version."""
    if wish.version is not None and version and wish.version != version:
        changes = plan.planned.changes if plan.planned else ()
        raise VersionConflict(
            current_version=version,
            differing=[difference(each.field, each.before, each.after) for each in changes],
        )


class Plans(Protocol):
    """What wishes come to."""

    @property
    def writes_something(self) -> bool:
        """Whether anything is to be written."""


def matched(matches: Iterable[Match]) -> list[UUID]:
    """The records that wishes mean."""
    return [each.record for each in matches if isinstance(each, Matched)]


def concern_properties(
    wishes: Iterable[Wish], matches: Collection[Match], present: Iterable[Mapping[str, JSON]]
) -> bool:
    """Whether wishes make records, or records have properties or are to get some."""
    return None in matches or any(each.properties for each in wishes) or any(present)


async def one(
    call: Call,
    match: Callable[[], Awaitable[Match]],
    plan: Callable[[Match], Awaitable[P]],
    write: Callable[[P], Awaitable[None]],
) -> P:
    """What becomes of a single wish, which is looked up again where another call took its keys meanwhile.

    Raises IdentityTaken or UniqueTaken with the holder, and whatever the steps raise.
    """
    tried: list[Match] = []
    while True:
        found = await match()
        planned = await plan(found)
        if not planned.writes_something:
            return planned
        try:
            async with call.session.begin_nested():
                await write(planned)
            return planned
        except Clashes as clashes:
            if found in tried:
                raise refusal_of_clash(clashes) from clashes
            tried.append(found)
