"""The rpc methods of duplicates."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import common_pb
from kontor_protos.kontor.crm.v1 import duplicates_pb as pb

from kontor_crm_core import paging
from kontor_crm_core.duplicate.compare import Profile
from kontor_crm_core.duplicate.finding import Pair, pairs_of, reaches, walk
from kontor_crm_core.duplicate.rules import Band
from kontor_crm_core.refs import live_refs
from kontor_platform.runtime.call import Call

NOBODY = UUID(int=0)


class Duplicates:
    """Finds contacts that may be one person."""

    implements = "kontor.crm.v1.Duplicates"

    async def find_duplicates(self, request: pb.FindDuplicatesRequest, call: Call) -> pb.FindDuplicatesResponse:
        """Finds pairs of contacts that may be one person."""
        find = of_one if request.contact_id else of_all
        answer = await find(request, call)
        call.concerns(*(UUID(each.id) for pair in answer.pairs for each in (pair.first, pair.second) if each))
        return answer


async def of_one(request: pb.FindDuplicatesRequest, call: Call) -> pb.FindDuplicatesResponse:
    """The duplicates of one contact; raises NotFound or Gone."""
    contact, scope = UUID(request.contact_id), paging.scope(call, request)
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
