"""Values of a statement: nothing a caller said becomes part of its text."""

from dataclasses import dataclass, field
from enum import StrEnum


class Basis(StrEnum):
    """What a value is compared as; the type PostgreSQL knows it by."""

    TEXT = "text"
    NUMBER = "float8"
    WHOLE = "bigint"
    MOMENT = "timestamptz"
    DAY = "date"
    FLAG = "boolean"
    ID = "uuid"


@dataclass(frozen=True, slots=True)
class Parameters:
    """The values of one statement by the names that stand for them in its text (psycopg placeholders)."""

    values: dict[str, object] = field(default_factory=dict)

    def add(self, value: object, kind: str) -> str:
        """The placeholder of a value, with its type."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{kind}"

    def same(self, name: str, value: object, kind: str) -> str:
        """The placeholder of a value that stands in many places under one name."""
        self.values[name] = value
        return f"%({name})s::{kind}"
