"""Finds contacts and companies by terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.customer.queries import OF_HIT, SHOWN
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.find import FIRST, Depth, Finder, Found, Wanted, Within
from kontor_platform.data.records.sought import Match, Sought
from kontor_platform.data.records.terms import strongest, told
from kontor_platform.runtime.call import Call

TYPES = ("contact", "company")
COUNTED = 1_000
FINDER = Finder(SHOWN, OF_HIT)
KEY_FIELDS = ("name", "title", "company", "email", "phone", "domain", "city")


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: readings of the query of which the first that finds something counts, and what narrows."""

    readings: Sequence[Sequence[Sought]]
    size: int
    types: Sequence[str] = TYPES
    within: Within = field(default_factory=Within)
    deepest: Depth = Depth.SLIPS


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of hits, how many there are in all, and where the next page begins."""

    hits: Sequence[pb.Hit] = ()
    total: int = 0
    capped: bool = False
    next: Sequence[JSON] = ()


async def search(call: Call, question: Question, after: Sequence[JSON] = ()) -> Answer:
    """One page of what a question finds, best first; `after` is where the page before ended."""
    if after:
        reading, depth, *place = after
        wanted = replace(wanted_of(question, int(str(reading))), after=place, depth=Depth(int(str(depth))))
        return page(await FINDER.find(call, wanted), question.size, int(str(reading)))
    for at in range(len(question.readings)):
        found = await FINDER.find(call, wanted_of(question, at))
        if found.total:
            return page(found, question.size, at)
    return Answer()


def wanted_of(question: Question, reading: int) -> Wanted:
    """A reading as the engine takes it; only the last one is taken for words with slips."""
    last = reading == len(question.readings) - 1
    return Wanted(
        words=question.readings[reading],
        types=question.types,
        size=question.size,
        after=FIRST,
        within=question.within,
        deepest=question.deepest if last else Depth.BEGINNINGS,
    )


def page(found: Found, size: int, reading: int) -> Answer:
    """The page that rows make, the last of them telling only that there is another page."""
    shown = found.rows[:size]
    last = shown[-1] if len(found.rows) > size else None
    place = [last["class"], last["fewer"], last["older"], str(last["record_id"])] if last else []
    return Answer(
        hits=[hit(row) for row in shown],
        total=min(found.total, COUNTED),
        capped=found.capped or found.total > COUNTED,
        next=[reading, found.depth.value, *place] if last else (),
    )


def hit(row: Mapping[str, Any]) -> pb.Hit:
    """A record found, as callers see it."""
    return pb.Hit(
        id=str(row["record_id"]),
        type=row["object_type"],
        owner_id=str(row["owner_id"] or ""),
        match=pb.Match(
            class_=Match(row["class"]).name.lower(),
            field=strongest(row["term_fields"] or 0),
            fragment=told(row["term"] or ""),
        ),
        **{name: row[name] or "" for name in KEY_FIELDS},
    )
