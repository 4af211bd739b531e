"""The rpc service of customers."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core import paging
from kontor_crm_core.customer.lookup import identified, picture
from kontor_crm_core.customer.search import FIRST, TYPES, near, question, search
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.dispatcher import single_read

MOST_CANDIDATES = 10
MOST_GUESSES = 3


class Customers:
    """Looks customers up and searches them."""

    implements = "kontor.crm.v1.Customers"

    @single_read
    async def lookup_customer(self, request: pb.LookupCustomerRequest, call: Call) -> pb.LookupCustomerResponse:
        """Finds a contact or company by whatever is known of it."""
        found = await identified(call, request.query, MOST_CANDIDATES)
        if len(found) == 1:
            return await picture(call, found[0])
        if found:
            summary = f"{len(found)} customers may be meant; look one up by its id."
            return pb.LookupCustomerResponse(
                summary=summary, outcome="candidates", candidates=[each.candidate for each in found]
            )
        guesses = guessed(await near(call, request.query, MOST_GUESSES))
        names = " or ".join(guess.name for guess in guesses)
        summary = f"No customer is known so. Did you mean {names}?" if names else "No customer is known so."
        return pb.LookupCustomerResponse(summary=summary, outcome="none", did_you_mean=guesses)

    @single_read
    async def search_customers(self, request: pb.SearchCustomersRequest, call: Call) -> pb.SearchCustomersResponse:
        """Searches contacts and companies."""
        scope = paging.scope(call, request)
        after = call.cursors.decode(request.cursor, scope) if request.cursor else FIRST
        types = [request.type] if request.type else TYPES
        asking = question(request.query, call.actor.settings.region, types, request.owner_id or None)
        found = await search(call, asking, paging.size(request), after)
        call.concerns(*(UUID(hit.id) for hit in found.hits))
        return pb.SearchCustomersResponse(
            summary=f"Customers found: {found.total}{' or more' if found.capped else ''}.",
            hits=list(found.hits),
            total=found.total,
            capped=found.capped,
            next_cursor=call.cursors.encode(found.next, scope) if found.next else "",
        )


def guessed(hits: Sequence[pb.Hit]) -> list[pb.Candidate]:
    """Hits as guesses."""
    return [pb.Candidate(id=hit.id, type=hit.type, name=hit.name, evidence="similar name") for hit in hits]
