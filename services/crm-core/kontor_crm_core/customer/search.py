"""Finds contacts and companies by terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.customer.queries import NEAR, SEARCH, WORD_COUNTS
from kontor_crm_core.customer.rules import beginnings, shape
from kontor_crm_core.identity.parse import digits, parse_phone
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.terms import IDENTIFIERS, REVERSED, asked, bounds, strongest
from kontor_platform.runtime.call import Call

TYPES = ("contact", "company")
CLASSES = {1: "identifier", 2: "word", 3: "prefix"}
FIRST: Sequence[JSON] = (0, 0, 0, str(UUID(int=0)))
COUNTED = 1_000
CANDIDATES = 2_000
CANDIDATES_OF_SEVERAL_WORDS = 20_000
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Question:
    """Words that must all match; where there are `alternatives`, any of them will do instead."""

    words: Sequence[str]
    alternatives: Sequence[str] = ()
    types: Sequence[str] = TYPES
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of hits, how many there are in all, and where the next page begins."""

    hits: Sequence[pb.Hit]
    total: int
    capped: bool
    next: Sequence[JSON]


def question(query: str, region: str, types: Sequence[str] = TYPES, owner: str | None = None) -> Question:
    """Reads a query: a phone number in any spelling, else words."""
    if shape(query).phone:
        return Question((), phone_terms(query, region), types, owner)
    return Question(asked(query)[:MOST_WORDS], (), types, owner)


def phone_terms(query: str, region: str) -> list[str]:
    """What a number is found by: as a whole, from its beginning and from its end."""
    phone, plain = parse_phone(query, region), digits(query)
    forms = [phone.e164, phone.national_digits, plain, REVERSED + plain[::-1]]
    return list(dict.fromkeys(form for form in forms if form))


async def search(call: Call, asking: Question, size: int, after: Sequence[JSON] = FIRST) -> Answer:
    """One page of what a question finds, best first."""
    if not (asking.words or asking.alternatives):
        return Answer((), 0, False, ())
    driving, others = await driven(call, asking)
    worst, fewer, older, record = after
    values = {
        **base(call, asking),
        **ranges(driving, ""),
        **ranges(others, "other_"),
        "candidates": CANDIDATES_OF_SEVERAL_WORDS if others else CANDIDATES,
        "identifiers": int(IDENTIFIERS),
        "owner": asking.owner,
        "worst": worst,
        "fewer": fewer,
        "older": older,
        "record": record,
        "limit": size + 1,
    }
    return paged(await call.read(SEARCH, values), size)


async def driven(call: Call, asking: Question) -> tuple[Sequence[str], Sequence[str]]:
    """The terms to begin with, those of the rarest word, and the other words, which only narrow."""
    if asking.alternatives or len(asking.words) == 1:
        return asking.alternatives or asking.words, ()
    values = {**base(call, asking), **ranges(asking.words, ""), "most": CANDIDATES_OF_SEVERAL_WORDS}
    rows = await call.read(WORD_COUNTS, values)
    rarest = asking.words[rows[0]["at"] - 1]
    return [rarest], [word for word in asking.words if word != rarest]


def base(call: Call, asking: Question) -> dict[str, Any]:
    """What every statement asks for."""
    return {"tenant": call.actor.tenant, "types": list(asking.types)}


def ranges(words: Sequence[str], name: str) -> dict[str, list[str]]:
    """The ranges of terms that begin with the words."""
    both = [bounds(word) for word in words]
    return {f"{name}lows": [low for low, _ in both], f"{name}highs": [high for _, high in both]}


def paged(rows: Sequence[Mapping[str, Any]], size: int) -> Answer:
    """The page that rows make, the last of them telling only that there is another page."""
    shown = rows[:size]
    total = rows[0]["total"] if rows else 0
    last = shown[-1] if len(rows) > size else None
    return Answer(
        hits=[hit(row) for row in shown],
        total=min(total, COUNTED),
        capped=total > COUNTED or bool(rows and rows[0]["capped"]),
        next=[last["worst"], last["fewer"], last["older"], str(last["record_id"])] if last else (),
    )


def hit(row: Mapping[str, Any]) -> pb.Hit:
    """A record found, as callers see it."""
    shown = ("name", "title", "company", "email", "phone", "domain", "city")
    return pb.Hit(
        id=str(row["record_id"]),
        type=row["object_type"],
        owner_id=str(row["owner_id"] or ""),
        match=matched(row),
        **{name: row[name] or "" for name in shown},
    )


def matched(row: Mapping[str, Any]) -> pb.Match:
    """Why the record was found."""
    found_in = strongest(row["term_fields"])
    return pb.Match(class_=CLASSES[row["worst"]], field=found_in, fragment=fragment(row["term"]))


def fragment(term: str) -> str:
    """A term as it stands in its field."""
    return term.removeprefix(REVERSED)[::-1] if term.startswith(REVERSED) else term


async def near(call: Call, query: str, most: int) -> Sequence[pb.Hit]:
    """Records whose words are near those of a query that found nothing."""
    words = asked(query)[:MOST_WORDS]
    starts = sorted({start for word in words for start in beginnings(word)})
    values = {"tenant": call.actor.tenant, "types": list(TYPES), **ranges(starts, "")}
    rows = await call.read(NEAR, values) if starts else []
    known = [row["term"] for row in rows]
    guesses = [guess for guess in (nearest(word, known) for word in words) if guess]
    return (await search(call, Question(guesses), most)).hits if guesses else ()
