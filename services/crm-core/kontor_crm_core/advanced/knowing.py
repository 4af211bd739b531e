"""What a filter of a call is read with."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.records.v1.filters_pb import Filter
from sqlalchemy import text

from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.segment.reading import segments
from kontor_platform.data.records.definitions import definitions
from kontor_platform.data.records.filters.knowledge import Choice, Knowledge
from kontor_platform.data.records.filters.tree import Segment
from kontor_platform.data.records.objects import ObjectType
from kontor_platform.data.records.reading.basis import Reading
from kontor_platform.runtime.call import Call

# Tasks have the properties of activities.
DEFINED_AS = {"task": "activity"}
CHOICES = text(
    """
    SELECT 'stage' AS what, id, label FROM stage WHERE tenant_id = :tenant AND archived_at IS NULL
    UNION ALL SELECT 'pipeline', id, name FROM pipeline WHERE tenant_id = :tenant
    """
)


async def knowledge(call: Call, object_type: str, *filters: Filter | None, now: datetime | None = None) -> Knowledge:
    """What the filters of a call may mention, as far as the caller may see it."""
    asked = [each for each in filters if each is not None]
    known = await segments(call) if any(map(mentions_segment, asked)) else []
    trees = [*asked, *(each.filter for each in known if each.filter is not None)]
    types = {object_type, *(name for tree in trees for name in linked_types(tree, KINDS.values()))}
    settings = call.actor.settings
    return Knowledge(
        tenant=call.actor.tenant,
        now=now or call.now,
        types=KINDS,
        definitions={name: await definitions(call, DEFINED_AS.get(name, name)) for name in sorted(types)},
        segments=named(known),
        choices=await choices(call) if "deal" in types else {},
        me=call.actor.owner,
        reading=Reading(settings.time_zone, settings.region, settings.currency),
        fiscal_month=settings.fiscal_month,
    )


def named(known: Iterable[Segment]) -> dict[str, Segment]:
    """Segments by key and by id."""
    found = list(known)
    return {str(each.id): each for each in found} | {each.key: each for each in found}


async def choices(call: Call) -> dict[str, list[Choice]]:
    """The tenant's stages and pipelines."""
    found: dict[str, list[Choice]] = {"stage": [], "pipeline": []}
    for what, id, label in await call.session.execute(CHOICES, {"tenant": call.actor.tenant}):
        found[what].append(Choice(UUID(str(id)), label))
    return found


def nodes(tree: Filter) -> Iterator[Filter]:
    """Every node of a filter, those on linked records too."""
    yield tree
    for inner in (*tree.all, *tree.any, *tree.none):
        yield from nodes(inner)
    if tree.assoc is not None and tree.assoc.where is not None:
        yield from nodes(tree.assoc.where)


def mentions_segment(tree: Filter) -> bool:
    """Whether a filter refers to a segment."""
    return any(node.in_segment for node in nodes(tree))


def linked_types(tree: Filter, kinds: Iterable[ObjectType]) -> set[str]:
    """The types of record at the other end of the links that a filter mentions."""
    told = {node.assoc.type for node in nodes(tree) if node.assoc is not None}
    return {kind.relation[name].far_type for kind in kinds for name in told if name in kind.relation}
