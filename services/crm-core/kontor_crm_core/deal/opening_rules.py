"""Decisions about a deal that begins, perhaps long ago and already at its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kontor_crm_core.deal.rules import DealState, Kind, StageRules, Violation, lacks, missing


@dataclass(frozen=True, slots=True)
class Opening:
    """A new deal and the stage it begins in, with the times the caller gave."""

    deal: DealState
    stage: StageRules
    reason: str
    opened_at: datetime | None
    closed_at: datetime | None
    now: datetime


def opening_violations(opening: Opening) -> list[Violation]:
    """Every rule a new deal breaks."""
    found = [*opening_time_violations(opening)]
    if opening.stage.kind == Kind.LOST and not opening.reason:
        found.append(Violation("reason", "say why the deal was lost"))
    return found + [lacks(opening.stage, each, "") for each in missing(opening.deal, opening.stage)]


def opening_time_violations(opening: Opening) -> Iterator[Violation]:
    """Times of a new deal that contradict each other, its stage or the clock."""
    now, opened, closed = opening.now, opening.opened_at, opening.closed_at
    if opened is not None and opened > now:
        yield Violation("opened_at", f"a deal cannot be opened in the future; it is {now.isoformat()}")
    if closed is None:
        return
    if opening.stage.kind == Kind.OPEN:
        yield Violation("closed_at", f"{opening.stage.label} is open; give a won or lost stage or leave closed_at out")
    elif closed > now:
        yield Violation("closed_at", f"a deal cannot be closed in the future; it is {now.isoformat()}")
    elif opened is not None and closed < opened:
        yield Violation("closed_at", "a deal cannot be closed before it was opened")
