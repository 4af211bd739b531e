"""The rpc service of links between records."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import associations_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import RecordRef
from protobuf.wkt import Value

from kontor_crm_core import paging
from kontor_crm_core.association.abouts import relate, separate
from kontor_crm_core.association.edges import link_wishes, unlink_wishes
from kontor_crm_core.association.listing import COUNTED, FIRST, Wish, linked_page
from kontor_crm_core.association.queries import KNOWN
from kontor_crm_core.association.rules import Edge, Plan
from kontor_crm_core.association.types.rules import ABOUT, STANDARD
from kontor_crm_core.association.wishes import Wishes, wished
from kontor_crm_core.contact.reindexing import reindex
from kontor_crm_core.record.redirects import redirected_from
from kontor_crm_core.refs import refs
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import Gone, InvalidField, NotFound
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.dispatcher import single_read

SHOWN = 20
TYPES = (*STANDARD, ABOUT.key)


class Associations:
    """Links records and lists their links."""

    implements = "kontor.crm.v1.Associations"

    async def link_entities(self, request: pb.LinkEntitiesRequest, call: Call) -> pb.LinkEntitiesResponse:
        """Links pairs of records, or unlinks them."""
        wishes = await wished(call, request)
        plan, unmoved = await fulfilled(call, wishes, remove=request.remove, replace=request.replace)
        await renamed(call, plan)
        answer = counted(plan, unmoved)
        if not request.remove:
            answer.links = await shown(call, [*plan.inserts, *plan.updated, *plan.unchanged][:SHOWN])
        return answer

    @single_read
    async def list_associations(self, request: pb.ListAssociationsRequest, call: Call) -> pb.ListAssociationsResponse:
        """Lists the records linked to a record."""
        record = await require_known(call, request.record_id)
        require_type(request.type)
        scope = paging.scope(call, request)
        after = call.cursors.decode(request.cursor, scope) if request.cursor else FIRST
        wish = Wish(record, request.type, request.label, request.record_type, request.depth or 1)
        page = await linked_page(call, wish, paging.size(request), after)
        total = min(page.total, COUNTED)
        return pb.ListAssociationsResponse(
            summary=f"Linked records: {total}{' or more' if page.total > COUNTED else ''}.",
            associations=list(page.linked),
            total=total,
            capped=page.total > COUNTED,
            next_cursor=call.cursors.encode(page.next, scope) if page.next else "",
            redirected_from=redirected_from(request.record_id, record),
        )


async def fulfilled(call: Call, wishes: Wishes, *, remove: bool, replace: bool) -> tuple[Plan, int]:
    """What the wishes came to, and how many pairs were as asked for already; raises LinkExists."""
    plan = await (unlink_wishes(call, wishes.links) if remove else link_wishes(call, wishes.links, replacing=replace))
    if not wishes.abouts:
        return plan, len(plan.unchanged)
    related = await (separate if remove else relate)(call, wishes.abouts)
    unmoved = len(plan.unchanged) + len(related.unchanged)
    if remove:
        return Plan(plan.inserts, plan.updates, [*plan.deletes, *related.done], plan.unchanged), unmoved
    same = [*plan.unchanged, *related.unchanged]
    return Plan([*plan.inserts, *related.done], plan.updates, plan.deletes, same), unmoved


async def require_known(call: Call, record: str) -> str:
    """The record that an id means; raises NotFound, or Gone if it is deleted."""
    rows = await call.read(KNOWN, {"tenant": call.actor.tenant, "id": record}, by_key=True)
    if not rows:
        raise NotFound
    if rows[0]["deleted_at"]:
        raise Gone(ids=[record])
    return str(rows[0]["id"])


def require_type(wanted: str) -> None:
    """Refuses a type of link that there is not; raises InvalidField."""
    if wanted and wanted not in TYPES:
        message = f"There is no link of type {wanted!r}."
        raise InvalidField(message, field="type", allowed=list(TYPES), did_you_mean=nearest(wanted, TYPES))


async def renamed(call: Call, plan: Plan) -> None:
    """Makes contacts found by the company they work for now."""
    edges = [*plan.inserts, *plan.updated, *plan.deletes]
    await reindex(call, {edge.from_id for edge in edges if edge.type_key == "contact_company"})


def counted(plan: Plan, unmoved: int) -> pb.LinkEntitiesResponse:
    """What a plan came to, in numbers."""
    answer = pb.LinkEntitiesResponse(
        linked=len(plan.inserts),
        updated=len(plan.updates),
        unchanged=unmoved,
        removed=len(plan.deletes),
    )
    answer.summary = (
        f"{answer.linked} linked, {answer.updated} updated, {answer.unchanged} unchanged, {answer.removed} removed."
    )
    return answer


async def shown(call: Call, edges: Sequence[Edge]) -> list[pb.Link]:
    """Links with the names of their ends."""
    named = await named_refs(call, (end for edge in edges for end in (edge.from_id, edge.to_id)))
    return [
        pb.Link(
            type=edge.type_key,
            label=STANDARD.get(edge.type_key, ABOUT).label,
            from_=named[edge.from_id],
            to=named[edge.to_id],
            labels=list(edge.labels),
            is_primary=edge.is_primary,
            properties=told_properties(edge.props),
        )
        for edge in edges
    ]


def told_properties(props: Mapping[str, str | float | int]) -> list[pb.EdgeProperty]:
    """Properties of a link as callers see them, by name."""
    return [pb.EdgeProperty(name=name, value=Value.from_python(value)) for name, value in sorted(props.items())]


async def named_refs(call: Call, ids: Iterable[UUID]) -> dict[UUID, RecordRef]:
    """Records as callers see them at the end of a link."""
    return {each: ref.to_message() for each, ref in (await refs(call, ids)).items()}
