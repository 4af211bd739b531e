"""The columns of an export: which there are, which were asked for, and what stands in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kontor_crm_core.imports.guard import COLUMN as GUARD
from kontor_crm_core.imports.guard import guarded
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.definitions import Definition, Definitions
from kontor_platform.data.records.values import show

EMAIL, STATES, PHONE, IDS, PROPERTIES = "email", "email_states", "phone", "external_ids", "properties"
FLAGS = ("opted_out", "bounced", "consent_basis")
PLAIN = (
    "id",
    "version",
    "first_name",
    "last_name",
    "title",
    "city",
    "country",
    "company",
    "company_domain",
    "owner_id",
    "created_at",
    "updated_at",
)
ALL = (
    "id",
    "version",
    "first_name",
    "last_name",
    EMAIL,
    STATES,
    PHONE,
    "title",
    "company",
    "company_domain",
    "city",
    "country",
    "owner_id",
    IDS,
    PROPERTIES,
    "created_at",
    "updated_at",
)
FORM = "1"


@dataclass(frozen=True, slots=True)
class Widths:
    """How many addresses and numbers the contact with the most has, and how many ids by system."""

    emails: int = 1
    phones: int = 1
    systems: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """One column: its name, where its value is found, and which of several.

    `part` is what of an address is told, the system of an id, or the id of a custom property.
    """

    name: str
    source: str
    place: int = 0
    part: str = ""
    definition: Definition | None = None

    def text(self, row: Mapping[str, Any]) -> str:
        """The value of a contact as text."""
        if self.definition is not None:
            return show(self.definition, row["props"].get(self.part))
        if self.source == PHONE:
            return nth(row["phones"], self.place)
        if self.source == IDS:
            values = [value for system, value in row["external_ids"] or () if system == self.part]
            return nth(values, self.place)
        if self.source in (EMAIL, STATES):
            return email_part(row["emails"], self.place, self.part)
        return str(row[self.source]) if row[self.source] is not None else ""


def nth(values: Sequence[str] | None, place: int) -> str:
    """One of several values; empty where there are fewer."""
    return values[place] if values and place < len(values) else ""


def email_part(emails: Sequence[Sequence[Any]] | None, place: int, part: str) -> str:
    """An address, or what is known of it; empty where that is what is known of any."""
    if not emails or place >= len(emails):
        return ""
    raw, opted_out, bounced, basis = emails[place]
    told = {"": raw, "opted_out": "true" if opted_out else "", "bounced": "true" if bounced else ""}
    return str(told.get(part, basis or ""))


def chosen(wanted: Sequence[str], definitions: Definitions, widths: Widths) -> list[Cell]:
    """The columns asked for, all if none are, and the one that says that cells are guarded; raises InvalidField."""
    cells = [cell for at, name in enumerate(wanted or ALL) for cell in cells_of(name, at, definitions, widths)]
    return list({cell.name + str(cell.place): cell for cell in cells}.values())


def cells_of(name: str, at: int, definitions: Definitions, widths: Widths) -> list[Cell]:
    """The columns of one name."""
    if name in PLAIN:
        return [Cell(name, name)]
    if name == EMAIL:
        return [Cell(numbered(EMAIL, place), EMAIL, place) for place in range(widths.emails)]
    if name == STATES:
        return [
            Cell(f"email_{place + 1}_{flag}", STATES, place, flag) for place in range(widths.emails) for flag in FLAGS
        ]
    if name == PHONE:
        return [Cell(numbered(PHONE, place), PHONE, place) for place in range(widths.phones)]
    if name == IDS:
        return [
            Cell(f"external_id:{system}", IDS, place, system)
            for system, times in sorted(widths.systems.items())
            for place in range(times)
        ]
    if name == PROPERTIES:
        return [property_cell(each) for each in definitions.all]
    found = definitions.find(name.removeprefix("property:"))
    if found is None:
        names = [*ALL, *definitions.by_name]
        near = nearest(name, names)
        hint = f" Did you mean {near}?" if near else ""
        raise InvalidField(
            f"There is no column {name!r}.{hint}", field=f"columns[{at}]", allowed=names[:20], did_you_mean=near
        )
    return [property_cell(found)]


def property_cell(definition: Definition) -> Cell:
    """The column of a custom property, named so that nothing else can be meant."""
    return Cell(f"property:{definition.name}", PROPERTIES, part=str(definition.id), definition=definition)


def numbered(name: str, place: int) -> str:
    """The name of one of several columns."""
    return name if place == 0 else f"{name}_{place + 1}"


def header(cells: Sequence[Cell]) -> list[str]:
    """The row of names."""
    return [*(guarded(each.name) for each in cells), GUARD]


def line(cells: Sequence[Cell], row: Mapping[str, Any]) -> list[str]:
    """The row of a contact."""
    return [*(guarded(each.text(row)) for each in cells), FORM]
