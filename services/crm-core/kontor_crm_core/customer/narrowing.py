"""What narrows a search beside its words."""

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.customer.queries import IS_OWNED, OWNED
from kontor_platform.data.records.find import Within
from kontor_platform.runtime.call import Call


async def within(call: Call, request: pb.SearchCustomersRequest) -> Within:
    """The records a request wants at all."""
    return Within(OWNED, IS_OWNED, {"owner": request.owner_id}) if request.owner_id else Within()
