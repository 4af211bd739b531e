"""Goes through all records that meet a filter by id, a chunk at a time, for work that takes longer than a call."""

from collections.abc import Sequence
from uuid import UUID

from kontor_platform.data.records.filters.checking import Checked
from kontor_platform.data.records.filters.compiling import Compiler
from kontor_platform.data.records.filters.knowledge import Knowledge
from kontor_platform.data.records.filters.ordering import Order, Position
from kontor_platform.data.records.filters.search import Limits, searching
from kontor_platform.data.records.filters.tree import Node
from kontor_platform.data.records.filters.walking import Walk
from kontor_platform.runtime.call import Call

CHUNK = 1_000
# A chunk may read far to find its records, each statement within the role's own limit of 5 s.
PATIENT = Limits(few=20_000, ms=4_500)
STEPS = (5_000, 20_000, 50_000)


async def select_ids(
    call: Call, checked: Checked, knowledge: Knowledge, after: UUID | None = None, limit: int = CHUNK
) -> list[UUID]:
    """The next ids in their order; fewer than `limit` only at the end. Reads as much as it must."""
    order = (Order(knowledge.field(checked.object_type, "id")),)
    start: Position | None = (str(after), str(after)) if after is not None else None
    search = searching(call, checked, knowledge, PATIENT)
    driver = await search.driver(PATIENT.few)
    try:
        if driver is not None:
            return list((await search.sorted_page(driver, order, limit, start)).ids)
        return await walked(call, checked, knowledge, order, start, limit)
    finally:
        await search.statements.leave()


async def walked(
    call: Call,
    checked: Checked,
    knowledge: Knowledge,
    order: Sequence[Order],
    start: Position | None,
    limit: int,
) -> list[UUID]:
    """The next ids, read in their order, each step with time of its own."""
    search = searching(call, checked, knowledge, PATIENT)
    walk = Walk(search.kind, order, search.predicate("r"), search.parameters, search.statements, steps=STEPS)
    found: list[UUID] = []
    while len(found) < limit and not walk.ended:
        walk.statements = searching(call, checked, knowledge, PATIENT).statements
        found += [row[0] for row in await walk.read(limit - len(found), start, STEPS[-1])]
        start = walk.position
    return found


async def matching(call: Call, checked: Checked, knowledge: Knowledge, ids: Sequence[UUID]) -> set[UUID]:
    """Which of some records meet the filter."""
    search = searching(call, checked, knowledge, PATIENT)
    asked = search.parameters.add(list(ids), "uuid[]")
    rows = await search.statements.rows(
        f"SELECT t.id FROM {search.kind.table} t WHERE {search.kind.conditions('t')} AND t.id = ANY({asked}) "
        f"AND {search.predicate('t')}",
        search.parameters.values,
    )
    await search.statements.leave()
    return {row[0] for row in rows}


async def met(call: Call, checked: Checked, knowledge: Knowledge, conditions: Sequence[Node], id: UUID) -> list[bool]:
    """Whether a live record meets each of several conditions; empty if there is no such record."""
    search = searching(call, Checked(checked.object_type, None, checked.traits), knowledge, PATIENT)
    compiler = Compiler(search.parameters, knowledge)
    asked = ", ".join(compiler.predicate(each, search.kind, "t") for each in conditions) or "true"
    one = search.parameters.add(id, "uuid")
    rows = await search.statements.rows(
        f"SELECT {asked} FROM {search.kind.table} t WHERE {search.kind.conditions('t')} AND t.id = {one}",
        search.parameters.values,
    )
    await search.statements.leave()
    return list(rows[0]) if rows else []
