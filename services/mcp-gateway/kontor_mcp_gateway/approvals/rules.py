"""What evidence a call needs, and whose decision counts as which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from uuid import UUID


class Level(IntEnum):
    """How strong the evidence for a person's consent is."""

    NONE = 0
    ASSERTED = 1
    ELICITED = 2
    GIVEN = 3
    SECOND_PERSON = 4


class Status(StrEnum):
    """How far an approval has come."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CONSUMED = "consumed"
    REVOKED = "revoked"


class Channel(StrEnum):
    """How a decision reached the gateway."""

    ASSERTION = "assertion"
    ELICITATION = "elicitation"
    REST = "rest"
    STANDING = "standing"


USER_LIFE = timedelta(minutes=15)
OPERATOR_LIFE = timedelta(hours=24)
REPLAY_WINDOW = timedelta(minutes=15)
PENDING_PER_ACTOR = 20
PENDING_PER_TENANT = 500

_ORDINARY = {"compat": Level.ASSERTED, "verified": Level.ELICITED, "strict": Level.GIVEN}
_GRAVE = {"compat": Level.ASSERTED, "verified": Level.GIVEN, "strict": Level.SECOND_PERSON}


def level_needed(approval: str, *, writes: bool, grave: bool, mode: str, tainted: bool) -> Level:
    """The level a call needs; `grave` means destructive or open-world, `tainted` that outside text was read before."""
    if approval == "operator":
        return Level.SECOND_PERSON
    asked = Level.NONE if approval == "none" else (_GRAVE if grave else _ORDINARY)[mode]
    return max(asked, Level.GIVEN) if tainted and writes else asked


def votes_needed(approval: str, mode: str) -> int:
    """How many people must agree: two where an operator decides and the tenant is strict."""
    return 2 if approval == "operator" and mode == "strict" else 1


def life(level: Level) -> timedelta:
    """How long an approval waits for its decision and its use."""
    return OPERATOR_LIFE if level is Level.SECOND_PERSON else USER_LIFE


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for an approval, what it needs, and who agreed so far."""

    actor: UUID
    on_behalf_of: UUID | None
    key: str
    level: Level
    voters: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Decider:
    """Who wants to see or decide an approval."""

    actor: UUID
    kind: str
    key: str
    is_approver: bool


def may_see(asked: Asked, decider: Decider) -> bool:
    """Whether a person finds the approval: an approver does, and whom it concerns."""
    return decider.kind == "user" and (decider.is_approver or decider.actor in (asked.actor, asked.on_behalf_of))


def level_given(asked: Asked, decider: Decider) -> Level:
    """The level a person's decision reaches; NONE where it does not count."""
    if decider.kind != "user" or decider.key == asked.key:
        return Level.NONE
    if decider.actor not in (asked.actor, asked.on_behalf_of):
        return Level.SECOND_PERSON if decider.is_approver else Level.NONE
    return Level.GIVEN


def why_not(asked: Asked, decider: Decider) -> str:
    """What to tell a person whose decision does not count; empty if it does."""
    if decider.kind != "user":
        return "Only people decide approvals; this key belongs to an agent or a service."
    if decider.key == asked.key:
        return "The key that asked cannot decide; use another key."
    if decider.actor in asked.voters:
        return "You agreed already; this call needs a second person's vote."
    given = level_given(asked, decider)
    if given >= asked.level:
        return ""
    if asked.level is Level.SECOND_PERSON:
        return "This call needs another person with the role approver."
    return "This approval is for the person concerned or for an approver."
