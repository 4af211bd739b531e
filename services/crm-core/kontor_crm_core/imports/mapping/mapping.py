"""The mapping an import runs with: suggested, and what the caller said about single columns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.mapping.kinds import holds
from kontor_crm_core.imports.mapping.suggest import Column, KnownProperty, Use, suggested
from kontor_crm_core.imports.mapping.synonyms import NAMES, NUMBERED, PART_OF_NAME, squeezed
from kontor_crm_core.imports.mapping.targets import FORBIDDEN, IGNORED, READ_ONLY, Field, Target, field_named
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.header import trimmed
from kontor_crm_core.imports.reading.table import Format
from kontor_platform.contract.names import nearest

SAMPLES = 100
KEYS = (Target.ID, Target.EXTERNAL_ID, Target.EMAIL, Target.PHONE)
NAME_FIELDS = (Target.NAME, Target.FIRST_NAME, Target.LAST_NAME)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says about columns: field by name of column, empty to leave a column out."""

    fields: Mapping[str, str]
    unknown_is_error: bool = False
    creates_only: bool = False


def is_known(name: str) -> bool:
    """Tells whether a name is that of a field in some system or language."""
    key = squeezed(name)
    plain = name.strip().lower()
    if plain in IGNORED or plain in READ_ONLY or field_named(plain):
        return True
    return key in NAMES or key in PART_OF_NAME or any(pattern.fullmatch(key) for pattern, _ in NUMBERED)


def columns_of(form: Format) -> list[Column]:
    """The columns of a file with values seen in them."""
    return [
        Column(at, name, [value for row in form.samples if (value := cell(row.cells, at))][:SAMPLES], trimmed(raw))
        for at, (name, raw) in enumerate(zip(form.columns, form.header.raw, strict=True))
    ]


def cell(cells: Sequence[str], at: int) -> str:
    """A cell without space at its ends; empty where the row is too short."""
    return cells[at].strip() if at < len(cells) else ""


def mapped(form: Format, properties: Collection[KnownProperty], unique: Collection[str], wanted: Wanted) -> list[Use]:
    """What each column means; raises FileFault where nothing would tell one person from another."""
    columns = columns_of(form)
    known = {each.name for each in properties}
    uses = suggested(columns, properties)
    told = {column_named(name, columns).index: field_of(name, text, known) for name, text in wanted.fields.items()}
    uses = [Use(use.column, told[at], 1.0, "given") if (at := use.column.index) in told else use for use in uses]
    uses = without_rivals(uses, told)
    check(uses, unique, wanted)
    return uses


def without_rivals(uses: Sequence[Use], told: Mapping[int, Field | None]) -> list[Use]:
    """The uses where a field somebody said a column for is not suggested for another; raises FileFault for two said."""
    single = [field for field in told.values() if field and not field.many]
    if twice := next((field for field in single if single.count(field) > 1), None):
        raise FileFault(FileCode.HEADER_DUPLICATE, f"Two columns are mapped to {twice}; leave one of them out.")
    return [
        Use(use.column, None, 0.0, f"{use.field} is mapped to another column")
        if use.field in single and use.column.index not in told
        else use
        for use in uses
    ]


def column_named(name: str, columns: Sequence[Column]) -> Column:
    """The column a caller names, without regard to case where that is clear; raises FileFault."""
    exact = [each for each in columns if each.name == name.strip()]
    alike = exact or [each for each in columns if squeezed(each.name) == squeezed(name)]
    if len(alike) == 1:
        return alike[0]
    near = nearest(name, [each.name for each in columns])
    hint = f" Did you mean {near!r}?" if near else ""
    raise FileFault(FileCode.UNKNOWN_COLUMN, f"The file has no column {name!r}.{hint}")


def field_of(column: str, text: str, properties: Collection[str]) -> Field | None:
    """The field a caller maps a column to; raises FileFault for one that cannot be imported."""
    if not text:
        return None
    field = field_named(text) or (Field(Target.PROPERTY, text) if text in properties else None)
    if text in FORBIDDEN or text in READ_ONLY:
        raise FileFault(FileCode.UNKNOWN_COLUMN, f"{column!r} cannot be mapped to {text!r}: an import never writes it.")
    unknown = field and field.target is Target.PROPERTY and field.name not in properties
    if field is None or unknown:
        names = [*(each for each in Target if not each.endswith(":")), *properties]
        near = nearest(field.name if field else text, names)
        hint = f" Did you mean {near!r}?" if near else ""
        told = f"{column!r} is mapped to {text!r}, which is no field and no custom property.{hint}"
        raise FileFault(FileCode.UNKNOWN_COLUMN, told)
    return field


def check(uses: Sequence[Use], unique: Collection[str], wanted: Wanted) -> None:
    """Raises FileFault where no column identifies a person, or a column is left out and may not be."""
    fields = [use.field for use in uses if use.field]
    keyed = any(each.target in KEYS or (each.target is Target.PROPERTY and each.name in unique) for each in fields)
    named = wanted.creates_only and any(each.target in NAME_FIELDS for each in fields)
    kind = "people" if wanted.fields else holds([use.column.name for use in uses])
    if kind != "people" or not (keyed or named):
        raise no_key(uses, kind)
    unknown = [use.column.name for use in uses if not use.field and use.column.name.lower() not in IGNORED]
    if wanted.unknown_is_error and unknown:
        names = ", ".join(unknown[:10])
        told = f"These columns mean nothing known: {names}. Map them, or leave them out with an empty field."
        raise FileFault(FileCode.UNKNOWN_COLUMN, told)


def no_key(uses: Sequence[Use], kind: str) -> FileFault:
    """The refusal of a file in which nothing tells one person from another."""
    names = ", ".join(use.column.name for use in uses[:12])
    if kind == "companies":
        help_ = "It looks like companies, and this imports people. Add companies with crm_upsert_company."
    elif kind == "deals":
        help_ = "It looks like deals, and this imports people. Make deals with crm_create_deal."
    else:
        help_ = (
            "Map a column to email, phone, id, external_id:<system> or a unique property; "
            "with mode `create` a name is enough."
        )
    return FileFault(FileCode.NO_KEY_COLUMN, f"No column identifies a person. {help_} Columns: {names}.")
