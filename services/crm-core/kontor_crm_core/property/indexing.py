"""Goes through the values of a property so that filters, sorts and uniqueness follow its definition."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from sqlalchemy import text

from kontor_crm_core.property.rules import SAMPLES
from kontor_crm_core.property.stored import TABLES, Held, claim, forget, index, told_value
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.clashes import UniqueTaken
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.values import unique_key
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Shared:
    """A value that several records have."""

    value: str
    records: Sequence[UUID]

    def to_json(self) -> JSON:
        """The value as a refusal tells it."""
        return {"value": self.value, "record_ids": [str(each) for each in self.records[:SAMPLES]]}


def needs_index(before: Definition | None, wanted: Definition) -> bool:
    """Tells whether the index or the unique values of a present definition must be made anew."""
    if before is None:
        return False
    told = [(each.type, each.is_unique, each.filterable, each.archived) for each in (before, wanted)]
    return told[0] != told[1]


def shared(definition: Definition, values: Sequence[Held]) -> list[Shared]:
    """The values that several records have, of a property that is to be unique."""
    holders: dict[str, list[Held]] = {}
    for each in values:
        holders.setdefault(str(unique_key(definition, each.value)), []).append(each)
    return [
        Shared(told_value(several[0].value), [each.record for each in several])
        for several in holders.values()
        if len(several) > 1
    ]


def refuse_shared(definition: Definition, found: Sequence[Shared]) -> None:
    """Raises UniqueTaken with the values that records share, if there are any."""
    if found:
        first = found[:SAMPLES]
        values = ", ".join(repr(each.value) for each in first)
        count = f"{len(found)} value{'s' * (len(found) != 1)}"
        raise UniqueTaken(
            f"{definition.name} cannot be unique: records share {count}, as {values}.",
            field="unique",
            fields=[
                FieldProblem(field="unique", message=f"{len(each.records)} records have {each.value!r}.")
                for each in first
            ],
            ids=[str(record) for each in first for record in each.records[:SAMPLES]],
            details={"duplicates": [each.to_json() for each in found[:20]], "duplicate_count": len(found)},
            next_tool="crm_set_property",
        )


async def shared_exactly(call: Call, definition: Definition) -> list[Shared]:
    """The values that are written alike in several records, however many there are."""
    table = TABLES[definition.object_type]
    statement = text(
        f"""
        SELECT props->:key AS value, (array_agg(id ORDER BY id))[1:{SAMPLES}] AS records
        FROM {table} WHERE tenant_id = :tenant AND deleted_at IS NULL AND jsonb_exists(props, :key)
        GROUP BY props->:key HAVING count(*) > 1 LIMIT 100
        """
    )
    rows = await call.session.execute(statement, {"tenant": call.actor.tenant, "key": str(definition.id)})
    return [Shared(told_value(row.value), row.records) for row in rows]


async def reindex(call: Call, wanted: Definition, values: Sequence[Held]) -> None:
    """Makes the index of all values anew; raises UniqueTaken."""
    if wanted.is_unique and not wanted.archived:
        refuse_shared(wanted, shared(wanted, values))
    await forget(call, wanted.id)
    if not wanted.archived:
        await index(call, wanted, values)


async def add(call: Call, definition: Definition, values: Sequence[Held]) -> int:
    """Adds values to the index that is being made and answers how many are taken by other records."""
    indexed = replace(definition, is_unique=False)
    await index(call, indexed, values)
    return len(await claim(call, definition, values)) if definition.is_unique else 0
