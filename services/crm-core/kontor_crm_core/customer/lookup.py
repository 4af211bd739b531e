"""Tells which customer a query means, and draws the whole picture of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.association.queries import KNOWN
from kontor_crm_core.customer.queries import IDENTIFY, PICTURES
from kontor_crm_core.customer.rules import MATCH_ORDER, evidence, shape
from kontor_crm_core.customer.search import phone_terms, question, search
from kontor_crm_core.customer.trimming import trimmed
from kontor_crm_core.deal.money import shown
from kontor_crm_core.identity.parse import Unreadable, parse_domain, parse_email
from kontor_platform.contract.problem import Gone, NotFound
from kontor_platform.data.records.fold import clean, fold
from kontor_platform.data.records.terms import Field
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Identified:
    """A customer that a query may mean, and the keys that say so."""

    id: str
    type: str
    name: str
    keys: Sequence[str]

    @property
    def candidate(self) -> pb.Candidate:
        """The customer as one of several."""
        return pb.Candidate(id=self.id, type=self.type, name=self.name, evidence=evidence(self.keys))


async def identified(call: Call, query: str, most: int) -> list[Identified]:
    """The customers a query may mean: by identifiers and whole names, else by words; raises NotFound for an id."""
    wanted = shape(query)
    rows = await call.read(IDENTIFY, keys(call, query) | {"limit": most})
    if wanted.id and not rows:
        await refuse_id(call, str(wanted.id))
    if rows:
        return [identity(row) for row in rows]
    answer = await search(call, question(query, call.actor.settings.region), most)
    return [Identified(hit.id, hit.type, hit.name, ("name",)) for hit in answer.hits]


def identity(row: Mapping[str, Any]) -> Identified:
    """A customer found, its strongest key first."""
    return Identified(str(row["id"]), row["type"], row["name"], sorted(row["keys"], key=MATCH_ORDER.index))


async def refuse_id(call: Call, record: str) -> None:
    """Says why an id names no customer; raises NotFound or Gone."""
    rows = await call.read(KNOWN, {"tenant": call.actor.tenant, "record": record}, by_key=True)
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


def email_key(text: str) -> str | None:
    """The key of an address; None for a text that is none."""
    try:
        return parse_email(text).key
    except Unreadable:
        return None


def domain(text: str) -> str | None:
    """The domain a text names; None if it names none."""
    try:
        return parse_domain(text)
    except Unreadable:
        return None


async def picture(call: Call, customer: Identified) -> pb.LookupCustomerResponse:
    """The whole of a customer in at most 8 KB; raises NotFound if it went meanwhile."""
    rows = await call.read(PICTURES[customer.type], {"tenant": call.actor.tenant, "id": customer.id}, by_key=True)
    if not rows:
        raise NotFound
    call.concerns(UUID(customer.id))
    answer = pb.LookupCustomerResponse.from_json(rows[0]["picture"])
    for deal in answer.open_deals:
        deal.amount = shown(Decimal(deal.amount), deal.currency) if deal.amount else ""
    answer.outcome, answer.matched_by = "found", customer.keys[0]
    counts = answer.counts
    assert counts is not None
    answer.summary = (
        f"{customer.name}, a {customer.type}: {counts.open_deals} open deals, {counts.activities} activities, "
        f"{counts.open_tasks} open tasks."
    )
    return trimmed(answer)
