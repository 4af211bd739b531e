"""Creates and changes properties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kontor_protos.kontor.crm.v1 import properties_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.operation.store import begin
from kontor_crm_core.property.asking import COMPARED, Draft, drafted, facts, indexed
from kontor_crm_core.property.converting import Trial, convert, refuse, trial
from kontor_crm_core.property.indexing import needs_index, refuse_shared, reindex, shared_exactly
from kontor_crm_core.property.rules import MOST_IN_CALL, MOST_PER_TYPE, MOST_TRIED
from kontor_crm_core.property.stored import hold, store, values_of, without
from kontor_crm_core.property.terms import reword
from kontor_crm_core.property.usage import used_by
from kontor_crm_core.property.wishes import reading_of
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version
from kontor_platform.contract.problem import JSON, Conflict, InvalidField, TooLarge
from kontor_platform.data.records.definitions import PENDING, Definition, Definitions, IndexState, definitions
from kontor_platform.runtime.call import Call, Change

JOB = "property_index"


class BeingIndexed(Conflict):
    """A job goes through the values of this property; wait until its index is ready."""


@dataclass(slots=True)
class Defined:
    """What became of a property."""

    definition: Definition
    outcome: str
    changed: list[str] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)
    trial: Trial | None = None
    records: int = 0
    operation: str = ""


async def define(call: Call, request: pb.DefinePropertyRequest) -> Defined:
    """Brings a property to what is wished; raises InvalidField, Conflict, VersionConflict, UniqueTaken or TooLarge."""
    await hold(call, request.object_type)
    known = await definitions(call, request.object_type, archived=True, restricted=True)
    present = meant(known, request)
    draft = drafted(request, present, known, reading_of(call))
    settle(draft)
    if present is None:
        return await create(call, draft.wanted, known)
    changes = changes_of(present, draft.wanted)
    check_version(expected_version(request), present.version, changes)
    if not changes:
        return Defined(present, "unchanged")
    if present.index_state is IndexState.BUILDING and needs_index(present, draft.wanted):
        raise BeingIndexed
    done = Defined(draft.wanted, "updated", [each.field for each in changes], warned(draft))
    await alter(call, present, done, changes, clearing=request.on_failure == "clear")
    if done.definition.required and not present.required:
        done.warnings += lacking(await without(call, done.definition, MOST_IN_CALL + 1), done.definition)
    if present.type is not draft.wanted.type or done.definition.archived or not done.definition.filterable:
        done.warnings += still_used(await used_by(call, present.object_type, [present]), present)
    return done


def still_used(used: Mapping[UUID, Sequence[str]], definition: Definition) -> list[Warning]:
    """Warns of what uses a property that is no longer what it was."""
    told = " and ".join(used[definition.id])
    if not told:
        return []
    message = f"{definition.name} is used {told}; look at what it does there now."
    return [Warning(code="still_used", message=message, field="name")]


def lacking(records: int, definition: Definition) -> list[Warning]:
    """Warns of records that lack what is required from now on."""
    if not records:
        return []
    number = f"More than {MOST_IN_CALL}" if records > MOST_IN_CALL else str(records)
    plural = "s have" if records != 1 else " has"
    message = f"{number} record{plural} no {definition.name}; nothing asks for it until they are set."
    return [Warning(code="required_missing", message=message, field="required")]


def meant(known: Definitions, request: pb.DefinePropertyRequest) -> Definition | None:
    """The property of the name, an archived one only where it is brought back; raises InvalidField."""
    named = [each for each in known.all if each.name == request.name]
    active = next((each for each in named if not each.archived), None)
    if active or not named:
        return active
    if not request.has_field("archived"):
        raise InvalidField(
            f"{request.name} was archived. archived: false brings it back with its values; or choose another name.",
            field="name",
        )
    return named[-1]


def settle(draft: Draft) -> None:
    """Raises InvalidField with all faults of a draft, if there are any."""
    if draft.faults:
        raise InvalidField(draft.faults[0].message, fields=draft.faults)


def warned(draft: Draft) -> list[Warning]:
    """The warnings of a draft."""
    return [Warning(code=code, message=message) for code, message in draft.warnings]


async def create(call: Call, wanted: Definition, known: Definitions) -> Defined:
    """Makes a property; raises TooLarge where the type has as many as it may."""
    if len(known.all) >= MOST_PER_TYPE:
        raise TooLarge(f"A {wanted.object_type} has at most {MOST_PER_TYPE} properties, archived ones counted.")
    if wanted.archived:
        raise InvalidField("A new property cannot be archived.", field="archived")
    ready = replace(wanted, index_state=indexed(wanted))
    told = facts(ready)
    changes = [Change(name, None, told[name]) for name in COMPARED if told[name] not in ("", [], {}, False, "none")]
    await store(call, None, ready, changes)
    return Defined(ready, "created", [each.field for each in changes])


def changes_of(present: Definition, wanted: Definition) -> list[Change]:
    """What differs between two definitions."""
    before, after = facts(present), facts(wanted)
    return [Change(name, before[name], after[name]) for name in COMPARED if before[name] != after[name]]


async def alter(call: Call, present: Definition, done: Defined, changes: list[Change], *, clearing: bool) -> None:
    """Stores a changed definition with what its values need: here where they are few, by a job where they are many."""
    wanted = done.definition
    reworded = present.searchable != wanted.searchable or (wanted.searchable and present.archived != wanted.archived)
    if not needs_index(present, wanted) and not reworded:
        await keep(call, present, done, replace(wanted, index_state=present.index_state), changes)
        return
    values = await values_of(call, present, MOST_TRIED + 1, locking=False)
    converting = present.type is not wanted.type
    if converting:
        done.trial = trial(present, wanted, values[:MOST_TRIED], reading_of(call))
        if done.trial.fails and not clearing:
            refuse(done.trial)
    if len(values) > MOST_IN_CALL:
        await put_off(call, present, done, changes, clearing=clearing)
        return
    done.records = len(values)
    await work_through(call, present, wanted, converting=converting)
    await keep(call, present, done, replace(wanted, index_state=indexed(wanted)), changes)
    if reworded:
        await reword(call, done.definition, [each.record for each in values])


async def work_through(call: Call, present: Definition, wanted: Definition, *, converting: bool) -> None:
    """Converts and indexes the few values that there are."""
    values = await values_of(call, present, MOST_IN_CALL, locking=converting)
    if converting:
        await convert(call, present, wanted, values, reading_of(call))
        values = await values_of(call, wanted, MOST_IN_CALL)
    if needs_index(present, wanted):
        await reindex(call, wanted, values)


async def keep(call: Call, present: Definition, done: Defined, wanted: Definition, changes: list[Change]) -> None:
    """Stores the definition and answers it as it is now."""
    await store(call, present, wanted, changes)
    done.definition = replace(wanted, version=present.version + 1)


async def put_off(call: Call, present: Definition, done: Defined, changes: list[Change], *, clearing: bool) -> None:
    """Begins a job for the many values; until it ends a change of type is pending and the index is being built."""
    wanted = done.definition
    if wanted.is_unique and not present.is_unique and not wanted.archived:
        refuse_shared(wanted, await shared_exactly(call, present))
    converting = present.type is not wanted.type
    pending = {**present.rules, PENDING: str(wanted.type)}
    as_it_was = replace(wanted, type=present.type, options=present.options, rules=pending)
    stored = as_it_was if converting else wanted
    told = facts(wanted)
    data: dict[str, JSON] = {
        "property": str(wanted.id),
        "object_type": wanted.object_type,
        "clear": clearing,
        "convert": {name: told[name] for name in ("type", "options", "rules")} if converting else None,
        "reword": present.searchable != wanted.searchable or present.archived != wanted.archived,
    }
    done.operation = str(await begin(call, JOB, data))
    kept = [each for each in changes if not (converting and each.field in ("type", "options", "rules"))]
    await keep(call, present, done, replace(stored, index_state=IndexState.BUILDING), kept)
