"""Which types of links there are, and which of them joins two records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_crm_core.association.properties.rules import Property, day, number, select, text

ACTIVITIES = ("activity", "task")


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
