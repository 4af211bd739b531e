"""Definitions of custom properties: what a tenant adds to its records, and what a caller may see of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import text

from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import JSON, InvalidField
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

MOST_ALLOWED = 20
# Stands among the rules while a job converts the values: the type they get.
PENDING = "pending"
READ = text(
    """
    SELECT id, version, object_type, name, label, description, type, options, rules, required, is_unique, filterable,
        searchable, personal, index_state, archived_at
    FROM property_definition
    WHERE tenant_id = :tenant AND object_type = :object_type AND (archived_at IS NULL OR :archived)
    ORDER BY name, id
    """
)
HOLD = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:key, 0))")


class PropertyType(StrEnum):
    """What a property holds."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    DATETIME = "datetime"
    BOOL = "bool"
    SELECT = "select"
    MULTI_SELECT = "multi_select"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    USER = "user"
    REFERENCE = "reference"


class Personal(StrEnum):
    """Whether a property tells of a person; restricted ones are seen by admin and manager alone."""

    NONE = "none"
    PERSONAL = "personal"
    RESTRICTED = "restricted"


class IndexState(StrEnum):
    """Whether filters may use the property: never, not yet, or now."""

    NONE = "none"
    BUILDING = "building"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select; `value` is stored and stays, `label` is what people read."""

    value: str
    label: str
    archived: bool = False


@dataclass(frozen=True)
class Definition:
    """A custom property as defined. `rules` are min, max, min_length, max_length, pattern and reference_type."""

    id: UUID
    object_type: str
    name: str
    type: PropertyType
    label: str = ""
    description: str = ""
    options: Sequence[Option] = ()
    rules: Mapping[str, JSON] = field(default_factory=dict)
    required: bool = False
    is_unique: bool = False
    filterable: bool = True
    searchable: bool = False
    personal: Personal = Personal.NONE
    index_state: IndexState = IndexState.READY
    version: int = 1
    archived: bool = False

    @property
    def converting(self) -> bool:
        """Whether a job is giving the values another type, until which nobody may write any."""
        return PENDING in self.rules

    @property
    def log_name(self) -> str:
        """The name of the property in the change log, which a rename does not touch."""
        return log_name(self.id)


def log_name(property_id: UUID) -> str:
    """How the change log names a property."""
    return f"property:{property_id}"


class Definitions:
    """The active properties of one object type that a caller may see."""

    def __init__(self, object_type: str, known: Sequence[Definition]) -> None:
        self.object_type = object_type
        self.all = tuple(known)

    @cached_property
    def by_id(self) -> Mapping[UUID, Definition]:
        """Properties by id."""
        return {each.id: each for each in self.all}

    @cached_property
    def by_name(self) -> Mapping[str, Definition]:
        """Properties by exact name."""
        return {each.name: each for each in self.all}

    def find(self, name: str) -> Definition | None:
        """The property of this name; else the only one whose name or label is the same but for case and accents."""
        if name in self.by_name:
            return self.by_name[name]
        alike = [each for each in self.all if fold(name) in (fold(each.name), fold(each.label))]
        return alike[0] if len(alike) == 1 else None

    def named(self, name: str, *, path: str = "") -> Definition:
        """The property meant; raises InvalidField with the nearest name."""
        found = self.find(name)
        if found is None:
            raise unknown_property(self.object_type, name, list(self.by_name), path=path)
        return found


def unknown_property(object_type: str, name: str, known: Sequence[str], *, path: str = "") -> InvalidField:
    """The refusal of a property that the caller does not see; the same whether it exists or not."""
    near = nearest(name, known)
    hint = f" Did you mean {near}?" if near else " crm_list_properties lists them, crm_define_property makes one."
    return InvalidField(
        f"There is no property {name!r} of a {object_type}.{hint}",
        field=path,
        allowed=known[:MOST_ALLOWED],
        did_you_mean=near,
        next_tool="crm_list_properties",
    )


async def definitions(
    call: Call, object_type: str, *, hold: bool = False, archived: bool = False, restricted: bool | None = None
) -> Definitions:
    """The active properties of an object type that the caller may see.

    Who writes values says `hold`: nobody redefines the type's properties until the transaction ends. `archived` adds
    archived ones. `restricted` overrides whether restricted ones are among them, for work that no answer shows.
    """
    tenant = call.actor.tenant
    if hold:
        await call.session.execute(HOLD, {"key": hold_key(tenant, object_type)})
    rows = await call.session.execute(READ, {"tenant": tenant, "object_type": object_type, "archived": archived})
    known = [definition_of(row) for row in rows.mappings()]
    seen = call.actor.sees_restricted if restricted is None else restricted
    return Definitions(object_type, [each for each in known if seen or each.personal is not Personal.RESTRICTED])


def hold_key(tenant: UUID, object_type: str) -> str:
    """What writers of values share and a change of definitions has alone."""
    return f"properties {tenant} {object_type}"


def definition_of(row: Mapping[Any, Any]) -> Definition:
    """A definition as its row tells it."""
    return Definition(
        id=row["id"],
        object_type=row["object_type"],
        name=row["name"],
        type=PropertyType(row["type"]),
        label=row["label"],
        description=row["description"],
        options=tuple(Option(each["value"], each["label"], each.get("archived", False)) for each in row["options"]),
        rules=row["rules"],
        required=row["required"],
        is_unique=row["is_unique"],
        filterable=row["filterable"],
        searchable=row["searchable"],
        personal=Personal(row["personal"]),
        index_state=IndexState(row["index_state"]),
        version=row["version"],
        archived=row["archived_at"] is not None,
    )
