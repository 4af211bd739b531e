"""What a decision about a record comes to, as the one writer stores it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Table

from kontor_platform.contract.problem import JSON
from kontor_platform.data.outbox import Change

Row: TypeAlias = Mapping[str, object]


class Life(StrEnum):
    """What becomes of a record as a whole."""

    STAYS = ""
    ENDS = "deleted"
    RETURNS = "restored"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table of identities: the column that names the record and those that tell its rows apart.

    Rows have a column `live`; where `exclusive` only one record may have a live row of the same keys, within what the
    columns of `scope` say.
    """

    table: Table
    owner: str
    keys: tuple[str, ...]
    exclusive: bool = True
    scope: tuple[str, ...] = ()

    @property
    def holds(self) -> tuple[str, ...]:
        """The columns that no two live rows have in common where the shelf is exclusive."""
        return self.keys + self.scope

    def key(self, row: Row) -> tuple[object, ...]:
        """What tells a row from the record's others."""
        return tuple(row[name] for name in self.keys)


@dataclass(frozen=True, slots=True)
class ShelfChange:
    """Rows of one record on a shelf to add, to take away by their keys, and to write anew; without tenant and owner."""

    shelf: Shelf
    added: Sequence[Row] = ()
    removed: Sequence[tuple[object, ...]] = ()
    changed: Sequence[Row] = ()


def shelf_change(shelf: Shelf, present: Iterable[Row], wanted: Iterable[Row]) -> ShelfChange:
    """What makes the wanted rows the only ones of a record on a shelf."""
    held = {shelf.key(row): row for row in present}
    told = {shelf.key(row): row for row in wanted}
    return ShelfChange(
        shelf,
        added=[row for key, row in told.items() if key not in held],
        removed=[key for key in held if key not in told],
        changed=[
            row
            for key, row in told.items()
            if key in held and any(held[key][name] != value for name, value in row.items())
        ],
    )


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One value of a property as filters compare it; money has `txt` (its currency) and `big`."""

    txt: str | None = None
    num: float | None = None
    big: int | None = None
    ts: object | None = None
    flag: bool | None = None


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property's value as it is stored, None to empty it, with what it is filtered, told apart and found by."""

    property_id: UUID
    value: JSON
    index: Sequence[IndexRow] = ()
    unique_key: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One record as it shall be: only what changes, except that a new one (`version` 0) gives every column.

    `values` are columns of the record's table besides tenant, id, version and times; a new record may give
    `created_at`. `terms` are all terms it is found by with the bits of their fields; None leaves them. `changes` is
    what the change log tells. `event` is `<object_type>.created`, `.updated`, `.deleted` or `.restored` if empty.
    A restored record gives its terms and properties again.
    """

    object_type: str
    id: UUID
    version: int
    values: Row = field(default_factory=dict)
    changes: Sequence[Change] = ()
    shelves: Sequence[ShelfChange] = ()
    properties: Sequence[PropertyChange] = ()
    terms: Mapping[str, int] | None = None
    life: Life = Life.STAYS
    event: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the record is made by this."""
        return self.version == 0


class Clash(StrEnum):
    """Why a planned record could not be written."""

    VERSION = "version"
    IDENTITY = "identity"
    UNIQUE = "unique"


@dataclass(frozen=True, slots=True)
class Clashing:
    """A planned record that could not be written, and who holds what it wanted."""

    record: UUID
    clash: Clash
    holder: UUID | None = None
    value: str = ""


class Clashes(Exception):
    """Records changed or values were taken since the plan was made; nothing may be kept of this transaction."""

    def __init__(self, clashing: Sequence[Clashing]) -> None:
        super().__init__()
        self.clashing = tuple(clashing)
