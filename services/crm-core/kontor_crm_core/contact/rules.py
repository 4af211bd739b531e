"""Decisions about contacts: which one is meant, and what a wish changes."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """The parts of a person's name."""

    first: str
    last: str

    @property
    def whole(self) -> str:
        """The name as it is written."""
        return f"{self.first} {self.last}".strip()


def split_name(whole: str) -> Name:
    """Reads a name of unknown order: `Doe, Jane` and `Jane Doe` alike."""
    last, comma, first = (part.strip() for part in whole.partition(","))
    if comma and first and last:
        return Name(first, last)
    first, _, last = whole.strip(" ,").rpartition(" ")
    return Name(first.strip(), last) if first else Name(last, "")


def display_name(first: str | None, last: str | None, identities: Sequence[str]) -> str:
    """The name people know a contact by: without one, what identifies them."""
    return Name(first or "", last or "").whole or next(iter(identities), "")


def contradicts(given: Name, given_emails: Sequence[str], holder: Name, holder_emails: Sequence[str]) -> bool:
    """Tells whether the holder of a shared number is someone else; names are folded, blank says nothing."""
    other_first = bool(given.first and holder.first and given.first != holder.first)
    other_last = bool(given.last and holder.last and given.last != holder.last)
    other_address = bool(given_emails and holder_emails and not set(given_emails) & set(holder_emails))
    return other_first or other_last or other_address
