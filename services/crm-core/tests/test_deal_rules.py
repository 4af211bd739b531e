from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from kontor_crm_core.deal.opening_rules import Opening, opening_violations
from kontor_crm_core.deal.rules import (
    DealState,
    Edits,
    Kind,
    Move,
    Probability,
    Source,
    StageRules,
    changed_fields,
    edited,
    entered,
    manual_violations,
    missing,
    move_violations,
    name_key,
    next_category,
    next_probability,
    overwritten,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PIPELINE, OTHER = UUID(int=1), UUID(int=2)
QUALIFIED = StageRules(UUID(int=10), PIPELINE, "Qualified", Kind.OPEN, 25, "pipeline")
PROPOSAL = StageRules(UUID(int=11), PIPELINE, "Proposal", Kind.OPEN, 50, "best_case")
WON = StageRules(UUID(int=12), PIPELINE, "Won", Kind.WON, 100, "closed")
LOST = StageRules(UUID(int=13), PIPELINE, "Lost", Kind.LOST, 0, "omitted")
LABELS = tuple((stage.id, stage.label) for stage in (QUALIFIED, PROPOSAL, WON, LOST))
DRAFT = DealState(name="Widgets", currency="EUR", opened_at=NOW - timedelta(days=9), stage_entered_at=NOW)
DEAL = entered(DRAFT, QUALIFIED, "", NOW - timedelta(days=9))
MANUAL = edited(DEAL, Edits(probability=70))


def moved(target: StageRules, **given: object) -> Move:
    """A move of the deal from Qualified."""
    usual = {
        "deal": DEAL,
        "present": QUALIFIED,
        "target": target,
        "reason": "",
        "at": NOW,
        "now": NOW,
        "labels": LABELS,
    }
    return Move(**{**usual, **given})  # type: ignore[arg-type]


def fields(move: Move) -> list[str]:
    """The fields that would satisfy the rules the move breaks."""
    return [violation.field for violation in move_violations(move)]


def test_a_stage_value_follows_the_stage() -> None:
    """A deal that advances takes the percentage of the stage it comes to, and the category with it."""
    after = entered(DEAL, PROPOSAL, "", NOW)
    assert (DEAL.probability, after.probability, after.probability_source) == (25, 50, Source.STAGE)
    assert (after.forecast_category, after.forecast_category_source) == ("best_case", Source.STAGE)


def test_a_manual_value_survives_an_unrelated_edit() -> None:
    """What a person set stays when another field changes, and when the deal goes to another open stage."""
    renamed = edited(MANUAL, Edits(name="Gadgets", amount=Decimal(10)))
    assert (renamed.probability, renamed.probability_source) == (70, Source.MANUAL)
    assert next_probability(renamed, PROPOSAL) == Probability(70, Source.MANUAL)


@pytest.mark.parametrize(("stage", "percent"), [(WON, 100), (LOST, 0)])
def test_a_closed_stage_decides_alone(stage: StageRules, percent: int) -> None:
    """Winning is 100 and losing 0, whatever a person or the stage's figure said, and a manual value is dropped."""
    odd = replace(stage, probability=33)
    assert next_probability(MANUAL, odd) == Probability(percent, Source.STAGE)
    closed = entered(MANUAL, odd, "why", NOW)
    assert next_probability(closed, PROPOSAL) == Probability(50, Source.STAGE)


def test_the_stage_value_can_be_taken_back() -> None:
    """`probability_source: stage` gives up the manual value."""
    given_up = edited(MANUAL, Edits(probability_source="stage"))
    assert next_probability(given_up, QUALIFIED) == Probability(25, Source.STAGE)


def test_zero_is_a_manual_value() -> None:
    """Nought per cent is what somebody said, not an empty field."""
    assert next_probability(edited(DEAL, Edits(probability=0)), PROPOSAL) == Probability(0, Source.MANUAL)


def test_a_category_follows_the_same_rule() -> None:
    """By hand it stays at open stages and is dropped at closed ones."""
    committed = edited(DEAL, Edits(forecast_category="commit"))
    assert next_category(committed, PROPOSAL) == ("commit", Source.MANUAL)
    assert next_category(committed, WON) == ("closed", Source.STAGE)
    assert next_category(committed, LOST) == ("omitted", Source.STAGE)


def test_closing_and_reopening_keep_the_books() -> None:
    """A closed deal knows when and, if lost, why; reopened it knows neither."""
    lost = entered(DEAL, LOST, "price", NOW)
    assert (lost.closed_at, lost.lost_reason) == (NOW, "price")
    again = entered(lost, PROPOSAL, "they called", NOW)
    assert (again.closed_at, again.lost_reason) == (None, None)
    assert entered(DEAL, WON, "great", NOW).lost_reason is None


def test_all_broken_rules_are_told_at_once() -> None:
    """Each names the field of the request that would satisfy it."""
    strict = replace(LOST, required_fields=("amount", "close_date", "contact_ids"))
    present = replace(QUALIFIED, allowed_next=(PROPOSAL.id,))
    late = NOW + timedelta(seconds=1)
    broken = fields(moved(strict, present=present, at=late))
    assert broken == ["stage", "reason", "occurred_at", "set.amount", "set.close_date", "set.contact_ids"]


def test_a_required_amount_may_be_nought() -> None:
    """Nothing is worth nothing; an unknown amount is another matter."""
    wanted = replace(PROPOSAL, required_fields=("amount",))
    assert missing(DEAL, wanted) == ["amount"]
    assert missing(edited(DEAL, Edits(amount=Decimal(0))), wanted) == []


def test_the_order_of_stages_binds_within_a_pipeline_only() -> None:
    """A stage names what may follow it; what it does not name is refused with what it does, elsewhere all is free."""
    present = replace(QUALIFIED, allowed_next=(PROPOSAL.id, WON.id))
    (violation,) = move_violations(moved(LOST, present=present, reason="price"))
    assert (violation.field, violation.allowed) == ("stage", ("Proposal", "Won"))
    assert fields(moved(PROPOSAL, present=present)) == []
    assert fields(moved(replace(PROPOSAL, id=UUID(int=99), pipeline_id=OTHER), present=present)) == []


def test_a_closed_deal_moves_with_a_reason_only() -> None:
    """Reopening and correcting are told why, winning is not."""
    assert fields(moved(PROPOSAL, present=LOST)) == ["reason"]
    assert fields(moved(WON, present=LOST)) == ["reason"]
    assert fields(moved(PROPOSAL, present=LOST, reason="they called")) == []
    assert fields(moved(WON)) == []


def test_a_move_lies_between_the_last_one_and_now() -> None:
    """It may be entered late, but stays of a deal neither overlap nor lie ahead."""
    assert fields(moved(PROPOSAL, at=DEAL.stage_entered_at)) == []
    assert fields(moved(PROPOSAL, at=DEAL.stage_entered_at - timedelta(microseconds=1))) == ["occurred_at"]
    assert fields(moved(PROPOSAL, at=NOW + timedelta(microseconds=1))) == ["occurred_at"]


def test_a_closed_stage_takes_no_manual_values() -> None:
    """A percentage for a won deal contradicts itself."""
    edits = Edits(probability=50, forecast_category="commit")
    assert [each.field for each in manual_violations(edits, WON, "set.")] == [
        "set.probability",
        "set.forecast_category",
    ]
    assert manual_violations(edits, PROPOSAL, "set.") == []


def test_overwriting_is_told_from_filling_in() -> None:
    """Only a value that was there and would become another counts."""
    known = edited(DEAL, Edits(amount=Decimal("10.00")))
    assert overwritten(known, Edits(amount=Decimal(10), description="new")) == []
    assert overwritten(known, Edits(amount=Decimal(11), name="Gadgets")) == ["name", "amount"]


def test_edits_add_contacts_once() -> None:
    """Links are added, never taken away, and nothing else changes."""
    one, two = UUID(int=50), UUID(int=51)
    after = edited(edited(DEAL, Edits(contact_ids=(one,))), Edits(contact_ids=(one, two)))
    assert after.contact_ids == (one, two)
    assert changed_fields(DEAL, after) == ["contact_ids"]


@pytest.mark.parametrize(
    ("stage", "opened", "closed", "reason", "broken"),
    [
        (QUALIFIED, None, None, "", []),
        (QUALIFIED, NOW - timedelta(days=900), None, "", []),
        (QUALIFIED, NOW + timedelta(seconds=1), None, "", ["opened_at"]),
        (QUALIFIED, None, NOW, "", ["closed_at"]),
        (WON, NOW - timedelta(days=2), NOW - timedelta(days=1), "", []),
        (WON, NOW - timedelta(days=1), NOW - timedelta(days=2), "", ["closed_at"]),
        (WON, None, NOW + timedelta(days=2), "", ["closed_at"]),
        (LOST, None, None, "", ["reason"]),
        (LOST, None, None, "price", []),
    ],
)
def test_a_deal_begins_in_the_past_or_now(
    stage: StageRules, opened: datetime | None, closed: datetime | None, reason: str, broken: list[str]
) -> None:
    """History is entered late, the future never, and times that contradict each other are refused."""
    opening = Opening(DRAFT, stage, reason, opened, closed, NOW)
    assert [violation.field for violation in opening_violations(opening)] == broken


def test_names_are_compared_as_people_read_them() -> None:
    """Case, width, composition and the amount of space do not tell two deals apart."""
    assert name_key("  Stra\u00dfe  ONE ") == name_key("strasse \uff2fne")
    assert name_key("Caf\u00e9") == name_key("Cafe\u0301")
