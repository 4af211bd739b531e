"""Keeps what the timelines of both ends tell of links: those taken away, and changes of those that stand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert

from kontor_crm_core.association.models import LINK_LOG
from kontor_crm_core.association.rules import Edge, Plan
from kontor_crm_core.association.types.rules import ABOUT, STANDARD
from kontor_platform.contract.problem import JSON
from kontor_platform.runtime.call import Call

Row = Mapping[str, Any]


async def log(call: Call, plan: Plan, removed: Iterable[RowMapping]) -> None:
    """Appends what a plan did; `removed` are the rows of its links that are gone."""
    rows = [row for gone in removed for row in of_removed(call, gone)]
    for before, after in plan.updates:
        rows += both_ends(after, at_now(call) | {"kind": "link", "changes": differences(before, after)})
    await write(call, rows)


async def write(call: Call, rows: Iterable[Row]) -> None:
    """Appends rows in one statement."""
    told = [dict(row) for row in rows]
    if told:
        await call.session.execute(insert(LINK_LOG), told)


def of_removed(call: Call, gone: RowMapping) -> Iterator[Row]:
    """What the timelines tell of a link that is gone: that it was made, as the link itself told so far, and its end."""
    edge = Edge(gone["type_key"], gone["from_id"], gone["to_id"])
    made = {
        "tenant_id": call.actor.tenant,
        "kind": "link",
        "at": gone["created_at"],
        "actor_id": gone["created_by"],
        "actor_kind": gone["created_by_kind"],
        "on_behalf_of": gone["on_behalf_of"],
        "operation_id": None,
        "changes": [],
    }
    yield from both_ends(edge, made)
    yield from both_ends(edge, at_now(call) | {"kind": "unlink", "changes": []})


def unlinked(call: Call, activity: UUID, record: UUID) -> Iterator[Row]:
    """What the record's timeline tells of an activity that is about it no longer."""
    told = {"kind": "unlink", "changes": [], "tie": "unlink>about", "label": ABOUT.reverse_label}
    yield at_now(call) | told | {"record_id": record, "other_id": activity}


def at_now(call: Call) -> dict[str, Any]:
    """Who does something now."""
    return {
        "tenant_id": call.actor.tenant,
        "at": call.now,
        "actor_id": call.actor.actor,
        "actor_kind": call.author,
        "on_behalf_of": call.actor.on_behalf_of,
        "operation_id": call.call_id,
    }


def both_ends(edge: Edge, told: Row) -> Iterator[Row]:
    """A row for each end of a link."""
    kind = STANDARD[edge.type_key]
    for mark, near, far, label in (
        (">", edge.from_id, edge.to_id, kind.label),
        ("<", edge.to_id, edge.from_id, kind.reverse_label),
    ):
        yield {**told, "record_id": near, "other_id": far, "label": label, "tie": f"{told['kind']}{mark}{kind.key}"}


def differences(before: Edge, after: Edge) -> list[JSON]:
    """What changed of a link, field by field."""
    fields: list[tuple[str, JSON, JSON]] = [
        ("labels", list(before.labels), list(after.labels)),
        ("is_primary", before.is_primary, after.is_primary),
    ]
    names = dict.fromkeys([*before.props, *after.props])
    fields += [(name, before.props.get(name), after.props.get(name)) for name in names]
    return [{"field": name, "before": was, "after": now} for name, was, now in fields if was != now]
