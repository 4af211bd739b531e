"""The rpc methods of deals."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import common_pb
from kontor_protos.kontor.crm.v1 import deals_pb as pb

from kontor_crm_core.deal.moving import move_deal
from kontor_crm_core.deal.opening import open_deal
from kontor_crm_core.deal.states import fields
from kontor_crm_core.deal.updating import update_deal
from kontor_crm_core.deal.views import deal_message
from kontor_platform.runtime.call import Call


class Deals:
    """Creates deals and moves them through their pipeline."""

    implements = "kontor.crm.v1.Deals"

    async def create_deal(self, request: pb.CreateDealRequest, call: Call) -> pb.CreateDealResponse:
        """Creates a deal linked to its company and contacts."""
        made = await open_deal(call, request)
        deal = await deal_message(call, made.id)
        return pb.CreateDealResponse(
            summary=f"Created {deal.name} in {deal.stage} of {deal.pipeline}.",
            outcome="created",
            deal=deal,
            changed=[field for field, value in fields(made.state).items() if value not in (None, "", [])],
            warnings=[similar_warning(each, deal) for each in made.similar],
        )

    async def update_deal(self, request: pb.UpdateDealRequest, call: Call) -> pb.UpdateDealResponse:
        """Changes fields of a deal."""
        done = await update_deal(call, request)
        deal = await deal_message(call, UUID(request.deal_id))
        changed = [change.field for change in done.changes]
        return pb.UpdateDealResponse(
            summary=f"Updated the deal {deal.name}: {', '.join(changed)}."
            if changed
            else f"The deal {deal.name} is unchanged.",
            outcome="updated" if changed else "unchanged",
            deal=deal,
            changed=changed,
            warnings=list(done.warnings),
        )

    async def update_pipeline(self, request: pb.UpdatePipelineRequest, call: Call) -> pb.UpdatePipelineResponse:
        """Moves a deal to another stage."""
        moved = await move_deal(call, request)
        deal = await deal_message(call, UUID(request.deal_id))
        return pb.UpdatePipelineResponse(
            summary=f"Moved {deal.name} from {moved.source} to {moved.target}."
            if moved.changes
            else f"{deal.name} is in {moved.target} already.",
            outcome="updated" if moved.changes else "unchanged",
            deal=deal,
            changed=[change.field for change in moved.changes],
            warnings=[] if moved.changes or request.set is None else [unset_warning(deal)],
        )


def similar_warning(similar: UUID, deal: pb.Deal) -> common_pb.Warning:
    """Tells of an open deal that may be the same."""
    company = deal.company.name if deal.company else "the company"
    return common_pb.Warning(
        code="similar_open_deal",
        message=f"{company} has another open deal called {deal.name}: {similar}.",
        field="name",
    )


def unset_warning(deal: pb.Deal) -> common_pb.Warning:
    """Tells that fields were not set because nothing moved."""
    message = f"{deal.name} did not move, so set was left out."
    return common_pb.Warning(code="set_ignored", message=message, field="set")
