"""Which links there are, what they ask, and what a wish for links comes to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from kontor_crm_core.association.properties.rules import Property, day, number, select, text

EdgeKey: TypeAlias = tuple[str, UUID, UUID]
Value: TypeAlias = str | float | int
ACTIVITIES = ("activity", "task")


class LabelMode(StrEnum):
    """What happens to the labels of a link when some are given."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class LinkType:
    """What a link means in each direction, and whether either of its records can have one or many."""

    key: str
    from_type: str
    to_type: str
    label: str
    reverse_label: str
    cardinality: str = "many"
    reverse_cardinality: str = "many"
    keeps_primary: bool = False
    properties: tuple[Property, ...] = ()


SINCE, UNTIL, NOTE = day("since"), day("until"), text("note")
STANDARD: Mapping[str, LinkType] = {
    kind.key: kind
    for kind in (
        LinkType(
            "contact_company",
            "contact",
            "company",
            "works at",
            "employs",
            keeps_primary=True,
            properties=(text("role"), text("department"), SINCE, UNTIL),
        ),
        LinkType(
            "deal_contact",
            "deal",
            "contact",
            "involves",
            "takes part in",
            properties=(text("role"), select("influence", "low", "medium", "high"), SINCE),
        ),
        LinkType("deal_company", "deal", "company", "is with", "has deal", "one", "many", True, (text("role"),)),
        LinkType("reports_to", "contact", "contact", "reports to", "manages", "one", properties=(SINCE, UNTIL, NOTE)),
        LinkType(
            "assistant_of",
            "contact",
            "contact",
            "assists",
            "is assisted by",
            reverse_cardinality="one",
            properties=(SINCE, UNTIL, NOTE),
        ),
        LinkType(
            "subsidiary_of",
            "company",
            "company",
            "subsidiary of",
            "parent of",
            "one",
            properties=(number("share", 0, 100), SINCE, UNTIL),
        ),
        LinkType("related_contact", "contact", "contact", "related to", "related to", properties=(text("relation"),)),
        LinkType("partner_company", "company", "company", "partner of", "partner of", properties=(SINCE, UNTIL, NOTE)),
        LinkType("renewal_of", "deal", "deal", "renews", "renewed as", "one", "one", properties=(SINCE,)),
        LinkType("related_deal", "deal", "deal", "related to", "related to", properties=(text("relation"),)),
    )
}
# Activities are linked to what they are about by links of their own, without labels and properties.
ABOUT = LinkType("about", "activity", "", "is about", "is subject of")
INFERRED = {
    frozenset(("contact", "company")): "contact_company",
    frozenset(("deal", "contact")): "deal_contact",
    frozenset(("deal", "company")): "deal_company",
}


class Unlinkable(Exception):
    """Two records cannot be linked as asked; `allowed` are the types that could."""

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


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


def link_type(wanted: str, from_type: str, to_type: str) -> LinkType:
    """The type of a link: the one named, else the one that the two kinds of record have; raises Unlinkable."""
    if {from_type, to_type} & set(ACTIVITIES):
        return about(wanted, from_type, to_type)
    possible = [kind.key for kind in STANDARD.values() if joins(kind, from_type, to_type)]
    key = wanted or INFERRED.get(frozenset((from_type, to_type)), "")
    if key in possible:
        return STANDARD[key]
    if key:
        raise Unlinkable(f"{key} does not link a {from_type} and a {to_type}.", possible)
    if possible:
        raise Unlinkable(f"Say which type links a {from_type} and a {to_type}.", possible)
    raise Unlinkable(f"A {from_type} and a {to_type} cannot be linked.", list(STANDARD))


def about(wanted: str, one: str, other: str) -> LinkType:
    """The link of an activity to what it is about: a contact, company, deal or task; raises Unlinkable."""
    if wanted not in ("", ABOUT.key):
        raise Unlinkable(f"{wanted} does not link a {one} and a {other}.", [ABOUT.key])
    if one == other:
        raise Unlinkable(f"A {one} and another {other} cannot be linked.", [])
    return ABOUT


def joins(kind: LinkType, one: str, other: str) -> bool:
    """Tells whether a type links records of these kinds, in either order."""
    return sorted((kind.from_type, kind.to_type)) == sorted((one, other))


def directed(kind: LinkType, pair: tuple[UUID, UUID], from_type: str, to_type: str = "") -> tuple[UUID, UUID]:
    """The pair in the type's own order, given what its records are; an activity stands before what it is about."""
    if kind is ABOUT:
        first = from_type == "activity" or (from_type == "task" and to_type != "activity")
        return pair if first else (pair[1], pair[0])
    return pair if kind.from_type == from_type else (pair[1], pair[0])


def plan_links(wishes: Sequence[LinkWish], present: Iterable[Edge], *, replacing: bool) -> Plan:
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


def fulfil(links: Links, wish: LinkWish, *, replacing: bool) -> None:
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


def make_room(links: Links, wish: LinkWish, kind: LinkType, *, replacing: bool) -> None:
    """Takes away what a record that can have one such link has besides; raises Occupied unless that may be replaced."""
    for side, cardinality in (("from", kind.cardinality), ("to", kind.reverse_cardinality)):
        others = links.beside(wish.key, side) if cardinality == "one" else []
        if others and not replacing:
            raise Occupied(others[0])
        for other in others:
            links.drop(other.key)


def labelled(present: Sequence[str], wish: LinkWish) -> tuple[str, ...]:
    """The labels of a link after some were given, each once, in order."""
    if wish.label_mode is LabelMode.REMOVE:
        return tuple(each for each in present if each not in wish.labels)
    kept = () if wish.label_mode is LabelMode.REPLACE else present
    return tuple(dict.fromkeys([*kept, *wish.labels]))


def with_props(present: Mapping[str, Value], given: Mapping[str, Value | None]) -> dict[str, Value]:
    """The properties of a link after some were given."""
    return {name: value for name, value in {**present, **given}.items() if value is not None}


def plan_unlinks(wishes: Sequence[LinkWish], present: Iterable[Edge]) -> Plan:
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
