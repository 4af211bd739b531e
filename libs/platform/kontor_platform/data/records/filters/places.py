"""Where the values of a field lie, and the SQL that reaches them.

Conditions on a value come as text with `{}` where the value stands. `EXISTS ... OFFSET 0` keeps PostgreSQL from turning
a look-up by key into a join that begins by reading everything that satisfies it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kontor_platform.data.records.filters.parameters import Basis, Parameters

TENANT = "%(tenant)s::uuid"
LIVE = "deleted_at IS NULL"


class Place(Protocol):
    """Where a field's values lie; `many` where a record may have several, `required` where each record has one."""

    @property
    def basis(self) -> Basis: ...
    @property
    def many(self) -> bool: ...
    @property
    def required(self) -> bool: ...

    def some(self, record: str, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Whether the record has a value that satisfies the condition: true or false, never NULL."""

    def ids(self, condition: str, parameters: Parameters, currency: str = "") -> str:
        """The ids of records with such a value, as a range of an index; empty where no index has them together."""

    def scalar(self, record: str, parameters: Parameters) -> str:
        """The one value of a record, NULL without one; empty where there may be several."""

    def currency(self, record: str, parameters: Parameters) -> str:
        """The currency of the value; empty for what is no money."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the record's own table; `indexed` where an index of live records is led by it.

    A text that is not kept folded is compared in lower case.
    """

    table: str
    name: str
    basis: Basis
    required: bool = False
    indexed: bool = False
    currency_column: str = ""
    many: bool = False
    is_folded: bool = True

    def some(self, record: str, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Asks the column."""
        asked = condition.replace("{}", self.scalar(record, parameters))
        if self.currency_column and currency:
            asked = f"{record}.{self.currency_column} = {parameters.add(currency, 'text')} AND {asked}"
        return f"({asked})" if self.required else f"(({asked}) IS TRUE)"

    def ids(self, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Reads the column's index."""
        if not self.indexed:
            return ""
        asked = self.some("x", condition, parameters, currency).replace(" IS TRUE", "")
        return f"SELECT x.id FROM {self.table} x WHERE x.tenant_id = {TENANT} AND x.{LIVE} AND {asked}"

    def scalar(self, record: str, parameters: Parameters) -> str:
        """The column."""
        return f"{record}.{self.name}" if self.is_folded else f"lower({record}.{self.name})"

    def currency(self, record: str, parameters: Parameters) -> str:
        """The column beside it."""
        return f"{record}.{self.currency_column}" if self.currency_column else ""


@dataclass(frozen=True, slots=True)
class Shelved:
    """Values in a table beside the record's, under the record's id; `fixed` narrows its rows (`x` is the table).

    `columns` hold forms of one value, any of which may satisfy a condition; each leads an index.
    """

    table: str
    owner: str
    columns: tuple[str, ...]
    basis: Basis = Basis.TEXT
    fixed: str = "x.live"
    many: bool = True
    required: bool = False

    def some(self, record: str, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Looks for a row."""
        return f"EXISTS ({self._rows(self.columns, condition)} AND x.{self.owner} = {record}.id OFFSET 0)"

    def ids(self, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Reads an index a column."""
        return " UNION ALL ".join(self._rows((each,), condition, f"x.{self.owner} AS id") for each in self.columns)

    def scalar(self, record: str, parameters: Parameters) -> str:
        """The one row's value."""
        if self.many:
            return ""
        return f"({self._rows((), '', f'x.{self.columns[0]}')} AND x.{self.owner} = {record}.id)"

    def currency(self, record: str, parameters: Parameters) -> str:
        """None."""
        return ""

    def _rows(self, columns: Sequence[str], condition: str, shown: str = "") -> str:
        asked = " OR ".join(condition.replace("{}", f"x.{each}") for each in columns)
        wanted = [f"x.tenant_id = {TENANT}", self.fixed, f"({asked})" if asked else ""]
        return f"SELECT {shown} FROM {self.table} x WHERE {' AND '.join(filter(None, wanted))}"


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark that a record bears if any of its rows in a table beside does; a partial index has those rows."""

    table: str
    owner: str
    mark: str
    basis: Basis = Basis.FLAG
    many: bool = False
    required: bool = True

    def some(self, record: str, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Asks whether the record bears it."""
        return f"({condition.replace('{}', self.scalar(record, parameters))})"

    def ids(self, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Reads who bears it; those who do not are not together."""
        asked = condition.replace("{}", "true")
        return f"{self._rows('x.' + self.owner + ' AS id')} AND {asked}" if " = " in condition else ""

    def scalar(self, record: str, parameters: Parameters) -> str:
        """Whether a row bears it."""
        return f"EXISTS ({self._rows('')} AND x.{self.owner} = {record}.id OFFSET 0)"

    def currency(self, record: str, parameters: Parameters) -> str:
        """None."""
        return ""

    def _rows(self, shown: str) -> str:
        return f"SELECT {shown} FROM {self.table} x WHERE x.tenant_id = {TENANT} AND x.{self.mark} AND x.live"


@dataclass(frozen=True, slots=True)
class Indexed:
    """The values of a custom property in the property index; money keeps its currency beside the amount."""

    property_id: UUID
    column: str
    basis: Basis
    many: bool = False
    is_money: bool = False
    required: bool = False

    def some(self, record: str, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Looks for a row of the record, by its key: led by the value, a range would be read once for each record."""
        asked = f"CASE WHEN {condition} THEN true END"
        return f"EXISTS ({self._rows('', asked, parameters, currency)} AND x.record_id = {record}.id OFFSET 0)"

    def ids(self, condition: str, parameters: Parameters, currency: str = "") -> str:
        """Reads the index of the value."""
        return self._rows("x.record_id AS id", condition, parameters, currency)

    def scalar(self, record: str, parameters: Parameters) -> str:
        """The value of the one row."""
        if self.many:
            return ""
        return f"({self._rows('x.' + self.column, '', parameters)} AND x.record_id = {record}.id AND x.position = 0)"

    def currency(self, record: str, parameters: Parameters) -> str:
        """The currency in the one row."""
        if not self.is_money:
            return ""
        return f"({self._rows('x.txt', '', parameters)} AND x.record_id = {record}.id AND x.position = 0)"

    def _rows(self, shown: str, condition: str, parameters: Parameters, currency: str = "") -> str:
        wanted = [f"x.tenant_id = {TENANT}", f"x.property_id = {self.key(parameters)}"]
        if self.is_money and currency:
            wanted.append(f"x.txt = {parameters.add(currency, 'text')}")
        wanted.append(condition.replace("{}", f"x.{self.column}"))
        return f"SELECT {shown} FROM property_index x WHERE {' AND '.join(filter(None, wanted))}"

    def key(self, parameters: Parameters) -> str:
        """The placeholder of the property's id."""
        return parameters.same(f"i{self.property_id.hex}", self.property_id, "uuid")
