"""Decisions about contacts: which one is meant, what a name says, and what may become of a consent."""

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


@dataclass(frozen=True, slots=True)
class Consent:
    """What is known of an address: whether its owner refused mail, whether mail came back, on what ground mail goes."""

    opted_out: bool = False
    bounced: bool = False
    basis: str | None = None

    @property
    def says_something(self) -> bool:
        """Whether it differs from what is known of a new address."""
        return self.opted_out or self.bounced or self.basis is not None


@dataclass(frozen=True, slots=True)
class ConsentWish:
    """What a call says of an address; None and an empty text leave what is known."""

    opted_out: bool | None = None
    bounced: bool | None = None
    basis: str = ""


def consented(held: Consent, wish: ConsentWish) -> Consent:
    """What is known afterwards: an opt-out ends only on a ground that is told with it."""
    opted_out = held.opted_out if wish.opted_out is None or ends_unfounded(held, wish) else wish.opted_out
    bounced = held.bounced if wish.bounced is None else wish.bounced
    return Consent(opted_out, bounced, wish.basis or held.basis)


def ends_unfounded(held: Consent, wish: ConsentWish) -> bool:
    """Whether a wish would end an opt-out without saying on what ground."""
    return held.opted_out and wish.opted_out is False and not wish.basis
