"""The rpc service of customers."""

from uuid import UUID

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core import paging
from kontor_crm_core.customer.asking import readings
from kontor_crm_core.customer.lookup import MOST_GUESSES, Meant, meant, picture
from kontor_crm_core.customer.narrowing import within
from kontor_crm_core.customer.search import TYPES, Answer, Question, search
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.dispatcher import single_read

MOST_CANDIDATES = 10


class Customers:
    """Looks customers up and searches them."""

    implements = "kontor.crm.v1.Customers"

    @single_read
    async def lookup_customer(self, request: pb.LookupCustomerRequest, call: Call) -> pb.LookupCustomerResponse:
        """Finds a contact or company by whatever is known of it."""
        found = await meant(call, request.query, MOST_CANDIDATES)
        return await picture(call, found.one) if found.one else in_doubt(found)

    @single_read
    async def search_customers(self, request: pb.SearchCustomersRequest, call: Call) -> pb.SearchCustomersResponse:
        """Searches contacts and companies."""
        scope = paging.scope(call, request)
        after = call.cursors.decode(request.cursor, scope) if request.cursor else ()
        question = Question(
            readings=readings(request.query, call.actor.settings.region),
            size=paging.size(request),
            types=[request.type] if request.type else TYPES,
            within=await within(call, request),
        )
        found = await search(call, question, after)
        call.concerns(*(UUID(hit.id) for hit in found.hits))
        return pb.SearchCustomersResponse(
            summary=summary(found, question),
            hits=list(found.hits),
            total=found.total,
            capped=found.capped,
            next_cursor=call.cursors.encode(found.next, scope) if found.next else "",
        )


def summary(found: Answer, question: Question) -> str:
    """What was found, in one sentence."""
    if not question.readings:
        return "The query has neither letters nor digits: give a word, an address, a number or an id."
    slips = found.hits and found.hits[0].match and found.hits[0].match.class_ == "slip"
    near = " No word matched as it stands, so similar ones were taken." if slips else ""
    return f"Customers found: {found.total}{' or more' if found.capped else ''}.{near}"


def in_doubt(found: Meant) -> pb.LookupCustomerResponse:
    """The answer where nobody is surely meant: those who may be, or names near the query."""
    if found.customers:
        number = f"More than {len(found.customers)}" if found.more else str(len(found.customers))
        told = (
            f"{number} customers may be meant; look one up by its id."
            if found.more or len(found.customers) > 1
            else ("One customer may be meant; look it up by its id.")
        )
        return pb.LookupCustomerResponse(
            summary=told, outcome="candidates", candidates=[each.candidate for each in found.customers]
        )
    near = [each.candidate for each in found.near[:MOST_GUESSES]]
    names = " or ".join(each.name for each in near)
    told = f"No customer is known so. Did you mean {names}?" if names else "No customer is known so."
    return pb.LookupCustomerResponse(summary=told, outcome="none", did_you_mean=near)
