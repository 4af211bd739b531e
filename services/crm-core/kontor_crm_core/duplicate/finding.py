"""Finds the contacts that share a number, an address or the sound of a name, and compares them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from kontor_crm_core.duplicate.compare import Profile, compared
from kontor_crm_core.duplicate.queries import CANDIDATES, DATES, LARGEST_BLOCK, NEXT, PROFILES, SKIPPED
from kontor_crm_core.duplicate.rules import Band, Evidence, band, evidence, score
from kontor_crm_core.identity.parse import company_domain
from kontor_platform.data.arrays import array
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

BATCH = 100
MOST_EXAMINED = 1_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contacts, the older one first, and what speaks for and against their being one."""

    first: Profile
    second: Profile
    evidence: Sequence[Evidence]

    @property
    def score(self) -> float:
        """The sum of the evidence."""
        return score(self.evidence)

    @property
    def band(self) -> Band:
        """How sure it makes."""
        return band(self.score)

    @property
    def key(self) -> tuple[UUID, UUID]:
        """The two ids."""
        return self.first.id, self.second.id


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs in order, what was left out, how many contacts were looked at, and the contact to go on with."""

    pairs: Sequence[Pair]
    skipped: Mapping[str, int]
    examined: int
    rest: UUID | None


async def pairs_of(call: Call, contact: UUID) -> Found:
    """Everybody who may be one contact, the likeliest first."""
    pairs = await pairs_among(call, [contact], forward=False)
    ordered = sorted(pairs, key=lambda each: (-each.score, each.key))
    return Found(ordered, await skipped(call, [contact]), 1, None)


async def walk(call: Call, first: UUID, least: Band, enough: int, after: tuple[UUID, UUID]) -> Found:
    """Pairs of contacts from one on, in the order of their ids, until there are enough or many were looked at."""
    pairs: list[Pair] = []
    left_out: dict[str, int] = {}
    examined = 0
    while True:
        found = await call.session.execute(NEXT, {"tenant": call.actor.tenant, "first": first, "count": BATCH + 1})
        ids = list(found.scalars())
        batch, rest = ids[:BATCH], ids[BATCH:]
        ordered = sorted(await pairs_among(call, batch, forward=True), key=lambda each: each.key)
        pairs += [each for each in ordered if reaches(each.band, least) and each.key > after]
        left_out |= await skipped(call, batch)
        examined += len(batch)
        if not rest or len(pairs) > enough or examined >= MOST_EXAMINED:
            return Found(pairs, left_out, examined, rest[0] if rest else None)
        first = rest[0]


def reaches(one: Band, least: Band) -> bool:
    """Whether a band is at least another."""
    order = list(Band)
    return order.index(one) <= order.index(least)


async def pairs_among(call: Call, ids: Sequence[UUID], *, forward: bool) -> list[Pair]:
    """Contacts compared with those they share something with; only with younger ones if `forward`."""
    values = {"tenant": call.actor.tenant, "ids": array(ids), "largest": LARGEST_BLOCK, "forward": forward}
    candidates = [(row.one, row.other) for row in await call.session.execute(CANDIDATES, values)]
    known = await profiles(call, {each for pair in candidates for each in pair})
    return [paired(known[one], known[other]) for one, other in candidates if one in known and other in known]


def paired(one: Profile, other: Profile) -> Pair:
    """Two contacts compared."""
    first, second = sorted((one, other), key=lambda each: each.id)
    return Pair(first, second, evidence(compared(first, second)))


async def skipped(call: Call, ids: Sequence[UUID]) -> dict[str, int]:
    """What these contacts have in common with too many."""
    values = {"tenant": call.actor.tenant, "ids": array(ids), "largest": LARGEST_BLOCK}
    return {row.term: row.contacts for row in await call.session.execute(SKIPPED, values)}


async def profiles(call: Call, ids: Iterable[UUID]) -> dict[UUID, Profile]:
    """Contacts as they are compared."""
    dates = {str(row.id): row.name for row in await call.session.execute(DATES, {"tenant": call.actor.tenant})}
    found = await call.session.execute(PROFILES, {"tenant": call.actor.tenant, "ids": array(ids)})
    return {row["id"]: profile(row, dates) for row in found.mappings()}


def profile(row: RowMapping, dates: Mapping[str, str]) -> Profile:
    """A contact as it is compared."""
    domains = [company_domain(key.rpartition("@")[2]) for key in row["addresses"]]
    props: Mapping[str, Any] = row["props"]
    return Profile(
        id=row["id"],
        name=row["name"],
        first=fold(row["first_name"] or ""),
        last=fold(row["last_name"] or ""),
        addresses={plain_address(key): key for key in row["addresses"]},
        phones=row["phones"],
        company=fold(row["company"] or ""),
        company_domain=next((each for each in domains if each), ""),
        city=fold(row["city"] or ""),
        title=fold(row["title"] or ""),
        dates={name: str(props[key]) for key, name in dates.items() if key in props},
    )


def plain_address(key: str) -> str:
    """An address without the dots and the +tag of its local part, which most providers pass over."""
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"
