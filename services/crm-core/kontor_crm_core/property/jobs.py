"""Goes through the many values of a property in chunks: tries, converts, indexes and words them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kontor_crm_core.operation.models import LongWork
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, changed, claim, finish, in_operation, opened, read
from kontor_crm_core.property.asking import facts, indexed
from kontor_crm_core.property.converting import convert, trial
from kontor_crm_core.property.defining import JOB
from kontor_crm_core.property.indexing import add
from kontor_crm_core.property.rules import MOST_IN_CALL
from kontor_crm_core.property.stored import FIRST, Held, forget, free, hold, store, values_of
from kontor_crm_core.property.terms import reword
from kontor_crm_core.property.wishes import reading_of
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import (
    PENDING,
    Definition,
    IndexState,
    Option,
    PropertyType,
    definitions,
)
from kontor_platform.runtime.call import Call, Change
from kontor_platform.runtime.work import Work

TRY, CONVERT, INDEX, WORD = "try", "convert", "index", "word"


@dataclass(frozen=True, slots=True)
class Task:
    """What a job has to do, and where it stands."""

    row: LongWork
    definition: Definition
    phase: str
    after: UUID

    @property
    def data(self) -> Mapping[str, Any]:
        """The arguments of the job."""
        return self.row.data

    @property
    def target(self) -> Definition:
        """The definition that the values are brought to."""
        told = self.data["convert"]
        if not told:
            return self.definition
        options = tuple(Option(each["value"], each["label"], each["archived"]) for each in told["options"])
        return replace(self.definition, type=PropertyType(told["type"]), options=options, rules=told["rules"])


async def run(work: Work, tenant: UUID, id: UUID) -> None:
    """Does chunk after chunk until nothing is left."""
    row = await opened(work, tenant, id)
    more = True
    while more:
        async with in_operation(work, row) as call:
            more = await chunk(call, id)


async def chunk(call: Call, id: UUID) -> bool:
    """Does one chunk and answers whether there is more; raises JobOver."""
    row = await claim(call, id)
    await hold(call, row.data["object_type"])
    known = await definitions(call, row.data["object_type"], archived=True, restricted=True)
    definition = known.by_id[UUID(row.data["property"])]
    first = TRY if row.data["convert"] else INDEX
    task = Task(row, definition, row.data.get("phase", first), UUID(row.data.get("after", str(FIRST))))
    if task.phase == INDEX and task.after == FIRST:
        await forget(call, definition.id)
    if row.cancel_requested and task.phase == TRY:
        await abandon(call, task, State.CANCELED)
        return False
    values = await values_of(call, definition, MOST_IN_CALL, after=task.after, locking=task.phase != TRY)
    counted = await PHASES[task.phase](call, task, values) if values else {}
    if counted is None:
        return False
    if len(values) == MOST_IN_CALL:
        await stand(call, task, task.phase, values[-1].record)
        await advance(call, id, row.position + len(values), counted)
        return True
    await advance(call, id, row.position + len(values), counted)
    return await next_phase(call, task)


async def next_phase(call: Call, task: Task) -> bool:
    """Ends a phase: begins the next one, or the job with its last."""
    if task.phase == TRY:
        await stand(call, task, CONVERT, FIRST)
    elif task.phase == CONVERT:
        await switch(call, task)
        await stand(call, task, INDEX, FIRST)
    elif task.phase == INDEX and task.data["reword"]:
        await stand(call, task, WORD, FIRST)
    else:
        await end(call, task)
        return False
    return True


async def stand(call: Call, task: Task, phase: str, after: UUID) -> None:
    """Notes where the job stands."""
    await changed(call, task.row.id, data={**task.data, "phase": phase, "after": str(after)})


async def try_values(call: Call, task: Task, values: list[Held]) -> dict[str, int] | None:
    """Tries the conversion; one value that fails ends the job unless such are to be emptied."""
    done = trial(task.definition, task.target, values, reading_of(call))
    if not done.fails or task.data["clear"]:
        return {"converts": done.converts, "fails": done.fails}
    report = {"conversion": json.loads(done.to_message().to_json())}
    error = f"{done.fails} values do not convert; the property stays as it was."
    await abandon(call, task, State.FAILED, report, error)
    return None


async def abandon(
    call: Call, task: Task, state: State, report: Mapping[str, JSON] | None = None, error: str = ""
) -> None:
    """Ends the job before a value was converted."""
    rules = {name: value for name, value in task.definition.rules.items() if name != PENDING}
    await settle(call, task.definition, replace(task.definition, rules=rules), [])
    await finish(call, task.row.id, state, report or {}, error=error)


async def convert_values(call: Call, task: Task, values: list[Held]) -> dict[str, int] | None:
    """Writes the values in their new type."""
    await convert(call, task.definition, task.target, values, reading_of(call))
    return {"converted": len(values)}


async def index_values(call: Call, task: Task, values: list[Held]) -> dict[str, int] | None:
    """Indexes values; counts those of a unique property that another record has."""
    if task.definition.archived:
        return {}
    return {"indexed": len(values), "taken": await add(call, task.definition, values)}


async def word_values(call: Call, task: Task, values: list[Held]) -> dict[str, int] | None:
    """Makes records found by the words of the property, or no longer."""
    await reword(call, task.definition, [each.record for each in values])
    return {"worded": len(values)}


PHASES: Mapping[str, Callable[[Call, Task, list[Held]], Awaitable[dict[str, int] | None]]] = {
    TRY: try_values,
    CONVERT: convert_values,
    INDEX: index_values,
    WORD: word_values,
}


async def switch(call: Call, task: Task) -> None:
    """Gives the property its new type now that every value has it."""
    before, wanted = facts(task.definition), facts(task.target)
    changes = [Change(name, before[name], wanted[name]) for name in ("type", "options", "rules")]
    building = replace(task.target, index_state=IndexState.BUILDING)
    await store(call, task.definition, building, [each for each in changes if each.before != each.after])


async def end(call: Call, task: Task) -> None:
    """Opens the index to filters; a property whose values are shared after all is not unique."""
    taken = (await read(call, task.row.id)).counters.get("taken", 0)
    if not taken:
        await settle(call, task.definition, task.definition, [])
        await finish(call, task.row.id, State.DONE, {})
        return
    await free(call, task.definition.id)
    await settle(call, task.definition, replace(task.definition, is_unique=False), [Change("unique", True, False)])
    error = f"{taken} records have a value that another has too; the property is not unique."
    await finish(call, task.row.id, State.FAILED, {}, error=error)


async def settle(call: Call, present: Definition, wanted: Definition, changes: list[Change]) -> None:
    """Stores a definition whose index is whole."""
    await store(call, present, replace(wanted, index_state=indexed(wanted)), changes)


JOBS = {JOB: run}
