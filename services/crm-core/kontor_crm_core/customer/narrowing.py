"""What narrows a search beside its words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.customer.queries import IS_MEMBER, IS_OWNED, MEMBERS, OWNED
from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.segment.filters import Meant, stored
from kontor_crm_core.segment.rules import Kind
from kontor_crm_core.segment.service import meant
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.filters.search import searching
from kontor_platform.data.records.find import Within
from kontor_platform.runtime.call import Call

# So many entries of a dynamic segment's narrowest condition may be gone through beside the words.
MOST = 20_000
CUSTOMERS = ("contact", "company")


async def within(call: Call, request: pb.SearchCustomersRequest) -> Within:
    """The records a request wants at all; raises NotFound, InvalidField or SegmentBroken for its segment."""
    owned = Within(OWNED, IS_OWNED, {"owner": request.owner_id}) if request.owner_id else None
    members = await of_segment(call, request.segment) if request.segment else None
    return both([each for each in (owned, members) if each])


def both(conditions: Sequence[Within]) -> Within:
    """All conditions as one."""
    if not conditions:
        return Within()
    return Within(
        " INTERSECT ".join(f"({each.sql})" for each in conditions),
        " AND ".join(f"({each.test})" for each in conditions),
        {name: value for each in conditions for name, value in each.values.items()},
    )


async def of_segment(call: Call, name: str) -> Within:
    """The members of a segment, those of a dynamic one by its filter as the records are now."""
    inside = replace(call)
    async with call.database.transaction(call.actor.tenant, restricted=call.actor.sees_restricted) as (session, now):
        inside.enter(session, now)
        row = await meant(inside, name)
        if row["object_type"] not in CUSTOMERS:
            told = f"The segment {row['key']} holds {row['object_type']} records, which are no customers."
            raise InvalidField(told, field="segment")
        if row["kind"] != Kind.DYNAMIC:
            return Within(MEMBERS, IS_MEMBER, {"segment": row["id"]})
        return await dynamic(inside, row, await stored(inside, row))


async def dynamic(call: Call, row: Mapping[Any, Any], filter: Meant) -> Within:
    """The records that meet a segment's filter, read by its narrowest condition where that is narrow."""
    search, kind = searching(call, filter.checked, filter.knowledge), KINDS[row["object_type"]]
    driver = await search.driver(MOST)
    among = f"t.id IN (SELECT s.id FROM ({driver.sql}) s) AND " if driver else ""
    asked = f"{among}{kind.conditions('t')} AND {search.predicate('t')}"
    test = (
        f"EXISTS (SELECT FROM {kind.table} t WHERE {braced(kind.conditions('t'))} AND {braced(search.predicate('t'))}"
    )
    return Within(
        f"SELECT t.id FROM {kind.table} t WHERE {asked}", f"{test} AND t.id = {{0}})", search.parameters.values
    )


def braced(sql: str) -> str:
    """SQL as it stands within a text that is formatted."""
    return sql.replace("{", "{{").replace("}", "}}")
