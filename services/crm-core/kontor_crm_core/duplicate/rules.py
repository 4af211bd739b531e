"""Decides how likely two contacts are one person, from named evidence.

The weights are rounded logarithms of likelihood ratios, after Fellegi and Sunter, A Theory for Record Linkage (1969).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

CERTAIN = 6.0
REVIEW = 3.0


class Band(StrEnum):
    """How sure the evidence makes."""

    CERTAIN = "certain"
    REVIEW = "review"
    UNLIKELY = "unlikely"


class NameMatch(StrEnum):
    """How two names agree."""

    SAME = "same_name"
    SWAPPED = "swapped_name"
    NICKNAME = "nickname"
    SLIP = "similar_name"
    INITIAL = "same_last_name_and_initial"
    LAST_ONLY = "same_last_name"
    FIRST_ONLY = "same_first_name"
    NEIGHBOUR = "similar_but_other_first_name"
    OTHER_PERSON = "other_first_name"
    DIFFERENT = "different_name"
    UNKNOWN = "no_name"


NAME_WEIGHTS = {
    NameMatch.SAME: 4.0,
    NameMatch.SWAPPED: 3.5,
    NameMatch.NICKNAME: 3.5,
    NameMatch.SLIP: 3.0,
    NameMatch.INITIAL: 1.5,
    NameMatch.LAST_ONLY: 1.0,
    NameMatch.FIRST_ONLY: -1.0,
    NameMatch.NEIGHBOUR: -2.0,
    NameMatch.OTHER_PERSON: -6.0,
    NameMatch.DIFFERENT: -6.0,
    NameMatch.UNKNOWN: 0.0,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for two contacts being one, or against."""

    kind: str
    weight: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """What two contacts have in common, and what not; blank never equals blank."""

    name: NameMatch
    names: str = ""
    address: str = ""
    phone: str = ""
    company: str = ""
    city: str = ""
    title: str = ""
    other_addresses: bool = False
    other_phones: bool = False
    other_dates: Sequence[str] = ()


def evidence(compared: Compared) -> list[Evidence]:
    """What speaks for and against, the weightiest first."""
    return sorted(found(compared), key=lambda each: -abs(each.weight))


def found(compared: Compared) -> Iterator[Evidence]:
    """Everything that speaks for or against."""
    if NAME_WEIGHTS[compared.name]:
        yield Evidence(compared.name, NAME_WEIGHTS[compared.name], compared.names)
    shared = (
        ("same_email", 6.0, compared.address),
        ("same_phone", 4.0, compared.phone),
        ("same_company", 3.0, compared.company),
        ("same_city", 0.5, compared.city),
        ("same_title", 0.5, compared.title),
    )
    for kind, weight, detail in shared:
        if detail:
            yield Evidence(kind, weight, detail)
    if compared.other_addresses and not compared.address:
        yield Evidence("other_email_at_the_same_company", -1.5)
    if compared.other_phones and not compared.phone:
        yield Evidence("other_phone", -0.5)
    for name in compared.other_dates:
        yield Evidence("other_date", -4.0, name)


def score(all_evidence: Sequence[Evidence]) -> float:
    """The sum of the evidence."""
    return sum(each.weight for each in all_evidence)


def band(total: float) -> Band:
    """How sure a score makes."""
    if total >= CERTAIN:
        return Band.CERTAIN
    return Band.REVIEW if total >= REVIEW else Band.UNLIKELY
