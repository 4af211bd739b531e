"""Compares two contacts: names with their slips, short forms and order, and what else they say of themselves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

from nicknames import NickNamer
from rapidfuzz.distance import OSA

from kontor_crm_core.duplicate.rules import Compared, NameMatch

# Damerau (1964): four slips of five are one edit; long words may have two.
LONG_WORD = 8
LEAST_LIKE = 0.7


@dataclass(frozen=True, slots=True)
class Profile:
    """A contact as it is compared; texts are folded, `addresses` maps an address without dots and tags to itself."""

    id: UUID
    name: str
    first: str
    last: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    phones: Collection[str] = ()
    company: str = ""
    company_domain: str = ""
    city: str = ""
    title: str = ""
    dates: Mapping[str, str] = field(default_factory=dict)


def compared(one: Profile, other: Profile) -> Compared:
    """What two contacts have in common."""
    addresses = sorted(one.addresses.keys() & other.addresses.keys())
    phones = sorted(set(one.phones) & set(other.phones))
    return Compared(
        name=names_match((one.first, one.last), (other.first, other.last)),
        names=" / ".join(dict.fromkeys((one.name, other.name))),
        address=one.addresses[addresses[0]] if addresses else "",
        phone=phones[0] if phones else "",
        company=same(one.company, other.company) or same(one.company_domain, other.company_domain),
        city=same(one.city, other.city),
        title=same(one.title, other.title),
        other_addresses=others_at_work(one, other),
        other_phones=bool(one.phones and other.phones),
        other_dates=[name for name, day in one.dates.items() if other.dates.get(name, day) != day],
    )


def same(one: str, other: str) -> str:
    """The text both have; empty where they differ or have none."""
    return one if one == other else ""


def others_at_work(one: Profile, other: Profile) -> bool:
    """Whether both write from the same company under names that are not alike."""
    domain = same(one.company_domain, other.company_domain)
    mine, theirs = (local_parts(each, domain) for each in (one, other))
    return bool(domain and mine and theirs) and not any(alike(a, b) for a in mine for b in theirs)


def local_parts(profile: Profile, domain: str) -> list[str]:
    """What stands before the @ of a contact's addresses at a domain."""
    return [local for local, _, at in (each.partition("@") for each in profile.addresses) if at == domain]


def names_match(one: tuple[str, str], other: tuple[str, str]) -> NameMatch:
    """How two names, first and last, agree."""
    if not any(one) or not any(other):
        return NameMatch.UNKNOWN
    if one == other:
        return NameMatch.SAME if all(one) else NameMatch.LAST_ONLY
    swapped = other[1], other[0]
    if one == swapped:
        return NameMatch.SWAPPED
    straight = agreement(one, other)
    if straight in (NameMatch.NICKNAME, NameMatch.SLIP, NameMatch.INITIAL):
        return straight
    turned = agreement(one, swapped)
    return NameMatch.SWAPPED if turned in (NameMatch.NICKNAME, NameMatch.SLIP) else straight


def agreement(one: tuple[str, str], other: tuple[str, str]) -> NameMatch:
    """How two names in the same order agree."""
    (first, last), (other_first, other_last) = one, other
    same_last, like_last = last == other_last, bool(last and other_last) and alike(last, other_last)
    if like_last and first and other_first:
        return first_agreement(first, other_first, same_last=same_last)
    if like_last:
        return NameMatch.LAST_ONLY
    if first and first == other_first:
        return NameMatch.FIRST_ONLY
    return NameMatch.DIFFERENT


def first_agreement(first: str, other: str, *, same_last: bool) -> NameMatch:
    """How names agree whose last parts are alike."""
    if short_of(first, other):
        return NameMatch.NICKNAME
    if first == other:
        return NameMatch.SLIP
    if alike(first, other):
        return NameMatch.NEIGHBOUR if is_given_name(first) and is_given_name(other) else NameMatch.SLIP
    if same_last and (len(first) == 1 or len(other) == 1) and first[0] == other[0]:
        return NameMatch.INITIAL
    if given_names(first) & given_names(other):
        return NameMatch.NICKNAME
    return NameMatch.OTHER_PERSON


def given_names(first: str) -> set[str]:
    """The single names of a first name, initials left out."""
    return {each for each in first.replace("-", " ").split() if len(each) > 1}


def alike(one: str, other: str) -> bool:
    """Whether two words are one with a slip or two, or with the letters of a longer one left out."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    most = 2 if len(longer) >= LONG_WORD else 1
    distance = OSA.distance(one, other, score_cutoff=most)
    return bool(shorter) and distance <= most and 1 - distance / len(longer) >= LEAST_LIKE


@cache
def namer() -> NickNamer:
    """The table of short forms."""
    return NickNamer()


def short_of(one: str, other: str) -> bool:
    """Whether one first name is a short form of the other, or both are of one name."""
    mine, theirs = full_forms(one), full_forms(other)
    return one != other and bool(mine & theirs)


@cache
def known_names() -> frozenset[str]:
    """Every given name that the table of short forms knows."""
    table = namer().nickname_lookup
    return frozenset(table) | {each for forms in table.values() for each in forms}


def is_given_name(text: str) -> bool:
    """Whether a text is a name of its own, and so hardly a slip in another."""
    return text in known_names()


def full_forms(name: str) -> set[str]:
    """A name and those it is short for."""
    return {name} | namer().canonicals_of(name)
