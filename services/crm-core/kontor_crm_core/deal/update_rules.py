"""Decisions about a deal whose fields change while it stays in its stage."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from kontor_crm_core.deal.rules import (
    DealState,
    Edits,
    Kind,
    StageRules,
    Violation,
    changed_fields,
    edited,
    manual_violations,
    missing,
    next_category,
    next_probability,
)

EMPTY: dict[str, Any] = {"contact_ids": (), "external_ids": ()}
# What follows from other fields, and is allowed where they are.
FOLLOWING = ("probability_source", "forecast_category_source")


@dataclass(frozen=True, slots=True)
class Update:
    """A deal before and as it shall be, its stage, and the custom properties that change, by their names in the log."""

    before: DealState
    after: DealState
    edits: Edits
    stage: StageRules
    properties: Sequence[str] = ()

    @property
    def changed(self) -> list[str]:
        """The fields that differ."""
        return changed_fields(self.before, self.after)


def in_step(deal: DealState, stage: StageRules) -> DealState:
    """The deal with the percentage and category that its stage gives it."""
    chance, (category, source) = next_probability(deal, stage), next_category(deal, stage)
    return replace(
        deal,
        probability=chance.percent,
        probability_source=chance.source,
        forecast_category=category,
        forecast_category_source=source,
    )


def after_update(deal: DealState, edits: Edits, clear: Collection[str], stage: StageRules) -> DealState:
    """The deal with fields emptied and edits made; a company given replaces the present one."""
    empty: dict[str, Any] = {field: EMPTY.get(field) for field in clear}
    return in_step(edited(replace(deal, **empty), edits), stage)


def update_violations(update: Update) -> list[Violation]:
    """Every rule the update breaks, apart from what a closed deal does not take."""
    found = manual_violations(update.edits, update.stage, "")
    if update.edits.lost_reason is not None and update.stage.kind != Kind.LOST:
        found.append(Violation("lost_reason", "only a lost deal has a reason; crm_update_pipeline moves it to lost"))
    return found


def closed_fields(update: Update) -> list[str]:
    """The changed fields of a closed deal that its pipeline must leave open."""
    if update.stage.kind == Kind.OPEN:
        return []
    return [*(each for each in update.changed if each not in FOLLOWING), *update.properties]


def lacking(update: Update) -> list[str]:
    """Fields that the present stage asks of deals that enter it, and that this update takes away."""
    had = missing(update.before, update.stage)
    return [field for field in missing(update.after, update.stage) if field not in had]


def contradictions(edits: Edits, clear: Collection[str]) -> Iterator[Violation]:
    """Fields that are both given and cleared, and sources that contradict a value."""
    for field in clear:
        if getattr(edits, field) not in (None, ()):
            yield Violation("clear", f"{field} is both given and cleared; leave one of them out")
    for value, source in (("probability", "probability_source"), ("forecast_category", "forecast_category_source")):
        if getattr(edits, value) is not None and getattr(edits, source) == "stage":
            yield Violation(source, f"give a {value}, or take the stage's with {source} stage, not both")


def is_overdue(update: Update, today: date) -> bool:
    """Whether an open deal is given a close date that has passed."""
    day = update.after.close_date
    return "close_date" in update.changed and update.stage.kind == Kind.OPEN and day is not None and day < today
