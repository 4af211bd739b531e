"""Tells which customer a query means, and draws the whole picture of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.association.queries import KNOWN
from kontor_crm_core.customer.asking import domain, email_key, phone_terms, readings
from kontor_crm_core.customer.queries import IDENTIFY, PICTURES
from kontor_crm_core.customer.rules import MATCH_ORDER, NAMING, SURE, evidence, likeness, shape
from kontor_crm_core.customer.search import Question, search
from kontor_crm_core.customer.telling import blocklisted, consent, name_owner
from kontor_crm_core.customer.trimming import trimmed
from kontor_crm_core.deal.money import shown
from kontor_platform.contract.problem import Gone, NotFound
from kontor_platform.data.records.fold import clean, fold
from kontor_platform.data.records.sought import Sought, of_word
from kontor_platform.data.records.terms import Field
from kontor_platform.runtime.call import Call

COUNTED = 1_000
MOST_GUESSES, MOST_TRIES = 3, 4


@dataclass(frozen=True, slots=True)
class Identified:
    """A customer that a query may mean, why, by which key surely, and the merged id it was asked by."""

    id: str
    type: str
    name: str
    evidence: str
    key: str = ""
    merged: str = ""

    @property
    def candidate(self) -> pb.Candidate:
        """The customer as one of several."""
        return pb.Candidate(id=self.id, type=self.type, name=self.name, evidence=self.evidence)


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom a query may mean, whether there are more of them, and whose names are near if it means nobody."""

    customers: Sequence[Identified] = ()
    more: bool = False
    near: Sequence[Identified] = ()

    @property
    def one(self) -> Identified | None:
        """The one customer that is meant; None where there are several or none is sure."""
        return self.customers[0] if len(self.customers) == 1 and self.customers[0].key else None


async def meant(call: Call, query: str, most: int) -> Meant:
    """The customers a query may mean: by identifiers and whole names, else by words; raises NotFound for an id."""
    wanted = shape(query)
    rows = await call.read(IDENTIFY, keys(call, query) | {"limit": most + 1})
    if wanted.id and not rows:
        await refuse_id(call, str(wanted.id))
    if rows:
        return Meant([identity(row) for row in rows[:most]], len(rows) > most)
    asked = readings(query, call.actor.settings.region)
    found = await search(call, Question(asked, most))
    likely = [alike(hit) for hit in found.hits if is_sure(hit)]
    return Meant(likely, found.total > most, [alike(hit) for hit in found.hits] or await guesses(call, asked))


async def guesses(call: Call, asked: Sequence[Sequence[Sought]]) -> list[Identified]:
    """Customers found by one of the words alone, or by its beginning; the longest word first."""
    words = sorted((word for word in asked[-1] if word.word), key=lambda word: -len(word.word)) if asked else []
    tried = [*([[word] for word in words] if len(words) > 1 else []), *([shortened(word)] for word in words)]
    for each in tried[:MOST_TRIES]:
        found = await search(call, Question([each], MOST_GUESSES))
        if found.hits:
            return [alike(hit) for hit in found.hits]
    return []


def shortened(word: Sought) -> Sought:
    """A word without its end: a quarter of it, or its last character where each tells much."""
    return of_word(word.word[: -max(1, len(word.word) // 4)] or word.word)


def is_sure(hit: pb.Hit) -> bool:
    """Whether a hit matches as it was asked for, without a guess."""
    assert hit.match is not None
    return hit.match.class_ in SURE


def identity(row: Mapping[str, Any]) -> Identified:
    """A customer found by keys, its strongest key first."""
    told = sorted(row["keys"], key=MATCH_ORDER.index)
    return Identified(str(row["id"]), row["type"], row["name"], evidence(told), told[0], str(row["merged"] or ""))


def alike(hit: pb.Hit) -> Identified:
    """A customer found by words; surely meant only by a word of what it is called or reached by."""
    match = hit.match
    assert match is not None
    key = match.field if match.field in NAMING and match.class_ in SURE else ""
    return Identified(hit.id, hit.type, hit.name, likeness(match.class_, match.field), key)


async def refuse_id(call: Call, record: str) -> None:
    """Says why an id names no customer; raises NotFound or Gone."""
    rows = await call.read(KNOWN, {"tenant": call.actor.tenant, "id": record}, by_key=True)
    if rows and rows[0]["deleted_at"]:
        raise Gone(ids=[record])
    raise NotFound


def keys(call: Call, query: str) -> dict[str, object]:
    """Every key that the query can be read as; None or empty where it cannot."""
    wanted, text = shape(query), clean(query)
    return {
        "tenant": call.actor.tenant,
        "query": text or None,
        "id": wanted.id,
        "email": email_key(text) if wanted.email else None,
        "domain": domain(text) if wanted.domain else None,
        "phones": phone_terms(text, call.actor.settings.region)[:-1] if wanted.phone else [],
        "phone_field": int(Field.PHONE),
        "name": fold(text) or None,
    }


async def picture(call: Call, customer: Identified) -> pb.LookupCustomerResponse:
    """The whole of a customer in at most 8 KB; raises NotFound if it went meanwhile."""
    values = {
        "tenant": call.actor.tenant,
        "id": customer.id,
        "most": COUNTED,
        "restricted": call.actor.sees_restricted,
    }
    rows = await call.read(PICTURES[customer.type], values, by_key=True)
    if not rows:
        raise NotFound
    call.concerns(UUID(customer.id))
    answer = pb.LookupCustomerResponse.from_json(rows[0]["picture"])
    for deal in answer.open_deals:
        deal.amount = shown(Decimal(deal.amount), deal.currency) if deal.amount else ""
    answer.outcome, answer.matched_by, answer.redirected_from = "found", customer.key, customer.merged
    addresses = [each.address for each in answer.contact.emails] if answer.contact else []
    answer.consent = consent(answer, await blocklisted(call, rows[0]["secret"], addresses))
    await name_owner(call, answer)
    answer.summary = summary(customer, answer)
    return trimmed(answer)


def summary(customer: Identified, answer: pb.LookupCustomerResponse) -> str:
    """What was found, in one sentence."""
    counts = answer.counts
    assert counts is not None
    merged = " The id asked for was merged into it." if customer.merged else ""
    return (
        f"{customer.name}, a {customer.type}: {counts.open_deals} open deals, {counts.activities} activities, "
        f"{counts.open_tasks} open tasks.{merged}"
    )
