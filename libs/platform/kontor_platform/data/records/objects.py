"""What a type of record is made of, as filters, sorts and answers see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kontor_platform.data.records.definitions import Definition, Option, PropertyType
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.places import Indexed, Place


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a record: a column of its table, something beside it, or a custom property.

    `shown` is SQL for its value in an answer, with `{}` for the record. `lookup` names the choices a value is told by
    where those are the tenant's own, as in stages. `terms` are the bits of the search terms its words are found by.
    `ordered` where an index gives records in the order of its values; `log_name` is its name in the change log.
    """

    name: str
    type: PropertyType
    place: Place
    shown: str = ""
    options: Sequence[Option] = ()
    lookup: str = ""
    terms: int = 0
    ordered: bool = False
    exact: bool = False
    log_name: str = ""
    definition: Definition | None = None

    @property
    def many(self) -> bool:
        """Whether a record may have several values."""
        return self.place.many

    @property
    def in_log(self) -> str:
        """The name the change log knows it by."""
        return self.log_name or self.name


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of a kind of link: its table, the columns of the near and the far record, its key, what else holds.

    `fixed` has `{}` for the table.
    """

    table: str
    near: str
    far: str
    key: str = ""
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A kind of link as one end sees it: what it is called there, and what is at its other end."""

    name: str
    far_type: str
    links: Sequence[Link]
    labelled: bool = True


@dataclass(frozen=True)
class ObjectType:
    """A type of record: its table, its fields and its links; `condition` tells its records in a table of several types.

    `default_order` is the field that records are sorted by where nothing is asked for, newest first.
    """

    name: str
    table: str
    fields: Sequence[FieldType]
    relations: Sequence[Relation] = ()
    condition: str = ""
    default_order: str = "created_at"

    @cached_property
    def by_name(self) -> Mapping[str, FieldType]:
        """Standard fields by name."""
        return {each.name: each for each in self.fields}

    @cached_property
    def relation(self) -> Mapping[str, Relation]:
        """Links by name; a kind of record stands for the one kind of link that leads to it, or for the first."""
        found: dict[str, Relation] = {}
        for each in self.relations:
            found.setdefault(each.far_type, each)
        return found | {each.name: each for each in self.relations}

    def conditions(self, record: str) -> str:
        """The SQL that tells live records of this type."""
        own = f" AND {self.condition.replace('{}', record)}" if self.condition else ""
        return f"{record}.tenant_id = %(tenant)s::uuid AND {record}.deleted_at IS NULL{own}"


BASES: Mapping[PropertyType, tuple[str, Basis]] = {
    PropertyType.NUMBER: ("num", Basis.NUMBER),
    PropertyType.MONEY: ("big", Basis.WHOLE),
    PropertyType.DATE: ("ts", Basis.MOMENT),
    PropertyType.DATETIME: ("ts", Basis.MOMENT),
    PropertyType.BOOL: ("flag", Basis.FLAG),
}


def custom(definition: Definition) -> FieldType:
    """The field that a custom property is."""
    column, basis = BASES.get(definition.type, ("txt", Basis.TEXT))
    many = definition.type is PropertyType.MULTI_SELECT
    return FieldType(
        name=definition.name,
        type=definition.type,
        place=Indexed(definition.id, column, basis, many, definition.type is PropertyType.MONEY),
        options=definition.options,
        ordered=not many,
        log_name=definition.log_name,
        definition=definition,
    )
