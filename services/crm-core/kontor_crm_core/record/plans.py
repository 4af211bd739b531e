"""What an upsert comes to, whatever kind of record it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.matching import Matched
from kontor_crm_core.record.values import combined
from kontor_crm_core.record.wishes import Wish
from kontor_platform.contract.problem import JSON, InvalidField, Refusal
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.answers import told_changes
from kontor_platform.data.records.definitions import Definitions, log_name
from kontor_platform.data.records.planned import Planned, PropertyChange, Row, Shelf, ShelfChange, shelf_change
from kontor_platform.data.records.setting import fault_of, property_terms, same
from kontor_platform.data.records.terms import Plain
from kontor_platform.data.records.values import newly_archived

S = TypeVar("S")
Shelves: TypeAlias = Sequence[tuple[Shelf, Sequence[Row]]]
NO_PROPERTIES = Definitions("", ())
SENTENCES = {
    "created": "Created the {noun} {name}.",
    "updated": "Updated the {noun} {name}: {fields}.",
    "unchanged": "The {noun} {name} is unchanged.",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan needs besides the wish and the record.

    `region` is that of numbers, `owner` owns what is made, `owners` are the users by the texts that wishes name them
    by, or why one cannot own records, `definitions` are the properties that the caller sees, `searched` those of them
    that records are found by.
    """

    region: str
    owner: UUID | None = None
    owners: Mapping[str, UUID | Refusal] = field(default_factory=dict)
    definitions: Definitions = NO_PROPERTIES
    searched: Definitions = NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class Upserted(Generic[S]):
    """What becomes of one wish: the record before and after, and what is to be written; nothing if `planned` is None.

    `retold` is a record that stays as it is but is found by other terms.
    """

    after: S
    outcome: str
    changed: Sequence[str]
    planned: Planned | None = None
    retold: Planned | None = None
    match: Matched | None = None
    warnings: Sequence[Warning] = ()

    @property
    def matched_by(self) -> str:
        """The key that found the record; empty if it was made."""
        return self.match.key if self.match else ""

    @property
    def redirected_from(self) -> str:
        """The id given, where another record stands in its place; empty otherwise."""
        return str(self.match.redirected_from) if self.match and self.match.redirected_from else ""

    def sentence(self, noun: str, name: str) -> str:
        """One sentence that says what happened."""
        return SENTENCES[self.outcome].format(noun=noun, name=name, fields=", ".join(self.changed))


def differences(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[Change]:
    """The fields that differ, in their order."""
    return [Change(name, before.get(name), value) for name, value in after.items() if before.get(name) != value]


def beginnings(after: Mapping[str, JSON]) -> list[Change]:
    """The fields that a new record has."""
    return [Change(name, None, value) for name, value in after.items() if value not in (None, "", [])]


def owner_after(wish: Wish, present: UUID | None, options: Options) -> UUID | None:
    """Who owns the record after a wish; raises why the user named cannot."""
    if wish.owner:
        owner = options.owners[wish.owner]
        if isinstance(owner, Refusal):
            raise owner
        return owner
    return None if "owner_id" in wish.clear else present


def fields_after(wish: Wish, names: Sequence[str]) -> dict[str, Any]:
    """The single values that a wish sets or empties, of these names."""
    given = wish.fields
    emptied = {name: None for name in names if name in wish.clear} if wish.clear else {}
    return emptied | {name: given[name] for name in names if name in given}


def ids_after(present: Sequence[ForeignId], wish: Wish) -> Sequence[ForeignId]:
    """The ids in other systems after a wish."""
    kept = () if "external_ids" in wish.clear else present
    return combined(kept, wish.external_ids, wish.mode, identity) if wish.external_ids else kept


def identity(foreign: ForeignId) -> ForeignId:
    """What tells one id from another."""
    return foreign


def foreign_rows(object_type: str, ids: Sequence[ForeignId]) -> list[Row]:
    """Ids in other systems as their shelf holds them."""
    return [{"system": each.system, "value": each.value, "object_type": object_type} for each in ids]


def shelf_changes(before: Shelves, after: Shelves) -> list[ShelfChange]:
    """What makes the rows afterwards the only ones, for the shelves on which something changes."""
    pairs = zip(before, after, strict=True)
    changes = [shelf_change(shelf, held, wanted) for (shelf, held), (_, wanted) in pairs if held != wanted]
    return [each for each in changes if each.added or each.removed or each.changed]


def properties_after(present: Mapping[str, JSON], given: Sequence[PropertyChange]) -> Mapping[str, JSON]:
    """The stored properties after changes."""
    if not given:
        return present
    after = dict(present) | {str(each.property_id): each.value for each in given}
    return {name: value for name, value in after.items() if value is not None}


def property_changes(
    present: Mapping[str, JSON], given: Sequence[PropertyChange], options: Options
) -> list[PropertyChange]:
    """The changes that change something; raises InvalidField for an option that was archived."""
    changes = [each for each in given if not same(present.get(str(each.property_id)), each.value)]
    for each in changes:
        definition = options.definitions.by_id.get(each.property_id)
        bad = newly_archived(definition, each.value, present.get(str(each.property_id))) if definition else None
        if definition and bad:
            raise InvalidField(bad.message, fields=[fault_of(f"properties.{definition.name}", bad)])
    return changes


def require_properties(props: Mapping[str, JSON], options: Options) -> None:
    """Raises InvalidField where a new record lacks properties that it must have."""
    missing = [each for each in options.definitions.all if each.required and str(each.id) not in props]
    faults = [
        FieldProblem(field="properties", message=f"{each.name} is required; give it a value.", code="required_missing")
        for each in missing
    ]
    if faults:
        raise InvalidField(faults[0].message, fields=faults)


def told_properties(props: Mapping[str, JSON], given: Sequence[PropertyChange]) -> dict[str, JSON]:
    """Properties as the change log tells them, those given only."""
    return {log_name(each.property_id): props.get(str(each.property_id)) for each in given}


def told_names(changes: Sequence[Change], options: Options) -> list[str]:
    """The fields of changes as callers know them."""
    return [each.field for each in told_changes(options.definitions, changes)]


def searched(props: Mapping[str, JSON], options: Options) -> Iterable[Plain]:
    """What a record is found by of its properties."""
    return property_terms(options.searched, props) if props and options.searched.all else ()
