"""Reads the fields of a deal from a request, naming every fault."""

from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from kontor_protos.kontor.crm.v1 import deals_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.deal.money import money_problems
from kontor_crm_core.deal.rules import DealState, Edits
from kontor_crm_core.owner.directory import owner_named
from kontor_crm_core.record.lookups import foreign_ids
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call

Requested = pb.DealFields | pb.CreateDealRequest | pb.UpdateDealRequest


class Fields(Protocol):
    """The fields of a deal that a request may set."""

    name: str
    amount: str
    currency: str
    close_date: str
    description: str


async def read_edits(call: Call, request: Requested, prefix: str = "") -> Edits:
    """What a request sets; to be read only after `field_problems` found nothing. Raises as `owner_named` does."""
    given = request.has_field("probability")
    return Edits(
        name=clean(request.name) or None,
        amount=Decimal(request.amount) if request.amount else None,
        currency=request.currency or None,
        close_date=day(request.close_date),
        probability=request.probability if given else None,
        probability_source=getattr(request, "probability_source", "") or None,
        forecast_category=request.forecast_category or None,
        owner_id=await owner_named(call, request.owner_id, f"{prefix}owner_id"),
        company_id=UUID(request.company_id) if request.company_id else None,
        contact_ids=tuple(dict.fromkeys(UUID(each) for each in request.contact_ids)),
        external_ids=tuple((each.system, each.value) for each in foreign_ids(given_ids(request))),
        description=clean(request.description) or None,
        lost_reason=clean(getattr(request, "lost_reason", "")) or None,
        forecast_category_source=getattr(request, "forecast_category_source", "") or None,
    )


def given_ids(request: Requested) -> list[tuple[str, str]]:
    """The ids in other systems that a request gives, where it may."""
    return [(each.system, each.value) for each in getattr(request, "external_ids", ())]


def system_problems(request: Requested) -> list[FieldProblem]:
    """Other systems that are given more than one id."""
    given = [system.strip().lower() for system, _ in given_ids(request)]
    return [
        FieldProblem(field=f"external_ids[{place}]", message=f"one id per system; {system} has several")
        for place, system in enumerate(given)
        if given.count(system) > 1
    ]


def field_problems(request: Fields, present: DealState | None, currency: str, prefix: str = "") -> list[FieldProblem]:
    """What is wrong with the fields given; `present` is the deal they would change, `currency` the one without it."""
    amount = request.amount
    if present is not None:
        currency = present.currency
        amount = amount or ("" if present.amount is None else f"{present.amount:f}")
    found = money_problems(amount, request.currency or currency, prefix)
    if request.close_date and day(request.close_date) is None:
        found.append(FieldProblem(field=f"{prefix}close_date", message=f"there is no day {request.close_date}"))
    if request.name and not clean(request.name):
        found.append(FieldProblem(field=f"{prefix}name", message="a deal needs a name"))
    return found


def day(text: str) -> date | None:
    """The day a text means; None if it is empty or no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
