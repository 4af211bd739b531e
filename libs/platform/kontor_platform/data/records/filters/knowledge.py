"""What a filter is read with: the caller's clock and names, and the types, properties and segments it may mention."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_platform.contract.names import nearest
from kontor_platform.data.records.definitions import Definition, Definitions, IndexState
from kontor_platform.data.records.filters.periods import today_of
from kontor_platform.data.records.filters.tree import Segment
from kontor_platform.data.records.objects import FieldType, ObjectType, custom
from kontor_platform.data.records.reading.basis import Reading

BY_ID = "property:"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something of the tenant's own that a field is told by, as in a stage."""

    id: UUID
    label: str


class Unclear(Exception):
    """A part of a filter that cannot be read; told with its path by whoever checks."""

    def __init__(self, message: str, allowed: Iterable[str] = (), did_you_mean: str = "") -> None:
        super().__init__(message)
        self.message, self.allowed, self.did_you_mean = message, list(allowed)[:20], did_you_mean


class Vanished(Unclear):
    """A part of a stored filter that the caller does not see, or that is gone."""


@dataclass(frozen=True)
class Knowledge:
    """What one call knows. `people` are users by e-mail address, `segments` stand under their key and their id."""

    tenant: UUID
    now: datetime
    types: Mapping[str, ObjectType]
    definitions: Mapping[str, Definitions] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    choices: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    people: Mapping[str, UUID] = field(default_factory=dict)
    me: UUID | None = None
    reading: Reading = field(default_factory=Reading)
    fiscal_month: int = 1

    @cached_property
    def zone(self) -> ZoneInfo:
        """The tenant's zone."""
        return ZoneInfo(self.reading.time_zone or "UTC")

    @cached_property
    def today(self) -> date:
        """The tenant's day."""
        return today_of(self.now, self.zone)

    def field(self, kind: ObjectType, name: str) -> FieldType:
        """The field of a type that is meant; raises Unclear with the nearest name."""
        if name in kind.by_name:
            return kind.by_name[name]
        known = self.definitions.get(kind.name)
        if name.startswith(BY_ID):
            return usable(self.stored(kind, name))
        if known is not None and (found := known.find(name)) is not None:
            return usable(found)
        names = [*kind.by_name, *(known.by_name if known else ())]
        near = nearest(name, names)
        hint = f" Did you mean {near}?" if near else ""
        raise Unclear(f"There is no field {name!r} of a {kind.name}.{hint}", names, near)

    def property(self, kind: ObjectType, name: str) -> Definition:
        """The custom property to show; raises Unclear with the nearest name."""
        known = self.definitions.get(kind.name)
        found = known.find(name) if known is not None else None
        if found is None:
            self.field(kind, name)
            raise Unclear(f"{name!r} cannot be shown.")
        return found

    def stored(self, kind: ObjectType, name: str) -> Definition:
        """The property that a stored filter names by id; raises Vanished."""
        known = self.definitions.get(kind.name)
        found = next((each for each in known.all if each.log_name == name), None) if known else None
        if found is None:
            raise Vanished("The filter uses a property that is gone.")
        return found

    def segment(self, name: str) -> Segment:
        """The segment of this key or id; raises Unclear with the nearest key."""
        if name in self.segments:
            return self.segments[name]
        keys = sorted({each.key for each in self.segments.values()})
        near = nearest(name, keys)
        hint = f" Did you mean {near}?" if near else " crm_list_segments lists them."
        raise Unclear(f"There is no segment {name!r}.{hint}", keys, near)


def usable(definition: Definition) -> FieldType:
    """The field a property is; raises Unclear where filters may not use it, or not yet."""
    if not definition.filterable:
        raise Unclear(
            f"{definition.name} is not filterable; crm_define_property with filterable: true makes it so, after which "
            "its values are indexed."
        )
    if definition.index_state is not IndexState.READY:
        raise Unclear(f"The index of {definition.name} is being built; try again in a while.")
    return custom(definition)
