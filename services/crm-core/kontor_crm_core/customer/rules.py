"""Decisions about lookup and search: what a query may mean, and what an answer leaves out to stay small."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

PHONE_LIKE = re.compile(r"[\s\d()+./x-]*\d[\s\d()+./x-]*\d[\s\d()+./x-]*\d[\s\d()+./x-]*")
DOMAIN_LIKE = re.compile(r"(?:https?://)?[^\s@/]+\.[^\s@/.]{2,}(?:/\S*)?", re.IGNORECASE)
LEAST_DIGITS = 4
MATCH_ORDER = ("id", "email", "phone", "domain", "external_id", "name")
# Fields that name the customer itself; a job title or an employer tells of many.
NAMING = frozenset({"name", "email", "phone", "domain", "external_id"})
SURE = frozenset({"identifier", "word", "prefix"})
LIKENESS = {
    "identifier": "same",
    "word": "same word in",
    "prefix": "beginning of a word in",
    "substring": "part of a word in",
    "slip": "similar word in",
}
KEY_WORDS = {"external_id": "id in another system", "phone": "phone number"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a query looks like; a text may look like several things."""

    id: UUID | None
    email: bool
    phone: bool
    domain: bool


def shape(query: str) -> Shape:
    """Tells what a query may be."""
    text = query.strip()
    phone = PHONE_LIKE.fullmatch(text) is not None and sum(map(str.isdecimal, text)) >= LEAST_DIGITS
    return Shape(
        id=as_id(text),
        email="@" in text,
        phone=phone,
        domain=not phone and DOMAIN_LIKE.fullmatch(text) is not None,
    )


def as_id(text: str) -> UUID | None:
    """The id that a text in the usual form of ids is."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def evidence(keys: Sequence[str]) -> str:
    """Why a record might be meant, in words."""
    return "same " + " and ".join(KEY_WORDS.get(key, key) for key in keys)


def likeness(match: str, field: str) -> str:
    """Why a record that words found might be meant, in words."""
    return f"{LIKENESS[match]} {KEY_WORDS.get(field, field)}"
