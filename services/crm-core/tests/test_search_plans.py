"""Under forced row security search and lookup read ranges of indexes only, whatever is asked."""

from dataclasses import replace
from typing import Any

import pytest
from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.customer.service import Customers
from kontor_platform.contract.problem import NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.peers import GOVERNANCE, Peers
from support.filled import Explaining, Filled

from .conftest import OPERATIONS, person

WORD, COMMON = "lastbcde", "firstb"
SEARCHED = {
    "a word": WORD,
    "a common word": COMMON,
    "a beginning": "lastbc",
    "a common beginning": "last",
    "the middle of a word": "astcdef",
    "a slip": "lastbcdee",
    "a short word with a slip": "fristb",
    "two words": f"{COMMON} {WORD}",
    "two common beginnings": "firstb lastb",
    "two common words": f"{COMMON} last",
    "a middle beside a word": "firstef astcdef",
    "a slip beside a common word": "firstde lsatbcde",
    "two slips": "fristde lsatbcde",
    "nothing": "qxzqxz wkjwkj",
    "an address": "p77@x.example",
    "the beginning of an address": "p77@x",
    "a number": "+4977",
    "the end of a number": "7777",
}
LOOKED_UP = ("p30777@x.example", "d77.example", "30777", WORD, "lastbcdee", "+4930777", "qxzqxz wkjwkj", str(new_id()))


def call_of(tool: str, database: Explaining) -> Call:
    """A call of a person of the filled tenant, whose reads are explained."""
    home = database.filled.home
    who = replace(person(), tenant=home.tenant, actor=home.owner)
    call = Call(OPERATIONS[tool], who, new_id(), database, Cursors(b"x" * 32))
    # Owners go without a name: nothing is read here for it.
    call.peers = Peers({GOVERNANCE: "127.0.0.1:1"}, "nobody")
    return call


async def test_search_reads_ranges_of_indexes(filled: Filled) -> None:
    """Every way a query may match is read by keys, with and without an owner, on the first page and the next."""
    database, filled.wasted = Explaining(filled), {}
    owner = str(filled.home.owner)
    for name, query in SEARCHED.items():
        for narrowed in ("", owner):
            database.about = f"{name}{' of an owner' if narrowed else ''}"
            request = pb.SearchCustomersRequest(query=query, owner_id=narrowed)
            answer = await Customers().search_customers(request, call_of("crm_search_customers", database))
            request.cursor = answer.next_cursor
            if request.cursor:
                database.about += ", next page"
                await Customers().search_customers(request, call_of("crm_search_customers", database))
    assert filled.wasted == {}


async def test_lookup_reads_ranges_of_indexes(filled: Filled) -> None:
    """Every key leads by indexes to a customer, whose picture is read by keys, also of one with a long history."""
    database, filled.wasted = Explaining(filled), {}
    for query in (*LOOKED_UP, str(filled.home.contact), "company", "lastb"):
        database.about = f"lookup of {query}"
        try:
            request = pb.LookupCustomerRequest(query=query)
            await Customers().lookup_customer(request, call_of("crm_lookup_customer", database))
        except NotFound:
            continue
    assert filled.wasted == {}


async def test_a_search_finds_what_was_asked_in_a_crowd(filled: Filled, crm: Any) -> None:
    """The queries that plans are checked with find something, so that their plans are those of real work."""
    database = Explaining(filled)
    found = {}
    for name, query in SEARCHED.items():
        request = pb.SearchCustomersRequest(query=query)
        found[name] = (await Customers().search_customers(request, call_of("crm_search_customers", database))).total
    assert {name for name, total in found.items() if not total} == {"nothing"}


@pytest.mark.parametrize("tool", ["crm_search_customers", "crm_lookup_customer"])
def test_reads_are_single(tool: str) -> None:
    """No transaction is opened for them."""
    method = getattr(Customers(), tool.removeprefix("crm_"))
    assert method.single_read
