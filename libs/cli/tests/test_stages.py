"""Which of our stages a stage of another system means."""

import pytest

from kontor_cli.demo.stages import ForeignStage, PipelineStage, stage_for

STAGES = [
    PipelineStage("New", "open", 10),
    PipelineStage("Qualified", "open", 25),
    PipelineStage("Proposal", "open", 50),
    PipelineStage("Negotiation", "open", 75),
    PipelineStage("Won", "won", 100),
    PipelineStage("Lost", "lost", 0),
]


@pytest.mark.parametrize(
    ("name", "probability", "ours"),
    [
        ("Prospecting", 10, "New"),
        ("Needs Analysis", 20, "Qualified"),
        ("Proposal/Price Quote", 75, "Proposal"),
        ("Negotiation/Review", 90, "Negotiation"),
        ("Id. Decision Makers", 60, "Proposal"),
        ("QUALIFIED", 90, "Qualified"),
        ("Something", None, "New"),
    ],
)
def test_open_stages_go_by_name_then_word_then_probability(name: str, probability: int | None, ours: str) -> None:
    """An equal name wins, then a shared word, then the nearest chance of winning."""
    assert stage_for(ForeignStage(name, probability, is_closed=False, is_won=False), STAGES).label == ours


@pytest.mark.parametrize(("is_won", "ours"), [(True, "Won"), (False, "Lost")])
def test_closed_stages_stay_closed(is_won: bool, ours: str) -> None:
    """A closed deal never becomes an open one, whatever its stage is called."""
    assert stage_for(ForeignStage("Proposal", 50, is_closed=True, is_won=is_won), STAGES).label == ours
