"""Decisions about deals and their stages."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
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
    """What a stage asks of the deals in it; `allowed_next` is empty where any stage may follow."""

    id: UUID
    pipeline_id: UUID
    label: str
    kind: str
    probability: int
    forecast_category: str
    required_fields: tuple[str, ...] = ()
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


SETTABLE = ("name", "amount", "currency", "close_date", "owner_id", "description", "lost_reason")


def name_key(name: str) -> str:
    """The form in which names of deals are compared: composed, without case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def edited(deal: DealState, edits: Edits) -> DealState:
    """The deal with the edits made, in the same stage."""
    simple = {field: value for field in SETTABLE if (value := getattr(edits, field)) is not None}
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
    return [field for field in stage.required_fields if getattr(deal, field) in (None, "", ())]


def move_violations(move: Move) -> list[Violation]:
    """Every rule the move breaks."""
    found = [*order_violations(move), *reason_violations(move), *time_violations(move)]
    for field in missing(move.deal, move.target):
        found.append(Violation(f"set.{field}", f"{move.target.label} needs {field}; give it in set.{field}"))
    return found


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
    for field in missing(opening.deal, opening.stage):
        found.append(Violation(field, f"{opening.stage.label} needs {field}"))
    return found


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
