"""How fields of records are told to filters, each kind of field in one call."""

from collections.abc import Sequence

from kontor_platform.data.records.definitions import Option
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.places import Column, Marked, Shelved
from kontor_platform.data.records.objects import FieldType

SHELF = (
    "(SELECT json_agg(s.{column} ORDER BY s.{order}) FROM {table} s WHERE s.tenant_id = {{}}.tenant_id "
    "AND s.{owner} = {{}}.id AND s.live)"
)


def shown(column: str) -> str:
    """A column as it is answered."""
    return f"to_json({{}}.{column})"


def text(
    table: str, name: str, column: str = "", *, indexed: bool = False, required: bool = False, terms: int = 0
) -> FieldType:
    """A text that is kept folded in a column beside its own."""
    column = column or name
    place = Column(table, f"{column}_key", Basis.TEXT, required, indexed)
    return FieldType(name, Type.TEXT, place, shown(column), terms=terms, ordered=indexed)


def long_text(table: str, name: str) -> FieldType:
    """A text that is only looked into."""
    place = Column(table, name, Basis.TEXT, is_folded=False)
    return FieldType(name, Type.LONG_TEXT, place, shown(name))


def number(table: str, name: str, *, indexed: bool = False, required: bool = False) -> FieldType:
    """A whole number."""
    place = Column(table, name, Basis.WHOLE, required, indexed)
    return FieldType(name, Type.NUMBER, place, shown(name), ordered=indexed)


def moment(table: str, name: str, column: str = "", *, indexed: bool = False, required: bool = False) -> FieldType:
    """A point in time."""
    place = Column(table, column or name, Basis.MOMENT, required, indexed)
    return FieldType(name, Type.DATETIME, place, shown(column or name), ordered=indexed)


def day(table: str, name: str, column: str = "", *, indexed: bool = False) -> FieldType:
    """A day."""
    place = Column(table, column or name, Basis.DAY, indexed=indexed)
    return FieldType(name, Type.DATE, place, shown(column or name), ordered=indexed)


def choice(table: str, name: str, values: Sequence[str], *, required: bool = True) -> FieldType:
    """One of a few words."""
    place = Column(table, name, Basis.TEXT, required)
    options = [Option(value, value.replace("_", " ")) for value in values]
    return FieldType(name, Type.SELECT, place, shown(name), options=options)


def code(table: str, name: str, kind: Type = Type.TEXT, *, required: bool = False) -> FieldType:
    """A text that is compared exactly as it stands."""
    return FieldType(name, kind, Column(table, name, Basis.TEXT, required), shown(name), exact=True)


def user(table: str, name: str, *, column: str = "", indexed: bool = False) -> FieldType:
    """A user."""
    place = Column(table, column or name, Basis.ID, indexed=indexed)
    return FieldType(name, Type.USER, place, shown(column or name), ordered=indexed)


def record_id(table: str) -> FieldType:
    """The record's own id."""
    place = Column(table, "id", Basis.ID, required=True, indexed=True)
    return FieldType("id", Type.REFERENCE, place, shown("id"), ordered=True)


def of_tenant(table: str, name: str, column: str, lookup: str, answer: str, *, indexed: bool = False) -> FieldType:
    """Something of the tenant's own, by its name or id."""
    place = Column(table, column, Basis.ID, required=True, indexed=indexed)
    return FieldType(name, Type.SELECT, place, answer, lookup=lookup)


def several(
    name: str, kind: Type, table: str, owner: str, columns: tuple[str, ...], raw: str, order: str = "position"
) -> FieldType:
    """What identifies a record, of which it may have several."""
    answer = SHELF.format(column=raw, order=order, table=table, owner=owner)
    return FieldType(name, kind, Shelved(table, owner, columns), answer)


def foreign_id(object_type: str) -> FieldType:
    """Ids in other systems."""
    answer = SHELF.format(column="value", order="value", table="external_id", owner="record_id")
    fixed = f"x.live AND x.object_type = '{object_type}'"
    place = Shelved("external_id", "record_id", ("value",), fixed=fixed)
    return FieldType("external_id", Type.TEXT, place, answer, exact=True)


def mark(name: str, table: str, owner: str) -> FieldType:
    """A mark that any of a record's addresses may bear."""
    place = Marked(table, owner, name)
    answer = (
        f"to_json(EXISTS (SELECT FROM {table} s WHERE s.tenant_id = {{}}.tenant_id AND s.{owner} = {{}}.id "
        f"AND s.live AND s.{name}))"
    )
    return FieldType(name, Type.BOOL, place, answer)


def last_activity() -> FieldType:
    """When something last happened to a record."""
    place = Shelved("record_stat", "record_id", ("last_activity_at",), Basis.MOMENT, fixed="", many=False)
    answer = (
        "(SELECT to_json(s.last_activity_at) FROM record_stat s WHERE s.tenant_id = {}.tenant_id "
        "AND s.record_id = {}.id)"
    )
    return FieldType("last_activity_at", Type.DATETIME, place, answer, ordered=True)
