"""Which of our stages a stage of another system means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """A stage of our pipeline."""

    label: str
    kind: str
    probability: int


@dataclass(frozen=True, slots=True)
class ForeignStage:
    """A stage as the other system knows it."""

    name: str
    probability: int | None
    is_closed: bool
    is_won: bool

    @property
    def kind(self) -> str:
        """What the stage means."""
        return ("won" if self.is_won else "lost") if self.is_closed else "open"


def stage_for(foreign: ForeignStage, stages: Sequence[PipelineStage]) -> PipelineStage:
    """Of the stages of its kind the one of that name, else one that shares a word, else the nearest probability."""
    alike = [each for each in stages if each.kind == foreign.kind]
    named = [each for each in alike if each.label.casefold() == foreign.name.casefold()]
    sharing = [each for each in alike if words(each.label) & words(foreign.name)]
    return min(named or sharing or alike, key=lambda each: distance(each, foreign))


def distance(stage: PipelineStage, foreign: ForeignStage) -> int:
    """How far two chances of winning are apart, in percent; a stage that tells none is taken for the first."""
    return abs(stage.probability - (foreign.probability or 0))


def words(text: str) -> set[str]:
    """The words of a label, without case."""
    return set(WORD.findall(text.casefold()))
