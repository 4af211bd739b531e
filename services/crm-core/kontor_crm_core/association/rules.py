"""Which links there are, what they ask, and what a wish for links comes to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from kontor_crm_core.association.properties.rules import Value
from kontor_crm_core.association.types.rules import STANDARD, LinkType

EdgeKey: TypeAlias = tuple[str, UUID, UUID]


class LabelMode(StrEnum):
    """What happens to the labels of a link when some are given."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


class Occupied(Exception):
    """A record has the one link of this type that it can have."""

    def __init__(self, present: "Edge") -> None:
        super().__init__()
        self.present = present


@dataclass(frozen=True, slots=True)
class Edge:
    """One link in its type's own order."""

    type_key: str
    from_id: UUID
    to_id: UUID
    labels: tuple[str, ...] = ()
    is_primary: bool = False
    props: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> EdgeKey:
        """What tells one link from another."""
        return self.type_key, self.from_id, self.to_id

    @property
    def label_mode(self) -> LabelMode:
        """A link asked for as it shall be gains its labels."""
        return LabelMode.ADD


@dataclass(frozen=True, slots=True)
class LinkWish:
    """A link as asked for: labels and properties to give it, None for a property to take away."""

    type_key: str
    from_id: UUID
    to_id: UUID
    labels: tuple[str, ...] = ()
    is_primary: bool = False
    props: Mapping[str, Value | None] = field(default_factory=dict)
    label_mode: LabelMode = LabelMode.ADD

    @property
    def key(self) -> EdgeKey:
        """What tells one link from another."""
        return self.type_key, self.from_id, self.to_id


class Wished(Protocol):
    """A link to make or change, as a wish or as it shall be."""

    @property
    def type_key(self) -> str: ...

    @property
    def from_id(self) -> UUID: ...

    @property
    def to_id(self) -> UUID: ...

    @property
    def key(self) -> EdgeKey: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def is_primary(self) -> bool: ...

    @property
    def props(self) -> Mapping[str, Value | None]: ...

    @property
    def label_mode(self) -> LabelMode: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written so that the links are as wished; `updates` are pairs of before and after."""

    inserts: Sequence[Edge] = ()
    updates: Sequence[tuple[Edge, Edge]] = ()
    deletes: Sequence[Edge] = ()
    unchanged: Sequence[Edge] = ()

    @property
    def updated(self) -> list[Edge]:
        """The changed links as they are to be."""
        return [after for _, after in self.updates]


@dataclass(slots=True)
class Links:
    """Links by their key and by either end, so that a wish among many is found room for at once."""

    by_key: dict[EdgeKey, Edge] = field(default_factory=dict)
    _ends: dict[tuple[str, str, UUID], dict[EdgeKey, None]] = field(default_factory=lambda: defaultdict(dict))

    def put(self, edge: Edge) -> None:
        """Adds a link or takes its place."""
        self.by_key[edge.key] = edge
        for end in ends(edge.key):
            self._ends[end][edge.key] = None

    def drop(self, key: EdgeKey) -> None:
        """Takes a link away."""
        del self.by_key[key]
        for end in ends(key):
            del self._ends[end][key]

    def beside(self, key: EdgeKey, side: str) -> list[Edge]:
        """The other links of the same type that the record at one end has at that end."""
        end = next(each for each in ends(key) if each[0] == side)
        return [self.by_key[other] for other in self._ends[end] if other != key]


def ends(key: EdgeKey) -> Iterator[tuple[str, str, UUID]]:
    """Both ends of a link."""
    yield "from", key[0], key[1]
    yield "to", key[0], key[2]


def plan_links(wishes: Sequence[Wished], present: Iterable[Edge], *, replacing: bool) -> Plan:
    """Compares wishes with all links of their types that their records have; raises Occupied."""
    links = Links()
    for edge in present:
        links.put(edge)
    before = dict(links.by_key)
    for wish in wishes:
        fulfil(links, wish, replacing=replacing)
    after = links.by_key
    return Plan(
        inserts=[edge for key, edge in after.items() if key not in before],
        updates=[(before[key], edge) for key, edge in after.items() if key in before and before[key] != edge],
        deletes=[edge for key, edge in before.items() if key not in after],
        unchanged=[
            before[key]
            for key in dict.fromkeys(wish.key for wish in wishes)
            if key in after and before.get(key) == after[key]
        ],
    )


def fulfil(links: Links, wish: Wished, *, replacing: bool) -> None:
    """Puts a wish among the links, making room for it; labels are taken from links that are there only."""
    kind, present = STANDARD[wish.type_key], links.by_key.get(wish.key)
    if wish.label_mode is LabelMode.REMOVE and present is None:
        return
    make_room(links, wish, kind, replacing=replacing)
    others = links.beside(wish.key, "from")
    primary = wish.is_primary or bool(present and present.is_primary) or (kind.keeps_primary and not others)
    if primary:
        for other in others:
            links.put(replace(other, is_primary=False))
    links.put(
        Edge(
            *wish.key,
            labels=labelled(present.labels if present else (), wish),
            is_primary=primary,
            props=with_props(present.props if present else {}, wish.props),
        )
    )


def make_room(links: Links, wish: Wished, kind: LinkType, *, replacing: bool) -> None:
    """Takes away what a record that can have one such link has besides; raises Occupied unless that may be replaced."""
    for side, cardinality in (("from", kind.cardinality), ("to", kind.reverse_cardinality)):
        others = links.beside(wish.key, side) if cardinality == "one" else []
        if others and not replacing:
            raise Occupied(others[0])
        for other in others:
            links.drop(other.key)


def labelled(present: Sequence[str], wish: Wished) -> tuple[str, ...]:
    """The labels of a link after some were given, each once, in order."""
    if wish.label_mode is LabelMode.REMOVE:
        return tuple(each for each in present if each not in wish.labels)
    kept = () if wish.label_mode is LabelMode.REPLACE else present
    return tuple(dict.fromkeys([*kept, *wish.labels]))


def with_props(present: Mapping[str, Value], given: Mapping[str, Value | None]) -> dict[str, Value]:
    """The properties of a link after some were given."""
    return {name: value for name, value in {**present, **given}.items() if value is not None}


def plan_unlinks(wishes: Sequence[Wished], present: Iterable[Edge]) -> Plan:
    """Tells which of the wished links there are and must go, and which become the main one in their place."""
    wanted = {wish.key for wish in wishes}
    edges = list(present)
    deletes = [edge for edge in edges if edge.key in wanted]
    there = {edge.key for edge in deletes}
    rest = [edge for edge in edges if edge.key not in there]
    keeping = [edge for edge in reversed(rest) if STANDARD[edge.type_key].keeps_primary]
    heirs = {edge.key[:2]: edge for edge in keeping}
    bereft = {edge.key[:2] for edge in deletes if edge.is_primary} - {edge.key[:2] for edge in rest if edge.is_primary}
    missing = dict.fromkeys(wish.key for wish in wishes if wish.key not in there)
    updates = [(heir, replace(heir, is_primary=True)) for start, heir in heirs.items() if start in bereft]
    return Plan((), updates, deletes, [Edge(*key) for key in missing])
