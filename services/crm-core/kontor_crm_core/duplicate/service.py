"""The rpc methods of duplicates."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from uuid import UUID

from kontor_protos.kontor.crm.v1 import common_pb
from kontor_protos.kontor.crm.v1 import duplicates_pb as pb

from kontor_crm_core import paging
from kontor_crm_core.contact.reading import contacts
from kontor_crm_core.duplicate.compare import Profile
from kontor_crm_core.duplicate.finding import Pair, pairs_of, reaches, walk
from kontor_crm_core.duplicate.queries import TELL_APART
from kontor_crm_core.duplicate.rules import Band
from kontor_crm_core.merge.answers import merged_answer, parted_answer
from kontor_crm_core.merge.merging import Wish, merge
from kontor_crm_core.merge.parting import unmerge
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.refs import live_refs
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.definitions import definitions
from kontor_platform.runtime.call import Call

NOBODY = UUID(int=0)


class Duplicates:
    """Finds contacts that may be one person, merges them and takes merges apart."""

    implements = "kontor.crm.v1.Duplicates"

    async def find_duplicates(self, request: pb.FindDuplicatesRequest, call: Call) -> pb.FindDuplicatesResponse:
        """Finds pairs of contacts that may be one person."""
        find = of_one if request.contact_id else of_all
        answer = await find(request, call)
        call.concerns(*(UUID(each.id) for pair in answer.pairs for each in (pair.first, pair.second) if each))
        return answer

    async def merge_contacts(self, request: pb.MergeContactsRequest, call: Call) -> pb.MergeContactsResponse:
        """Merges contacts into one, or remembers that they are different people."""
        wish = merge_wish(request)
        if request.not_duplicates:
            await tell_apart(call, [wish.winner, *wish.losers])
            return pb.MergeContactsResponse(summary="Remembered as different people.", outcome="remembered")
        merged = await merge(call, wish)
        return merged_answer(call, merged, (await contacts(call, [wish.winner]))[wish.winner])

    async def unmerge_contacts(self, request: pb.UnmergeContactsRequest, call: Call) -> pb.UnmergeContactsResponse:
        """Makes a merged contact itself again."""
        parted = await unmerge(call, UUID(request.contact_id), expected_version(request))
        people = await contacts(call, [parted.contact, parted.winner])
        return parted_answer(call, parted, people, await definitions(call, "contact"))


def merge_wish(request: pb.MergeContactsRequest) -> Wish:
    """What the call asks to merge; raises InvalidField."""
    winner, losers = UUID(request.winner_id), [UUID(each) for each in request.loser_ids]
    seen = list(request.expected_loser_versions)
    if seen and len(seen) != len(losers):
        message = "Give one version for each of loser_ids, in their order, or none."
        raise InvalidField(message, field="expected_loser_versions")
    versions = dict(zip(losers, seen, strict=False))
    own = expected_version(request)
    choices = {each.field: UUID(each.contact_id) for each in request.fields}
    return Wish(winner, losers, choices, versions if own is None else {winner: own, **versions})


async def tell_apart(call: Call, people: Sequence[UUID]) -> None:
    """Remembers that contacts are different people; raises NotFound or Gone."""
    await live_refs(call, people, ["contact"])
    pairs = [sorted(pair) for pair in combinations(dict.fromkeys(people), 2)]
    rows = [
        {"tenant": call.actor.tenant, "first": first, "second": second, "by": call.actor.actor, "at": call.now}
        for first, second in pairs
    ]
    await call.session.execute(TELL_APART, rows)
    call.concerns(*people)


async def of_one(request: pb.FindDuplicatesRequest, call: Call) -> pb.FindDuplicatesResponse:
    """The duplicates of one contact; raises NotFound or Gone."""
    scope = paging.scope(call, request)
    contact = UUID((await led_on(call, request, "contact_id")).contact_id)
    await live_refs(call, [contact], ["contact"])
    start = int(str(call.cursors.decode(request.cursor, scope)[0])) if request.cursor else 0
    found = await pairs_of(call, contact)
    least = Band(request.band or Band.REVIEW)
    pairs = [each for each in found.pairs if reaches(each.band, least)]
    end = start + paging.size(request)
    rest = call.cursors.encode([end], scope) if len(pairs) > end else ""
    return answered(pairs[start:end], found.skipped, found.examined, rest)


async def of_all(request: pb.FindDuplicatesRequest, call: Call) -> pb.FindDuplicatesResponse:
    """A page of the duplicates among all contacts."""
    scope, size = paging.scope(call, request), paging.size(request)
    told = call.cursors.decode(request.cursor, scope) if request.cursor else (str(NOBODY),) * 3
    first, *after = (UUID(str(each)) for each in told)
    found = await walk(call, first, Band(request.band or Band.REVIEW), size, (after[0], after[1]))
    pairs = found.pairs[:size]
    if len(found.pairs) > size:
        one, other = pairs[-1].key
        rest = call.cursors.encode([str(one), str(one), str(other)], scope)
    else:
        rest = call.cursors.encode([str(found.rest), str(NOBODY), str(NOBODY)], scope) if found.rest else ""
    return answered(pairs, found.skipped, found.examined, rest)


def answered(pairs: Sequence[Pair], skipped: Mapping[str, int], examined: int, rest: str) -> pb.FindDuplicatesResponse:
    """A page as callers see it."""
    left = " There are more." if rest else ""
    return pb.FindDuplicatesResponse(
        summary=f"{len(pairs)} pairs among {examined} contacts looked at.{left}",
        pairs=[message(each) for each in pairs],
        skipped=[pb.SkippedBlock(key=key, contacts=count) for key, count in sorted(skipped.items())],
        examined=examined,
        next_cursor=rest,
    )


def message(pair: Pair) -> pb.DuplicatePair:
    """A pair as callers see it."""
    told = [pb.DuplicateEvidence(kind=each.kind, weight=each.weight, detail=each.detail) for each in pair.evidence]
    first, second = ref(pair.first), ref(pair.second)
    return pb.DuplicatePair(first=first, second=second, band=pair.band, score=pair.score, evidence=told)


def ref(profile: Profile) -> common_pb.RecordRef:
    """A contact by name."""
    return common_pb.RecordRef(id=str(profile.id), type="contact", name=profile.name)
