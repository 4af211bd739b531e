"""Between a deal's row and the state that is decided upon."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from kontor_crm_core.deal.money import shown
from kontor_crm_core.deal.queries import COMPANY, CONTACT, linked
from kontor_crm_core.deal.rules import FIELDS, DealState, changed_fields, name_key
from kontor_crm_core.record.objects import FOREIGN
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.planned import ShelfChange, shelf_change
from kontor_platform.runtime.call import Call, Change

ELSEWHERE = ("stage", "company_id", "contact_ids", "external_ids")
ForeignIds = Sequence[tuple[str, str]]
COLUMNS = tuple(field for field in FIELDS if field not in ELSEWHERE)


def state_of(row: Mapping[Any, Any], label: str) -> DealState:
    """The state of a deal by its row, its links and ids in other systems left out."""
    return DealState(stage=label, props=row["props"], **{field: row[field] for field in COLUMNS})


async def links_of(call: Call, deal_id: UUID) -> tuple[UUID | None, tuple[UUID, ...]]:
    """The company and the contacts of a deal."""
    rows = (await call.session.execute(linked(call.actor.tenant, [deal_id]))).all()
    company = next((row.to_id for row in rows if row.type_key == COMPANY), None)
    return company, tuple(row.to_id for row in rows if row.type_key == CONTACT)


def columns(state: DealState) -> dict[str, Any]:
    """The state as the columns of the deal's row."""
    return {field: getattr(state, field) for field in COLUMNS} | {"name_key": name_key(state.name)}


def changes(before: DealState, after: DealState) -> list[Change]:
    """What differs between two states, as the change log tells it."""
    return [Change(field, told(before, field), told(after, field)) for field in changed_fields(before, after)]


def fields(state: DealState) -> dict[str, JSON]:
    """Every field of a state, as the change log tells it."""
    return {field: told(state, field) for field in FIELDS}


def told(state: DealState, field: str) -> JSON:
    """A field's value in JSON."""
    value = getattr(state, field)
    if isinstance(value, Decimal):
        return shown(value, state.currency)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if field == "external_ids":
        return [f"{system}:{name}" for system, name in value]
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, UUID) else value


def shelves(before: ForeignIds, after: ForeignIds) -> list[ShelfChange]:
    """What makes a deal's ids in other systems those it shall have."""
    if before == after:
        return []
    present, wanted = (
        [{"system": system, "value": value, "object_type": "deal"} for system, value in each]
        for each in (before, after)
    )
    return [shelf_change(FOREIGN, present, wanted)]
