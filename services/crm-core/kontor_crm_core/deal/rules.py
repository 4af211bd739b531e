"""Decisions about deals and their stages."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """What a stage means for a deal."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Source(StrEnum):
    """Where a deal's probability or category comes from."""

    STAGE = "stage"
    MANUAL = "manual"


class Category(StrEnum):
    """Where a deal stands in the forecast."""

    PIPELINE = "pipeline"
    BEST_CASE = "best_case"
    MOST_LIKELY = "most_likely"
    COMMIT = "commit"
    CLOSED = "closed"
    OMITTED = "omitted"


@dataclass(frozen=True, slots=True)
class StageRules:
    """What a stage asks of the deals in it; `allowed_next` is empty where any stage may follow.

    Custom properties stand among the required fields as `property:<id>`; `names` says what people call them.
    """

    id: UUID
    pipeline_id: UUID
    label: str
    kind: str
    probability: int
    forecast_category: str
    required_fields: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    allowed_next: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Probability:
    """A chance of winning in whole percent and where it comes from."""

    percent: int
    source: Source


@dataclass(frozen=True, slots=True)
class DealState:
    """A deal's fields as they are decided upon."""

    name: str
    currency: str
    opened_at: datetime
    stage_entered_at: datetime
    stage_kind: str = Kind.OPEN
    amount: Decimal | None = None
    close_date: date | None = None
    probability: int = 0
    probability_source: str = Source.STAGE
    forecast_category: str = Category.PIPELINE
    forecast_category_source: str = Source.STAGE
    owner_id: UUID | None = None
    company_id: UUID | None = None
    contact_ids: tuple[UUID, ...] = ()
    external_ids: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    lost_reason: str | None = None
    closed_at: datetime | None = None
    stage: str = ""
    stage_id: UUID | None = None
    pipeline_id: UUID | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edits:
    """Fields a caller wants to set; None leaves a field as it is."""

    name: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    close_date: date | None = None
    probability: int | None = None
    probability_source: str | None = None
    forecast_category: str | None = None
    owner_id: UUID | None = None
    company_id: UUID | None = None
    contact_ids: tuple[UUID, ...] = ()
    external_ids: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    lost_reason: str | None = None
    forecast_category_source: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that is not met, and the field of the request that would satisfy it."""

    field: str
    message: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A deal on its way to a stage, `deal` being as it shall be after the edits but still in its stage."""

    deal: DealState
    present: StageRules
    target: StageRules
    reason: str
    at: datetime
    now: datetime
    labels: tuple[tuple[UUID, str], ...] = ()


# How stage rules and the change log name custom properties.
PROPERTY = "property:"
SETTABLE = ("name", "amount", "currency", "close_date", "owner_id", "description", "lost_reason")


def name_key(name: str) -> str:
    """The form in which names of deals are compared: composed, without case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def edited(deal: DealState, edits: Edits) -> DealState:
    """The deal with the edits made, in the same stage."""
    simple = {name: value for name in SETTABLE if (value := getattr(edits, name)) is not None}
    company = deal.company_id if edits.company_id is None else edits.company_id
    contacts = deal.contact_ids + tuple(each for each in edits.contact_ids if each not in deal.contact_ids)
    known = dict(deal.external_ids) | dict(edits.external_ids)
    linked = replace(by_hand(deal, edits), company_id=company, contact_ids=contacts)
    return replace(linked, **simple, external_ids=tuple(sorted(known.items())))


def by_hand(deal: DealState, edits: Edits) -> DealState:
    """The deal with the percentage and category a person set, or given back to its stage."""
    if edits.probability is not None:
        deal = replace(deal, probability=edits.probability, probability_source=Source.MANUAL)
    elif edits.probability_source is not None:
        deal = replace(deal, probability_source=edits.probability_source)
    if edits.forecast_category is not None:
        deal = replace(deal, forecast_category=edits.forecast_category, forecast_category_source=Source.MANUAL)
    elif edits.forecast_category_source is not None:
        deal = replace(deal, forecast_category_source=edits.forecast_category_source)
    return deal


def next_probability(deal: DealState, stage: StageRules) -> Probability:
    """The deal's chance in a stage: closed stages decide alone, at an open one a value set by hand stays."""
    if stage.kind == Kind.OPEN and deal.probability_source == Source.MANUAL:
        return Probability(deal.probability, Source.MANUAL)
    return Probability(CLOSED_PERCENT.get(stage.kind, stage.probability), Source.STAGE)


CLOSED_PERCENT: dict[str, int] = {Kind.WON: 100, Kind.LOST: 0}
CLOSED_CATEGORY: dict[str, str] = {Kind.WON: Category.CLOSED, Kind.LOST: Category.OMITTED}


def next_category(deal: DealState, stage: StageRules) -> tuple[str, Source]:
    """The deal's forecast category in a stage, by the same rule as its probability."""
    if stage.kind == Kind.OPEN and deal.forecast_category_source == Source.MANUAL:
        return deal.forecast_category, Source.MANUAL
    return CLOSED_CATEGORY.get(stage.kind, stage.forecast_category), Source.STAGE


def entered(deal: DealState, stage: StageRules, reason: str, at: datetime) -> DealState:
    """The deal once it is in the stage."""
    chance, (category, category_source) = next_probability(deal, stage), next_category(deal, stage)
    return replace(
        deal,
        stage=stage.label,
        stage_id=stage.id,
        stage_kind=stage.kind,
        pipeline_id=stage.pipeline_id,
        stage_entered_at=at,
        probability=chance.percent,
        probability_source=chance.source,
        forecast_category=category,
        forecast_category_source=category_source,
        closed_at=None if stage.kind == Kind.OPEN else at,
        lost_reason=reason if stage.kind == Kind.LOST else None,
    )


def missing(deal: DealState, stage: StageRules) -> list[str]:
    """Fields the stage requires and the deal lacks, in the stage's order."""
    return [each for each in stage.required_fields if value_of(deal, each) in (None, "", ())]


def value_of(deal: DealState, name: str) -> Any:
    """A field's value, a custom property's by its id."""
    return deal.props.get(name.removeprefix(PROPERTY)) if name.startswith(PROPERTY) else getattr(deal, name)


def lacks(stage: StageRules, name: str, prefix: str) -> Violation:
    """The rule that a field which the stage requires is missing."""
    path = prefix + ("properties" if name.startswith(PROPERTY) else name)
    return Violation(path, f"{stage.label} needs {stage.names.get(name, name)}; give it in {path}")


def move_violations(move: Move) -> list[Violation]:
    """Every rule the move breaks."""
    found = [*order_violations(move), *reason_violations(move), *time_violations(move)]
    return found + [lacks(move.target, each, "set.") for each in missing(move.deal, move.target)]


def order_violations(move: Move) -> Iterator[Violation]:
    """Breaks of what may follow the present stage within a pipeline."""
    present, target = move.present, move.target
    if present.pipeline_id != target.pipeline_id or not present.allowed_next or target.id in present.allowed_next:
        return
    allowed = tuple(label for stage_id, label in move.labels if stage_id in present.allowed_next)
    yield Violation("stage", f"from {present.label} a deal goes to {', '.join(allowed) or 'no other stage'}", allowed)


def reason_violations(move: Move) -> Iterator[Violation]:
    """A reason left out where losing or moving a closed deal asks for one."""
    if move.reason:
        return
    if move.target.kind == Kind.LOST:
        yield Violation("reason", "say why the deal is lost")
    elif move.present.kind != Kind.OPEN:
        yield Violation("reason", f"say why a deal that is {move.present.kind} is moved again")


def time_violations(move: Move) -> Iterator[Violation]:
    """A time of the move that lies in the future or before the present stage was entered."""
    if move.at > move.now:
        yield Violation("occurred_at", f"the move cannot lie in the future; it is {move.now.isoformat()}")
    elif move.at < move.deal.stage_entered_at:
        since = move.deal.stage_entered_at.isoformat()
        yield Violation("occurred_at", f"the deal entered {move.present.label} at {since}; the move cannot be earlier")


def manual_violations(edits: Edits, stage: StageRules, prefix: str) -> list[Violation]:
    """Values set by hand that a closed stage does not take."""
    if stage.kind == Kind.OPEN:
        return []
    given = [field for field in ("probability", "forecast_category") if getattr(edits, field) is not None]
    return [
        Violation(prefix + field, f"{stage.label} is {stage.kind} and decides the {field}; leave it out")
        for field in given
    ]


def overwritten(deal: DealState, edits: Edits) -> list[str]:
    """Fields with a value that the edits would replace."""
    after = edited(deal, edits)
    return [field for field in SETTABLE if (now := getattr(deal, field)) is not None and now != getattr(after, field)]


def changed_fields(before: DealState, after: DealState) -> list[str]:
    """Names of the fields that differ, in the order callers know them."""
    return [field for field in FIELDS if getattr(before, field) != getattr(after, field)]


FIELDS: Sequence[str] = (
    "name",
    "stage",
    "stage_id",
    "stage_kind",
    "stage_entered_at",
    "pipeline_id",
    "amount",
    "currency",
    "close_date",
    "probability",
    "probability_source",
    "forecast_category",
    "forecast_category_source",
    "owner_id",
    "company_id",
    "contact_ids",
    "external_ids",
    "description",
    "lost_reason",
    "opened_at",
    "closed_at",
)
