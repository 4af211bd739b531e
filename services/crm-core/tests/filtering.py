"""A filter, a sort and a page worked out in Python over plain values: what the database's answer is compared with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_platform.data.records.fold import fold, words

ZONE = ZoneInfo("Europe/Berlin")
NEGATIVE = {"neq": "eq", "not_in": "in", "not_contains": "contains", "none_of": "any_of"}


@dataclass(frozen=True)
class Person:
    """A contact as it was written; fields without a value are left out, amounts are (currency, decimal)."""

    id: UUID
    values: Mapping[str, Any]
    employer: Mapping[str, Any] = field(default_factory=dict)


def matches(person: Person, tree: Mapping[str, Any]) -> bool:
    """Whether a person meets a filter."""
    if "all" in tree:
        return all(matches(person, inner) for inner in tree["all"])
    if "any" in tree:
        return any(matches(person, inner) for inner in tree["any"])
    if "none" in tree:
        return not any(matches(person, inner) for inner in tree["none"])
    if "assoc" in tree:
        return linked(person, tree["assoc"])
    return compares(person.values, tree)


def linked(person: Person, asked: Mapping[str, Any]) -> bool:
    """Whether the employer, the only linked company, is as asked."""
    met = bool(person.employer) and ("where" not in asked or compares(person.employer, asked["where"]))
    return not met if asked.get("quantifier") == "none" else met


def compares(values: Mapping[str, Any], tree: Mapping[str, Any]) -> bool:
    """Whether the values of one field satisfy a condition."""
    op = tree["op"]
    held = values.get(tree["field"])
    several = held if isinstance(held, list) else [] if held is None else [held]
    if op in ("is_set", "is_empty"):
        return bool(several) is (op == "is_set")
    positive = NEGATIVE.get(op, op)
    told = tree.get("values", [tree.get("value")])
    if positive == "all_of":
        return all(any(test("eq", each, [one]) for each in several) for one in told)
    met = any(test(positive, each, told) for each in several)
    if op in NEGATIVE:
        return not met and (bool(several) or bool(tree.get("include_empty")))
    return met


def test(op: str, held: Any, told: Sequence[Any]) -> bool:
    """Whether one value satisfies an operator."""
    if op in ("contains", "starts_with", "has_word"):
        text, part = fold(held), fold(told[0])
        tests: Mapping[str, Callable[[], bool]] = {
            "contains": lambda: part in text,
            "starts_with": lambda: text.startswith(part),
            "has_word": lambda: set(words(part)) <= set(words(text)),
        }
        return tests[op]()
    if op in ("last_n_days", "older_than_days", "next_n_days"):
        return around(op, held, int(told[0]))
    spans = [span(held, one) for one in told]
    return any(place(op, held, low, high) for low, high in spans) if op != "between" else between(held, spans)


test.__test__ = False  # type: ignore[attr-defined]


def between(held: Any, spans: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a value lies from the first to the last."""
    return place("gte", held, *spans[0]) and place("lte", held, *spans[1])


def place(op: str, held: Any, low: Any, high: Any) -> bool:
    """Whether a value stands so to a span of values."""
    value = comparable(held)
    if isinstance(value, tuple) and value[0] != low[0]:
        return False
    found = {
        "eq": low <= value <= high,
        "in": low <= value <= high,
        "any_of": low <= value <= high,
        "lt": value < low,
        "lte": value <= high,
        "gt": value > high,
        "gte": value >= low,
    }
    return bool(found[op])


def comparable(held: Any) -> Any:
    """A value as it is compared."""
    return fold(held) if isinstance(held, str) else held


def span(held: Any, told: Any) -> tuple[Any, Any]:
    """What a told value means beside one that is held: itself, or for a moment the whole of a day."""
    text = str(told)
    match held:
        case bool():
            value: Any = text == "true"
        case datetime():
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), ZONE).astimezone(UTC)
            after = datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), ZONE)
            return day, after.astimezone(UTC) - timedelta(microseconds=1)
        case date():
            value = date.fromisoformat(text)
        case int() | float():
            value = float(text)
        case tuple():
            amount, currency = text.split()
            value = (currency, Decimal(amount))
        case UUID():
            value = UUID(text)
        case _:
            value = fold(text)
    return value, value


def around(op: str, held: date | datetime, count: int) -> bool:
    """Whether a value lies in days counted from the tenant's today."""
    today = datetime.now(ZONE).date()
    day = held.astimezone(ZONE).date() if isinstance(held, datetime) else held
    if op == "older_than_days":
        return day < today - timedelta(days=count)
    if op == "next_n_days":
        return today <= day <= today + timedelta(days=count)
    return today - timedelta(days=count) <= day <= today


def ordered(people: Sequence[Person], sorts: Sequence[Mapping[str, Any]]) -> list[UUID]:
    """The ids in the order of several keys, those without a value last; ties by id as the first key goes."""
    asked = list(sorts) or [{"field": "created_at", "direction": "desc"}]
    found = sorted(people, key=lambda each: each.id, reverse=asked[0].get("direction") == "desc")
    for sort in reversed(asked):
        keys = {each.id: sort_key(each, sort) for each in found}
        with_value = [each for each in found if keys[each.id] is not None]
        empty = [each for each in found if keys[each.id] is None]
        down = sort.get("direction") == "desc"
        with_value = stable(with_value, keys, down=down)
        found = with_value + empty
    return [each.id for each in found]


def stable(people: list[Person], keys: Mapping[UUID, Any], *, down: bool) -> list[Person]:
    """Sorted either way, equals left as they stood."""
    return sorted(people, key=lambda each: keys[each.id], reverse=down)


def sort_key(person: Person, sort: Mapping[str, Any]) -> Any:
    """The key of a person, None without one: text as bytes compare it, amounts of one currency."""
    held = person.values.get(sort["field"])
    if isinstance(held, tuple):
        return held[1] if held[0] == sort.get("currency", "EUR") else None
    return fold(held).encode() if isinstance(held, str) else held
