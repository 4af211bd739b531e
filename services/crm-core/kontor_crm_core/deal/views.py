"""Deals as callers see them, built by the database in one statement."""

from decimal import Decimal
from uuid import UUID

from kontor_protos.kontor.crm.v1 import deals_pb as pb
from sqlalchemy import text

from kontor_crm_core.deal.money import shown
from kontor_platform.runtime.call import Call

# The JSON of the message of one row of the table `deal`; `read_deal` makes the message of it.
DEAL = """
json_build_object(
    'id', deal.id, 'version', deal.version, 'name', deal.name, 'stage', stage.label, 'stage_kind', deal.stage_kind,
    'amount', deal.amount::text, 'currency', deal.currency, 'probability', deal.probability,
    'probability_source', deal.probability_source, 'forecast_category', deal.forecast_category,
    'forecast_category_source', deal.forecast_category_source, 'close_date', deal.close_date,
    'pipeline', pipeline.name, 'pipeline_id', deal.pipeline_id, 'stage_id', deal.stage_id,
    'stage_entered_at', deal.stage_entered_at,
    'days_in_stage', greatest(floor(extract(epoch FROM now() - deal.stage_entered_at) / 86400), 0)::int,
    'owner_id', deal.owner_id, 'description', deal.description, 'lost_reason', deal.lost_reason,
    'opened_at', deal.opened_at, 'closed_at', deal.closed_at,
    'created_at', deal.created_at, 'updated_at', deal.updated_at,
    'company', (
        SELECT json_build_object('id', o.id, 'type', 'company', 'name', o.name)
        FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
        WHERE a.tenant_id = deal.tenant_id AND a.from_id = deal.id AND a.type_key = 'deal_company'
            AND o.deleted_at IS NULL),
    'contacts', (
        SELECT json_agg(json_build_object('id', c.id, 'type', 'contact', 'name', c.name) ORDER BY c.made, c.id)
        FROM (
            SELECT p.id, p.name, a.created_at AS made
            FROM association a JOIN contact p ON p.tenant_id = a.tenant_id AND p.id = a.to_id
            WHERE a.tenant_id = deal.tenant_id AND a.from_id = deal.id AND a.type_key = 'deal_contact'
                AND p.deleted_at IS NULL
            ORDER BY a.created_at, p.id LIMIT 50) c),
    'external_ids', (
        SELECT json_agg(json_build_object('system', x.system, 'value', x.value) ORDER BY x.system, x.value)
        FROM external_id x WHERE x.tenant_id = deal.tenant_id AND x.record_id = deal.id AND x.live))
"""
# The tables that DEAL reads beside it.
AROUND = """
JOIN stage ON stage.tenant_id = deal.tenant_id AND stage.id = deal.stage_id
JOIN pipeline ON pipeline.tenant_id = deal.tenant_id AND pipeline.id = deal.pipeline_id
"""
ONE = text(f"SELECT ({DEAL})::text FROM deal {AROUND} WHERE deal.tenant_id = :tenant AND deal.id = :id")


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
