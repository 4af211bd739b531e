"""Reads whole rows with the mapping of a file, compiled once."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kontor_crm_core.imports.guard import unguarded
from kontor_crm_core.imports.mapping.suggest import Use
from kontor_crm_core.imports.mapping.synonyms import squeezed
from kontor_crm_core.imports.mapping.targets import PER_ADDRESS, Field, Target
from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.reading.rows import Row
from kontor_crm_core.imports.values import readers
from kontor_crm_core.imports.values.readers import Flag, Read, Unread
from kontor_crm_core.imports.values.wish import RowWish
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.values import Reading

FIXED: Mapping[Target, Read] = {
    Target.ID: readers.own_id,
    Target.NAME: readers.whole_name,
    Target.COMPANY: readers.company,
    Target.COMPANY_ID: readers.company_id,
    Target.COMPANY_DOMAIN: readers.company_domain,
    Target.OWNER: readers.owner,
}
TEXTS = (Target.FIRST_NAME, Target.LAST_NAME, Target.TITLE, Target.CITY, Target.COUNTRY)
CLEARED: Mapping[Target, str] = {**{each: str(each) for each in TEXTS}, Target.OWNER: "owner_id"}
PLACE = re.compile(r"email(\d{1,2})")
ROW_FAULTS: Mapping[str, str] = {
    "row_length": "The row has {cells} cells, the header {width}; a delimiter or quotation mark is wrong.",
    "row_too_large": "The row is longer than 1,048,576 characters, or a cell longer than 131,072.",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """How one column is read."""

    index: int
    name: str
    read: Read
    clears: str = ""


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How the rows of a file are read: its columns, addresses before what is said about them."""

    cells: Sequence[Cell]
    width: int
    is_guarded: bool = False

    def read(self, row: Row) -> tuple[RowWish, list[Problem]]:
        """What a row wants, and what is wrong with it."""
        if row.fault:
            told = ROW_FAULTS.get(row.fault, row.fault).format(cells=len(row.cells), width=self.width)
            return RowWish(), [Problem(row.fault, told)]
        wish, problems = RowWish(), []
        values = row.cells
        for cell in self.cells:
            text = values[cell.index]
            if not text or text.isspace():
                if cell.clears:
                    wish.clear.append(cell.clears)
                continue
            if self.is_guarded and text[0] == "'":
                text = unguarded(text)
            try:
                problems += [problem(cell, text, each) for each in cell.read(wish, text)]
            except Unread as why:
                problems.append(problem(cell, text, why))
        return wish, problems


def problem(cell: Cell, value: str, why: Unread) -> Problem:
    """A cell's problem with the place it stands in."""
    return Problem(why.code, why.message, cell.name, cell.index, value, why.suggestion, why.is_warning)


def compiled(
    uses: Sequence[Use], definitions: Mapping[str, Definition], reading: Reading, *, guarded: bool, clears: bool
) -> RowPlan:
    """The plan of a mapping."""
    used = [(use, use.field) for use in uses if use.field]
    ordered = sorted(used, key=lambda pair: (pair[1].target in PER_ADDRESS, pair[0].column.index))
    cells = [
        Cell(
            use.column.index,
            use.column.name,
            reader(field, use.column.name, definitions, reading, ours=guarded),
            cleared(field, definitions) if clears else "",
        )
        for use, field in ordered
    ]
    return RowPlan(cells, len(uses), guarded)


def reader(field: Field, column: str, definitions: Mapping[str, Definition], reading: Reading, *, ours: bool) -> Read:
    """How a column of a field is read."""
    made: Mapping[Target, Callable[[], Read]] = {
        Target.EMAIL: lambda: readers.one_email if ours else readers.emails,
        Target.PHONE: lambda: readers.phones(reading.region, ours=ours),
        Target.EXTERNAL_ID: lambda: readers.external_id(field.name),
        Target.PROPERTY: lambda: readers.custom(definitions[field.name], reading),
    }
    if field.target in made:
        return made[field.target]()
    if field.target in PER_ADDRESS:
        place = PLACE.match(squeezed(column))
        return Flag(field.target, int(place[1]) if place else 0).read
    return FIXED.get(field.target) or readers.text_field(field.target)


def cleared(field: Field, definitions: Mapping[str, Definition]) -> str:
    """What a blank cell of the field empties; identities and the company are never emptied by one."""
    if field.target is Target.PROPERTY:
        return str(definitions[field.name].log_name)
    return CLEARED.get(field.target, "")
