"""Between contacts and the fields that a merge decides upon."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.contact.wanted import TEXTS
from kontor_crm_core.merge.rules import Fields
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition, log_name
from kontor_platform.data.records.planned import PropertyChange
from kontor_platform.data.records.values import change

FIELDS = (*TEXTS, "owner_id")
PROPERTY = "property:"


def fields_of(state: ContactState) -> dict[str, Any]:
    """The fields of a contact that a merge decides upon, as the change log names and tells them."""
    told = state.told()
    return {name: told[name] for name in FIELDS} | {log_name(UUID(key)): value for key, value in state.props.items()}


def is_field(name: str) -> bool:
    """Whether a merge decides upon a field; what identifies a contact is kept from everybody."""
    return name in FIELDS or name.startswith(PROPERTY)


def with_fields(state: ContactState, fields: Fields) -> ContactState:
    """A contact with other values."""
    texts: dict[str, Any] = {name: fields.get(name) for name in TEXTS}
    owner = fields.get("owner_id")
    props: dict[str, Any] = {
        name.removeprefix(PROPERTY): value
        for name, value in fields.items()
        if name.startswith(PROPERTY) and value is not None
    }
    return replace(state, **texts, owner_id=UUID(str(owner)) if owner else None, props=props)


def property_plan(
    before: Mapping[str, JSON], after: Mapping[str, JSON], known: Mapping[UUID, Definition]
) -> list[PropertyChange]:
    """What is to be written for the properties that differ; archived ones are kept, and found by nothing."""
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [property_change(UUID(key), after.get(key), known) for key in keys]


def property_change(property_id: UUID, value: JSON, known: Mapping[UUID, Definition]) -> PropertyChange:
    """One property's value with what it is filtered and told apart by."""
    if property_id in known:
        return change(known[property_id], value)
    return PropertyChange(property_id, value)
