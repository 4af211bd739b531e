"""The rpc service of structured search."""

from collections.abc import Sequence

from kontor_protos.kontor.crm.v1 import advanced_pb as pb
from kontor_protos.kontor.records.v1.filters_pb import ExplainedCondition, Explanation

from kontor_crm_core import paging
from kontor_crm_core.advanced.knowing import knowledge
from kontor_crm_core.advanced.rows import rows, shown
from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.filters.checking import Checked, checked
from kontor_platform.data.records.filters.figures import asked, figures
from kontor_platform.data.records.filters.ordering import orders
from kontor_platform.data.records.filters.search import Page, searching
from kontor_platform.data.records.filters.tree import leaves
from kontor_platform.data.records.filters.wording import words
from kontor_platform.runtime.call import Call

PLURALS = {"contact": "contacts", "company": "companies", "deal": "deals", "task": "tasks", "activity": "activities"}
CUT = "rows that did not fit into 25 KB; ask for fewer fields, or go on with next_cursor"


class AdvancedSearch:
    """Finds records by conditions."""

    implements = "kontor.crm.v1.AdvancedSearch"

    async def search_advanced(self, request: pb.SearchAdvancedRequest, call: Call) -> pb.SearchAdvancedResponse:
        """Finds records."""
        known = await knowledge(call, request.type, request.filter)
        filter = checked(request.filter, request.type, known)
        order = orders(request.sorts, filter.object_type, known)
        wanted = shown(filter.object_type, request.fields, known)
        figured = asked(request.group_by, request.aggregates, filter.object_type, known)
        told = call.cursors.decode(request.cursor, scope(call, request)) if request.cursor else None
        start = tuple(told[:-2]) if told else None
        page = await searching(call, filter, known).page(order, paging.size(request), start)
        found = await rows(call, filter.object_type, page.ids, wanted)
        fitting = paging.fitting(found)
        total, is_estimate = (page.total, page.is_estimate) if told is None else (int(str(told[-2])), bool(told[-1]))
        groups, cut = (
            await figures(searching(call, filter, known), figured) if figured and told is None else ([], False)
        )
        if filter.object_type.name == "contact":
            call.concerns(*page.ids)
        return pb.SearchAdvancedResponse(
            summary=summary(request.type, len(fitting), total, is_estimate),
            rows=list(fitting),
            total=total,
            total_is_estimate=is_estimate,
            next_cursor=further(call, request, page, len(fitting), [total, is_estimate]),
            groups=groups,
            groups_cut=cut,
            explanation=explanation(filter, page) if request.explain else None,
            truncated=[CUT] if len(fitting) < len(found) else [],
        )


def scope(call: Call, request: pb.SearchAdvancedRequest) -> str:
    """What a cursor is bound to: the tool, the tenant, the filter and the order."""
    same = pb.SearchAdvancedRequest(type=request.type, filter=request.filter, sorts=list(request.sorts))
    return f"{call.operation.name}:{call.actor.tenant}:{arguments_hash(same)}"


def further(call: Call, request: pb.SearchAdvancedRequest, page: Page, count: int, total: Sequence[JSON]) -> str:
    """The cursor of the next page, which tells the total too; empty on the last."""
    if not count or (count == len(page.ids) and not page.more):
        return ""
    return call.cursors.encode([*page.positions[count - 1], *total], scope(call, request))


def summary(kind: str, count: int, total: int, is_estimate: bool) -> str:
    """One sentence."""
    about = "About " if is_estimate else ""
    return f"{about}{total:,} {PLURALS[kind] if total != 1 else kind} match, {count} of them here."


def explanation(filter: Checked, page: Page) -> Explanation:
    """How the filter was read."""
    conditions = []
    for leaf in leaves(filter.node):
        known = page.estimates.get(leaf.path)
        told = ExplainedCondition(path=leaf.path, reading=words(leaf))
        if known is not None:
            told.estimated_rows, told.or_more = known.count, known.or_more
        conditions.append(told)
    return Explanation(
        reading=words(filter.node), conditions=conditions, driven_by=page.driven_by, estimated_rows=page.expected
    )
