"""Lists what is linked to a record, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1.associations_pb import LinkedRecord

from kontor_crm_core.association.queries import REACHED
from kontor_platform.contract.problem import JSON
from kontor_platform.runtime.call import Call

FIRST: Sequence[JSON] = (0, str(UUID(int=0)), "", False)
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """Which linked records to list; empty texts ask for all."""

    record: str
    type: str = ""
    label: str = ""
    record_type: str = ""
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """One page, how many there are in all, and where the next one begins."""

    linked: Sequence[LinkedRecord]
    total: int
    next: Sequence[JSON]


async def linked_page(call: Call, wish: Wish, size: int, after: Sequence[JSON] = FIRST) -> Page:
    """A page of linked records, direct ones first, then by id."""
    depth, far, kind, forward = after
    values = {
        "tenant": call.actor.tenant,
        "record": wish.record,
        "type": wish.type,
        "label": wish.label,
        "record_type": wish.record_type,
        "depth": wish.depth,
        "activities": wish.type == "about" or wish.record_type in ("activity", "task"),
        "after_depth": depth,
        "after_far": far,
        "after_type": kind,
        "after_forward": forward,
        "most": COUNTED + 1,
        "limit": size + 1,
    }
    rows = await call.read(REACHED, values)
    shown = rows[:size]
    last = shown[-1] if len(rows) > size else None
    return Page(
        linked=[LinkedRecord.from_json(row["linked"]) for row in shown],
        total=rows[0]["total"] if rows else 0,
        next=[last["depth"], str(last["far"]), last["type_key"], last["forward"]] if last else (),
    )
