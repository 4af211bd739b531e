"""Which calls a standing grant covers; a pattern can only narrow what its giver could approve call by call."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kontor_mcp_gateway.approvals.rules import Asked, Decider, Level, level_given, why_not

MOST_USES = 1_000
MOST_RECORDS = 100
MOST_MINUTES = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Pattern:
    """Calls of one agent and one tool that have these arguments and touch no records but these, where any are named.

    A pinned argument that is None may not be given.
    """

    agent: UUID
    tool: str
    pinned: Mapping[str, Any]
    records: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A grant to be given: for which calls, as the tool is now, how often, how long, why and by whom."""

    pattern: Pattern
    fingerprint: str
    policy_version: str
    uses: int
    life: timedelta
    reason: str
    given_by: UUID
    given_with: str


@dataclass(frozen=True, slots=True)
class StandingGrant:
    """One standing grant as it stands; `seen_at` is the database's time when it was read."""

    tenant_id: UUID
    id: UUID
    pattern: Pattern
    fingerprint: str
    policy_version: str
    uses: int
    uses_left: int
    reason: str
    given_by: UUID
    given_with: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: UUID | None
    seen_at: datetime

    @property
    def status(self) -> str:
        """Whether it still counts, and if not why."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= self.seen_at:
            return "expired"
        return "active" if self.uses_left else "used"

    def giver(self, *, is_approver: bool) -> Decider:
        """Who gave it."""
        return Decider(self.given_by, "user", self.given_with, is_approver)


def fits(pattern: Pattern, arguments: Mapping[str, Any]) -> bool:
    """Whether a call's arguments, as they are sent to the service, are those pinned."""
    return all(arguments.get(name) == value for name, value in pattern.pinned.items())


def stays_within(pattern: Pattern, known: Collection[UUID], touched: int | None) -> bool:
    """Whether a call touches no records but those named.

    `known` are the records it touches that are there already, `touched` is how many it touches at all, None where that
    could not be tried.
    """
    return not pattern.records or (touched == len(known) and set(known).issubset(pattern.records))


def level_of(asked: Asked, grant: StandingGrant, *, is_approver: bool) -> Level:
    """The level that the giver's consent reaches for a call; NONE where it does not suffice."""
    giver = grant.giver(is_approver=is_approver)
    return Level.NONE if why_not(asked, giver) else level_given(asked, giver)
