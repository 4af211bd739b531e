"""Decisions about pipelines: what a definition must hold and what becomes of the stages there are."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from uuid import UUID


class Kind(StrEnum):
    """What a stage means for the deals in it."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


CLOSED_PERCENT: Mapping[str, int] = {Kind.WON: 100, Kind.LOST: 0}
CLOSED_CATEGORY: Mapping[str, str] = {Kind.WON: "closed", Kind.LOST: "omitted"}
OPEN_CATEGORY = "pipeline"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stage as the caller defines it."""

    label: str
    kind: str
    id: UUID | None = None
    probability: int | None = None
    forecast_category: str = ""
    rot_days: int | None = None
    required_fields: tuple[str, ...] = ()
    allowed_next: tuple[str, ...] = ()

    @property
    def percent(self) -> int:
        """The stage's chance of winning."""
        return CLOSED_PERCENT.get(self.kind, self.probability or 0)

    @property
    def category(self) -> str:
        """The stage's forecast category."""
        return CLOSED_CATEGORY.get(self.kind, self.forecast_category or OPEN_CATEGORY)


@dataclass(frozen=True, slots=True)
class Present:
    """A stage there is, with the number of deals in it."""

    id: UUID
    label: str
    kind: str
    deals: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field of a definition."""

    field: str
    message: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the stages: what each wanted one keeps, which leave, and where their deals go."""

    kept: tuple[Present | None, ...]
    leaving: tuple[Present, ...]
    moves: Mapping[UUID, int]


DEFAULT_NAME = "Sales"
DEFAULT_STAGES = (
    Wanted("New", Kind.OPEN, probability=10),
    Wanted("Qualified", Kind.OPEN, probability=25),
    Wanted("Proposal", Kind.OPEN, probability=50, forecast_category="best_case"),
    Wanted("Negotiation", Kind.OPEN, probability=75, forecast_category="commit"),
    Wanted("Won", Kind.WON),
    Wanted("Lost", Kind.LOST),
)


def label_key(label: str) -> str:
    """The form in which names are unique: composed, without case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def bare(label: str) -> str:
    """The form in which names are still recognised: without accents too."""
    marks = unicodedata.normalize("NFKD", label_key(label))
    return "".join(character for character in marks if not unicodedata.combining(character))


def matching(text: str, named: Iterable[tuple[UUID, str]]) -> list[tuple[UUID, str]]:
    """Those an id or name means: by id, else as written, else without case, else without accents."""
    candidates = list(named)
    for meant in (
        lambda each: str(each[0]) == text.lower(),
        lambda each: each[1] == text,
        lambda each: label_key(each[1]) == label_key(text),
        lambda each: bare(each[1]) == bare(text),
    ):
        found = [each for each in candidates if meant(each)]
        if found:
            return found
    return []


def faults(stages: Sequence[Wanted]) -> list[Fault]:
    """Everything that is wrong with the stages of a pipeline, taken by themselves."""
    return [*kind_faults(stages), *label_faults(stages), *percent_faults(stages), *next_faults(stages)]


def kind_faults(stages: Sequence[Wanted]) -> Iterator[Fault]:
    """Kinds without a stage."""
    for kind in Kind:
        if not any(stage.kind == kind for stage in stages):
            yield Fault("stages", f"a pipeline has at least one {kind} stage", tuple(Kind))


def label_faults(stages: Sequence[Wanted]) -> Iterator[Fault]:
    """Labels and ids given twice, or of nothing but spaces."""
    labels = Counter(label_key(stage.label) for stage in stages)
    ids = Counter(stage.id for stage in stages if stage.id)
    for place, stage in enumerate(stages):
        if not label_key(stage.label):
            yield Fault(f"stages[{place}].label", "a stage needs a label")
        elif labels[label_key(stage.label)] > 1:
            yield Fault(f"stages[{place}].label", f"the label {stage.label} is given to more than one stage")
        if stage.id and ids[stage.id] > 1:
            yield Fault(f"stages[{place}].id", "the id is given to more than one stage")


def percent_faults(stages: Sequence[Wanted]) -> Iterator[Fault]:
    """Percentages left out of open stages, and values that closed stages do not take."""
    for place, stage in enumerate(stages):
        if stage.kind == Kind.OPEN and stage.probability is None:
            yield Fault(f"stages[{place}].probability", f"give the chance of winning in {stage.label} in whole percent")
        elif stage.probability not in (None, stage.percent):
            yield Fault(
                f"stages[{place}].probability", f"a {stage.kind} stage is {stage.percent}", (str(stage.percent),)
            )
        if (stage.kind == Kind.OPEN and stage.category == "closed") or stage.forecast_category not in (
            "",
            stage.category,
        ):
            right = CLOSED_CATEGORY.get(stage.kind, OPEN_CATEGORY)
            yield Fault(
                f"stages[{place}].forecast_category",
                f"a {stage.kind} stage cannot be {stage.forecast_category}",
                (right,),
            )


def next_faults(stages: Sequence[Wanted]) -> Iterator[Fault]:
    """Followers that are no stage of the pipeline."""
    labels = {label_key(stage.label) for stage in stages}
    for place, stage in enumerate(stages):
        for number, label in enumerate(stage.allowed_next):
            if label_key(label) not in labels:
                known = tuple(each.label for each in stages)
                yield Fault(f"stages[{place}].allowed_next[{number}]", f"{label} is no stage of this pipeline", known)


def kept_stages(present: Sequence[Present], wanted: Sequence[Wanted]) -> tuple[Present | None, ...]:
    """The stage that each wanted one keeps: that of its id, else that of its label unless another claims it by id."""
    by_id = {stage.id: stage for stage in present}
    claimed = {stage.id for stage in wanted if stage.id}
    by_label = {label_key(stage.label): stage for stage in present if stage.id not in claimed}
    return tuple(by_id.get(stage.id) if stage.id else by_label.get(label_key(stage.label)) for stage in wanted)


def unknown_ids(present: Sequence[Present], wanted: Sequence[Wanted]) -> list[Fault]:
    """Ids that are no stage of the pipeline."""
    known = {stage.id for stage in present}
    return [
        Fault(f"stages[{place}].id", "the pipeline has no stage of this id")
        for place, stage in enumerate(wanted)
        if stage.id and stage.id not in known
    ]


def plan(
    present: Sequence[Present], wanted: Sequence[Wanted], reassign: Sequence[tuple[str, str]]
) -> Plan | list[Fault]:
    """What becomes of the stages, or what is wrong with the reassignments; stages in use may still be left over."""
    kept = kept_stages(present, wanted)
    stays = {stage.id for stage in kept if stage}
    leaving = tuple(stage for stage in present if stage.id not in stays)
    moves: dict[UUID, int] = {}
    wrong: list[Fault] = []
    for number, (source, goal) in enumerate(reassign):
        wrong += reassigned(f"reassign[{number}]", source, goal, leaving, wanted, moves)
    return wrong or Plan(kept, leaving, moves)


def reassigned(
    field: str, source: str, goal: str, leaving: Sequence[Present], wanted: Sequence[Wanted], moves: dict[UUID, int]
) -> Iterator[Fault]:
    """Adds one reassignment to `moves`, or tells why it cannot be made."""
    sources = matching(source, [(stage.id, stage.label) for stage in leaving])
    goals = [place for place, stage in enumerate(wanted) if label_key(stage.label) == label_key(goal)]
    if len(sources) != 1:
        yield Fault(f"{field}.from", f"{source} is no stage that leaves", tuple(stage.label for stage in leaving))
    if not goals:
        yield Fault(f"{field}.to", f"{goal} is no stage of the new definition", tuple(stage.label for stage in wanted))
    if len(sources) != 1 or not goals:
        return
    stage = next(each for each in leaving if each.id == sources[0][0])
    if wanted[goals[0]].kind != stage.kind:
        same = tuple(each.label for each in wanted if each.kind == stage.kind)
        yield Fault(f"{field}.to", f"deals in {stage.label} are {stage.kind} and stay so", same)
    moves[stage.id] = goals[0]


def in_use(planned: Plan, wanted: Sequence[Wanted]) -> list[tuple[Present, str]]:
    """Stages with deals that cannot go as planned, each with why."""
    left = [
        (stage, f"{stage.label} holds {number(stage.deals)}; name the stage that takes them in reassign")
        for stage in planned.leaving
        if stage.deals and stage.id not in planned.moves
    ]
    turned = [
        (stage, f"{stage.label} holds {number(stage.deals)}, {stage.kind}; it cannot become {new.kind}")
        for stage, new in zip(planned.kept, wanted, strict=True)
        if stage and stage.deals and stage.kind != new.kind
    ]
    return left + turned


def number(deals: int) -> str:
    """The number of deals in words."""
    return f"{deals} deal{'s' * (deals != 1)}"


def heirs(successors: Mapping[UUID, UUID | None]) -> dict[UUID, UUID]:
    """The stage that in the end takes the deals of each stage that names a successor."""
    found: dict[UUID, UUID] = {}
    for stage, successor in successors.items():
        last, seen = stage, {stage}
        while (following := successors.get(last)) is not None and following not in seen:
            last = following
            seen.add(last)
        if successor is not None:
            found[stage] = last
    return found


def with_heritage(counts: Mapping[UUID, int], heritage: Mapping[UUID, UUID]) -> dict[UUID, int]:
    """Deals by stage, those still on their way to another counted there."""
    found: dict[UUID, int] = {}
    for stage, deals in counts.items():
        end = heritage.get(stage, stage)
        found[end] = found.get(end, 0) + deals
    return found


LEAST_CLOSED = 20


@dataclass(frozen=True, slots=True)
class Observed:
    """How deals that ever entered a stage ended; `percent` is None where they are too few to tell."""

    closed: int
    percent: int | None


def observed(closed: int, won: int) -> Observed:
    """The observed chance of winning in whole percent, half to even, of twenty closed deals at least."""
    return Observed(closed, round(Fraction(won * 100, closed)) if closed >= LEAST_CLOSED else None)
