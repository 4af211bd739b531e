"""The fields that pipelines name: standard ones, and custom properties of deals, which are kept by their ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kontor_crm_core.deal.rules import PROPERTY, StageRules
from kontor_crm_core.pipeline.rules import Wanted
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.definitions import Definitions, definitions
from kontor_platform.runtime.call import Call

REQUIRED = ("amount", "close_date", "owner_id", "company_id", "contact_ids", "description")
EDITABLE = (
    "name",
    "amount",
    "currency",
    "close_date",
    "owner_id",
    "company_id",
    "contact_ids",
    "description",
    "lost_reason",
    "external_ids",
)


async def with_kept_fields(call: Call, stages: Sequence[Wanted]) -> list[Wanted]:
    """Stages with their required fields as they are kept; raises InvalidField for one that deals do not have."""
    known = await definitions(call, "deal")
    return [
        replace(stage, required_fields=kept(known, stage.required_fields, REQUIRED, f"stages[{at}].required_fields"))
        for at, stage in enumerate(stages)
    ]


async def kept_editable(call: Call, names: Sequence[str]) -> list[str]:
    """The fields that closed deals take, as they are kept; raises InvalidField for one that deals do not have."""
    return sorted(kept(await definitions(call, "deal"), names, EDITABLE, "editable_when_closed"))


def kept(known: Definitions, names: Iterable[str], standard: Sequence[str], path: str) -> tuple[str, ...]:
    """Fields as they are kept: standard ones by name, properties by id."""
    return tuple(
        name if name in standard else kept_property(known, name, standard, f"{path}[{at}]")
        for at, name in enumerate(names)
    )


def kept_property(known: Definitions, name: str, standard: Sequence[str], path: str) -> str:
    """A custom property as it is kept; raises InvalidField with the nearest field there is."""
    found = known.find(name)
    if found is None:
        every = [*standard, *known.by_name]
        message = f"Deals have no field {name}."
        raise InvalidField(message, field=path, allowed=every, did_you_mean=nearest(name, every))
    return found.log_name


async def names_of(call: Call, fields: Iterable[str], *, every: bool = False) -> Mapping[str, str]:
    """What people call custom properties among kept fields; archived ones and those not to be seen are left out.

    `every` names restricted ones too, for rules that hold whoever asks.
    """
    if not any(each.startswith(PROPERTY) for each in fields):
        return {}
    known = await definitions(call, "deal", restricted=True if every else None)
    return {each.log_name: each.name for each in known.all}


def shown(fields: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Kept fields as people call them."""
    return [names.get(each, each) for each in fields if each in names or not each.startswith(PROPERTY)]


async def with_properties(call: Call, stage: StageRules) -> StageRules:
    """A stage's rules with the names of the properties it requires, without those that are archived by now.

    A property that the caller may not see is required all the same, by the name of nothing more than that.
    """
    every = await names_of(call, stage.required_fields, every=True)
    if not every and not any(each.startswith(PROPERTY) for each in stage.required_fields):
        return stage
    seen = await names_of(call, stage.required_fields)
    there = tuple(each for each in stage.required_fields if each in every or not each.startswith(PROPERTY))
    hidden = {each: "a property that only managers see" for each in every if each not in seen}
    return replace(stage, required_fields=there, names={**seen, **hidden})
