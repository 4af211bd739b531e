"""Which links there are, what they ask, and what a wish for links comes to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

EdgeKey: TypeAlias = tuple[str, UUID, UUID]


@dataclass(frozen=True, slots=True)
class LinkType:
    """What a link means in each direction, and whether its first record can have one or many."""

    key: str
    from_type: str
    to_type: str
    label: str
    reverse_label: str
    cardinality: str = "many"
    keeps_primary: bool = False


STANDARD: Mapping[str, LinkType] = {
    kind.key: kind
    for kind in (
        LinkType("contact_company", "contact", "company", "works at", "employs", keeps_primary=True),
        LinkType("deal_contact", "deal", "contact", "involves", "takes part in"),
        LinkType("deal_company", "deal", "company", "is with", "has deal", "one", keeps_primary=True),
        LinkType("reports_to", "contact", "contact", "reports to", "manages", "one"),
        LinkType("subsidiary_of", "company", "company", "subsidiary of", "parent of", "one"),
        LinkType("related_contact", "contact", "contact", "related to", "related to"),
        LinkType("partner_company", "company", "company", "partner of", "partner of"),
    )
}
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
    """The record has the one link of this type that it can have."""

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

    @property
    def key(self) -> EdgeKey:
        """What tells one link from another."""
        return self.type_key, self.from_id, self.to_id


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written so that the links are as wished."""

    inserts: Sequence[Edge]
    updates: Sequence[Edge]
    deletes: Sequence[Edge]
    unchanged: Sequence[Edge]


def link_type(wanted: str, from_type: str, to_type: str) -> LinkType:
    """The type of a link: the one named, else the one that the two kinds of record have; raises Unlinkable."""
    possible = [kind.key for kind in STANDARD.values() if joins(kind, from_type, to_type)]
    key = wanted or INFERRED.get(frozenset((from_type, to_type)), "")
    if key in possible:
        return STANDARD[key]
    if key:
        raise Unlinkable(f"{key} does not link a {from_type} and a {to_type}.", possible)
    if possible:
        raise Unlinkable(f"Say which type links a {from_type} and a {to_type}.", possible)
    raise Unlinkable(f"A {from_type} and a {to_type} cannot be linked.", list(STANDARD))


def joins(kind: LinkType, one: str, other: str) -> bool:
    """Tells whether a type links records of these kinds, in either order."""
    return sorted((kind.from_type, kind.to_type)) == sorted((one, other))


def directed(kind: LinkType, pair: tuple[UUID, UUID], from_type: str) -> tuple[UUID, UUID]:
    """The pair in the type's own order, given what its first record is."""
    return pair if kind.from_type == from_type else (pair[1], pair[0])


def plan_links(wishes: Sequence[Edge], present: Iterable[Edge], *, replacing: bool) -> Plan:
    """Compares wishes with all links that their first records have; raises Occupied."""
    before = {edge.key: edge for edge in present}
    after = dict(before)
    for wish in wishes:
        fulfil(after, wish, replacing=replacing)
    return Plan(
        inserts=[edge for key, edge in after.items() if key not in before],
        updates=[edge for key, edge in after.items() if key in before and before[key] != edge],
        deletes=[edge for key, edge in before.items() if key not in after],
        unchanged=[before[key] for key in dict.fromkeys(wish.key for wish in wishes) if before.get(key) == after[key]],
    )


def fulfil(links: dict[EdgeKey, Edge], wish: Edge, *, replacing: bool) -> None:
    """Puts a wish among the links, making room for it."""
    kind, present = STANDARD[wish.type_key], links.get(wish.key)
    others = [edge for edge in links.values() if (edge.type_key, edge.from_id) == wish.key[:2] and edge.key != wish.key]
    if others and kind.cardinality == "one":
        if not replacing:
            raise Occupied(others[0])
        for other in others:
            del links[other.key]
        others = []
    primary = wish.is_primary or bool(present and present.is_primary) or (kind.keeps_primary and not others)
    if primary:
        links.update({other.key: replace(other, is_primary=False) for other in others})
    labels = merged_labels(present.labels if present else (), wish.labels)
    links[wish.key] = replace(wish, labels=labels, is_primary=primary)


def plan_unlinks(wishes: Sequence[Edge], present: Iterable[Edge]) -> Plan:
    """Tells which of the wished links there are and must go, and which become the main one in their place."""
    wanted = {wish.key for wish in wishes}
    edges = list(present)
    deletes = [edge for edge in edges if edge.key in wanted]
    there = {edge.key for edge in deletes}
    rest = [edge for edge in edges if edge.key not in there]
    keeping = [edge for edge in reversed(rest) if STANDARD[edge.type_key].keeps_primary]
    heirs = {edge.key[:2]: replace(edge, is_primary=True) for edge in keeping}
    bereft = {edge.key[:2] for edge in deletes if edge.is_primary} - {edge.key[:2] for edge in rest if edge.is_primary}
    missing = [wish for wish in wishes if wish.key not in there]
    return Plan((), [heir for start, heir in heirs.items() if start in bereft], deletes, missing)


def merged_labels(present: Iterable[str], given: Iterable[str]) -> tuple[str, ...]:
    """The labels of a link after more were given, each once, in order."""
    return tuple(dict.fromkeys([*present, *given]))
