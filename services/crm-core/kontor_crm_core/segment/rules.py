"""Decisions about segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# domain/crm.md 2.1 and 3.2: what was deleted is kept for so long.
RESTORABLE_DAYS = 90
# DECISIONS 10: what touches more records than this runs as a job.
MOST_AT_ONCE = 1_000


class Kind(StrEnum):
    """How a segment comes by its members."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants of a segment, as far as that decides what becomes of it."""

    kind: str
    type: str
    has_filter: bool
    adds: bool
    removes: bool
    delete: bool
    restore: bool


class Impossible(Exception):
    """What cannot be done to a segment; `field` is the one at fault."""

    def __init__(self, message: str, field: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message, self.field, self.allowed = message, field, tuple(allowed)


def kind_of(wish: Wish, present: str) -> Kind:
    """The kind a segment shall have; raises Impossible."""
    kind = Kind(wish.kind or present or (Kind.DYNAMIC if wish.has_filter else Kind.STATIC))
    if present and kind != present and not (present == Kind.DYNAMIC and kind is Kind.STATIC):
        raise Impossible(f"A {present} segment cannot become {kind}; a dynamic one can become static.", "kind")
    if not present and not wish.type:
        raise Impossible("A new segment needs the `type` of the records it holds.", "type")
    if not present and kind is not Kind.STATIC and not wish.has_filter:
        raise Impossible(f"A {kind} segment needs a `filter`.", "filter")
    if kind is Kind.STATIC and wish.has_filter:
        raise Impossible("A static segment has no filter; make it frozen to fill it by one.", "filter")
    if kind is Kind.DYNAMIC and (wish.adds or wish.removes):
        raise Impossible("The filter decides who is in a dynamic segment; make it static to add or remove.", "add")
    return kind


def alone(wish: Wish) -> None:
    """Refuses to delete or restore together with anything else; raises Impossible."""
    if wish.delete and wish.restore:
        raise Impossible("Delete or restore, not both.", "delete")
    if (wish.delete or wish.restore) and (wish.kind or wish.has_filter or wish.adds or wish.removes):
        named = "delete" if wish.delete else "restore"
        raise Impossible(f"`{named}` stands alone; change the segment in another call.", named)
