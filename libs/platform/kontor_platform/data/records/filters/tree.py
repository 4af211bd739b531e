"""A filter as checked: every field known, every value read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from kontor_protos.kontor.records.v1.filters_pb import Filter

from kontor_platform.data.records.filters.comparing import Test
from kontor_platform.data.records.objects import FieldType, Relation


@dataclass(frozen=True, slots=True)
class Segment:
    """A named set of records, as filters may refer to it; only a dynamic one is its filter."""

    id: UUID
    key: str
    name: str
    object_type: str
    kind: str
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined: `all`, `any` or `none` of them hold."""

    kind: str
    children: tuple["Node", ...]
    path: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition on a field: one of its values satisfies one of the tests, or, `negated`, none of them does any.

    Negated, a record without a value satisfies it only with `include_empty`. `told` are the values as the caller
    sees them, `when` the days that a relative period means now.
    """

    field: FieldType
    op: str
    tests: tuple[Test, ...]
    path: str
    negated: bool = False
    include_empty: bool = False
    currency: str = ""
    told: Sequence[str] = ()
    when: str = ""


@dataclass(frozen=True, slots=True)
class Against:
    """A condition on two fields of one record: the sign stands between their values."""

    field: FieldType
    other: FieldType
    sign: str
    path: str


@dataclass(frozen=True, slots=True)
class Linked:
    """A condition on linked records: at least so many, or with 0 none, satisfy `where`."""

    relation: Relation
    least: int
    path: str
    where: "Node | None" = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A record in a segment; `filter` is the filter of a dynamic one."""

    segment: Segment
    path: str
    filter: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A record of which one of these fields changed since, after it was created."""

    field: FieldType
    since: datetime
    days: int
    path: str


Leaf: TypeAlias = Compare | Against | Linked | Member | Changed
Node: TypeAlias = Group | Compare | Against | Linked | Member | Changed


@dataclass(frozen=True, slots=True)
class Traits:
    """What a filter depends on besides the record itself."""

    properties: frozenset[UUID] = frozenset()
    segments: frozenset[UUID] = frozenset()
    relations: frozenset[str] = frozenset()
    by_day: bool = False


@dataclass(slots=True)
class Gathering:
    """What a check comes across, for those who keep the filter."""

    properties: set[UUID] = field(default_factory=set)
    segments: set[UUID] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    by_day: bool = False

    def traits(self) -> Traits:
        """As a value."""
        return Traits(frozenset(self.properties), frozenset(self.segments), frozenset(self.relations), self.by_day)


def leaves(node: Node | None) -> Iterator[Leaf]:
    """The conditions of a filter, not those on linked records or of other segments."""
    if isinstance(node, Group):
        for child in node.children:
            yield from leaves(child)
    elif node is not None:
        yield node
