"""Which record the keys of an upsert mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# So many have a number or a name that nobody is meant by it where something else tells who is.
CROWD = 50


class MatchKey(StrEnum):
    """The keys a record may be found by, strongest first."""

    ID = "id"
    EXTERNAL_ID = "external_id"
    EMAIL = "email"
    DOMAIN = "domain"
    PHONE = "phone"
    NAME = "name"
    PROPERTY = "property"


SHARED = (MatchKey.PHONE, MatchKey.NAME)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that a key led to.

    `contradicted` when other things said of it speak against it; `named` is the id given where another record stands
    in its place since.
    """

    key: MatchKey
    record: UUID
    contradicted: bool = False
    named: UUID | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """The one record meant, the strongest key that found it, and the id given if the record stands in its place."""

    record: UUID
    key: MatchKey
    redirected_from: UUID | None = None


class Ambiguous(Exception):
    """The keys lead to more than one record, or to one that something speaks against."""

    def __init__(self, records: Sequence[UUID], keys: Sequence[MatchKey]) -> None:
        super().__init__()
        self.records, self.keys = tuple(records), tuple(keys)

    @property
    def reason(self) -> str:
        """What is in doubt, with a place for the noun."""
        if len(self.records) > 1:
            return "lead to more than one {noun}"
        return "belongs to a {noun} that the name or address given speaks against"


def decide(found: Sequence[Found]) -> Matched | None:
    """The record meant, if any; raises Ambiguous rather than choose.

    A key that belongs to one record alone decides. One that people share decides only where exactly one record has it
    and nothing contradicts, and it may not lead away from what another key found, unless a crowd has it.
    """
    strong = list(dict.fromkeys(each.record for each in found if each.key not in SHARED))
    shared = list(dict.fromkeys(each.record for each in found if each.key in SHARED))
    keys = sorted({each.key for each in found}, key=list(MatchKey).index)
    led_away = bool(strong) and 0 < len(shared) < CROWD and strong[0] not in shared
    if len(strong) > 1 or led_away:
        raise Ambiguous([*strong, *(each for each in shared if each not in strong)], keys)
    if strong:
        named = next((each.named for each in found if each.named), None)
        return Matched(strong[0], next(each for each in keys if each not in SHARED), named)
    if len(shared) > 1 or any(each.contradicted for each in found):
        raise Ambiguous(shared, keys)
    return Matched(shared[0], keys[0]) if shared else None
