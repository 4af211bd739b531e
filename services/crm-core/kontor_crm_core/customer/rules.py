"""Decisions about lookup and search: what a query may mean, and what an answer leaves out to stay small."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

PHONE_LIKE = re.compile(r"[\s\d()+./x-]*\d[\s\d()+./x-]*\d[\s\d()+./x-]*\d[\s\d()+./x-]*")
DOMAIN_LIKE = re.compile(r"(?:https?://)?[^\s@/]+\.[^\s@/.]{2,}(?:/\S*)?", re.IGNORECASE)
LEAST_DIGITS = 4
MATCH_ORDER = ("id", "email", "phone", "domain", "external_id", "name")


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


def beginnings(word: str) -> set[str]:
    """How a word may begin if one of its first letters slipped: as it stands, two swapped, or one too many."""
    return {word[:2], word[1::-1], word[:1] + word[2:3]}


def evidence(keys: Sequence[str]) -> str:
    """Why a record might be meant, in words."""
    words = {"external_id": "id in another system", "phone": "phone number"}
    return "same " + " and ".join(words.get(key, key) for key in keys)
