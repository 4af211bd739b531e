"""Deals as callers see them, built by the database in one statement."""

from decimal import Decimal
from uuid import UUID

from kontor_protos.kontor.crm.v1 import deals_pb as pb
from sqlalchemy import text

from kontor_crm_core.deal.money import shown
from kontor_crm_core.record.views import DEAL, STAGED
from kontor_platform.runtime.call import Call

ONE = text(f"SELECT ({DEAL})::text FROM {STAGED} WHERE deal.tenant_id = :tenant AND deal.id = :id")


async def deal_message(call: Call, deal_id: UUID) -> pb.Deal:
    """A stored deal."""
    found = await call.session.execute(ONE, {"tenant": call.actor.tenant, "id": deal_id})
    return read_deal(found.scalar_one())


def read_deal(told: str) -> pb.Deal:
    """The message of a deal's JSON, with its amount as its currency writes it."""
    deal = pb.Deal.from_json(told)
    if deal.has_field("amount"):
        deal.amount = shown(Decimal(deal.amount), deal.currency)
    return deal
