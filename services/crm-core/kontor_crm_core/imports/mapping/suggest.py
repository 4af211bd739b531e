"""Suggests what each column of a file means, from its name and from the look of its values."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_crm_core.imports.mapping.kinds import keys, system_of
from kontor_crm_core.imports.mapping.synonyms import NAMES, NUMBERED, PART_OF_NAME, squeezed
from kontor_crm_core.imports.mapping.targets import (
    FORBIDDEN,
    IGNORED,
    READ_ONLY,
    Field,
    Target,
    field_named,
)

EMAIL = re.compile(r"[^@\s;,]+@[^@\s;,]+\.[^@\s;,.]+")
DIALLED = re.compile(r"\+[\d ()./-]{7,24}")
TIMES = keys(
    "created_at|updated_at|Create Date|Created Date|CreatedDate|Created Time|Last Modified Date|LastModifiedDate"
    "|SystemModstamp|Modified Time|Update time|Person created|Erstellt am|Erstelldatum|Geändert am|Date de création"
    "|Last Modified|OPTIN_TIME|CONFIRM_TIME|LAST_CHANGED|Last Activity Date|LastActivityDate"
)
LOOKED_AT = 100
SURE, NAMED, LIKELY, LOOK, LEAST = 1.0, 0.95, 0.8, 0.65, 0.6


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its place, its name, some of its values that are not empty, and its name as it is written.

    Of columns that are called alike all but the first have a number in their name.
    """

    index: int
    name: str
    samples: Sequence[str] = ()
    written: str = ""

    @property
    def called(self) -> str:
        """What the file calls it."""
        return (self.written or self.name).strip()


@dataclass(frozen=True, slots=True)
class KnownProperty:
    """A custom property that a column can fill."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Use:
    """What a column is taken to mean, how sure that is from 0 to 1, and why; without a field the column is left out."""

    column: Column
    field: Field | None
    confidence: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Idea:
    """A field a column may mean; of ideas for one field the one of lower rank is taken."""

    column: Column
    field: Field
    confidence: float
    reason: str
    rank: int = 0


def suggested(columns: Sequence[Column], properties: Collection[KnownProperty]) -> list[Use]:
    """What each column means, in their order."""
    system = system_of([each.name for each in columns])
    ids = system.ids if system else ()
    present = {squeezed(each.name) for each in columns}
    named = {key: each.name for each in properties for key in (squeezed(each.label), squeezed(each.name))}
    ideas = [idea for each in columns if (idea := by_name(each, named, present, system.name if system else "", ids))]
    ideas += by_look([each for each in columns if each.index not in {idea.column.index for idea in ideas}], ideas)
    taken = chosen(ideas)
    return [use_of(each, taken, ideas) for each in columns]


def by_name(
    column: Column, properties: Mapping[str, str], present: Collection[str], system: str, ids: Sequence[str]
) -> _Idea | None:
    """What a column's name says."""
    key, plain = squeezed(column.called), column.called.lower()
    if plain in IGNORED or plain in READ_ONLY or key in TIMES or plain in FORBIDDEN:
        return None
    if part := PART_OF_NAME.get(key):
        return whole_or_part(column, part, present)
    exact = field_named(column.called if ":" in plain else plain)
    if exact and exact.target is Target.PROPERTY:
        return property_idea(column, exact.name, properties)
    if key in properties:
        return _Idea(column, Field(Target.PROPERTY, properties[key]), NAMED, "name of a custom property")
    if key == "id" and are_ids(column.samples):
        return _Idea(column, Field(Target.ID), SURE, "ids of contacts")
    if key in ids and not are_ids(column.samples):
        return _Idea(column, Field(Target.EXTERNAL_ID, system), NAMED, f"ids of {system}", ids.index(key))
    if exact and exact.target is not Target.ID:
        return _Idea(column, exact, SURE, "name of the field")
    return synonym(column, key, present)


def property_idea(column: Column, name: str, properties: Mapping[str, str]) -> _Idea | None:
    """A column that names a property as exports do."""
    known = name if name in properties.values() else properties.get(squeezed(name))
    return _Idea(column, Field(Target.PROPERTY, known), SURE, "name of a custom property") if known else None


def synonym(column: Column, key: str, present: Collection[str]) -> _Idea | None:
    """What CRMs and languages mean by a name."""
    if key in NAMES:
        target, rank = NAMES[key]
        if contradicted(target, column.samples):
            return None
        return _Idea(column, Field(target), NAMED, "usual name of the field", rank)
    pattern = next((target for pattern, target in NUMBERED if pattern.fullmatch(key)), None)
    return _Idea(column, Field(pattern), 0.9, "usual name of the field", 9) if pattern else None


def whole_or_part(column: Column, part: Target, present: Collection[str]) -> _Idea:
    """A name that is the whole one unless a column for the other part stands beside it."""
    others = {NAMES[each][0] for each in present if each in NAMES}
    both = {Target.FIRST_NAME, Target.LAST_NAME} <= others
    other = Target.FIRST_NAME if part is Target.LAST_NAME else Target.LAST_NAME
    spaced = sum(" " in each.strip() for each in column.samples)
    if other in others and not both and spaced * 2 <= len(column.samples):
        return _Idea(column, Field(part), LIKELY, f"stands beside the {other.replace('_', ' ')}")
    return _Idea(column, Field(Target.NAME), LIKELY if both else NAMED, "usual name of the field")


def contradicted(target: Target, samples: Sequence[str]) -> bool:
    """Tells whether values speak clearly against what a column's name says."""
    if target is Target.EMAIL and len(samples) >= 3:
        return not any("@" in each for each in samples)
    if target is Target.OWNER and len(samples) >= 1:
        return all(re.fullmatch(r"005[0-9A-Za-z]{12,15}", each) for each in samples)
    if target in (Target.FIRST_NAME, Target.LAST_NAME, Target.NAME, Target.COMPANY) and len(samples) >= 3:
        return all(EMAIL.fullmatch(each) for each in samples)
    return False


def by_look(columns: Sequence[Column], ideas: Sequence[_Idea]) -> list[_Idea]:
    """What the values of columns with unknown names look like, where nothing else fills the field."""
    found: list[_Idea] = []
    looks: tuple[tuple[Target, Callable[[str], object]], ...] = (
        (Target.EMAIL, EMAIL.fullmatch),
        (Target.PHONE, DIALLED.fullmatch),
    )
    for target, fits in looks:
        if any(each.field.target is target for each in ideas):
            continue
        for column in columns:
            values = [each.strip() for each in column.samples[:LOOKED_AT]]
            if values and sum(bool(fits(each)) for each in values) >= 0.7 * len(values):
                found.append(_Idea(column, Field(target), LOOK, f"its values look like {target}"))
                break
    return found


def are_ids(samples: Sequence[str]) -> bool:
    """Tells whether values are ids of our records."""
    return bool(samples) and all(map(is_id, samples))


def is_id(text: str) -> bool:
    """Tells whether a text is a UUID."""
    try:
        return bool(UUID(text.strip()))
    except ValueError:
        return False


def chosen(ideas: Sequence[_Idea]) -> dict[int, _Idea]:
    """The idea for each column; of several columns for a field that holds one value the most telling."""
    taken: dict[int, _Idea] = {}
    filled: set[str] = set()
    for idea in sorted(ideas, key=lambda each: (each.rank, -each.confidence, each.column.index)):
        if idea.confidence < LEAST:
            continue
        key = str(idea.field)
        if idea.field.many and (idea.field.target is not Target.EXTERNAL_ID or idea.confidence == SURE):
            taken[idea.column.index] = idea
        elif key not in filled:
            taken[idea.column.index] = idea
            filled.add(key)
    whole = {each.field.target for each in taken.values()} >= {Target.FIRST_NAME, Target.LAST_NAME}
    return {at: each for at, each in taken.items() if not (whole and each.field.target is Target.NAME)}


def use_of(column: Column, taken: Mapping[int, _Idea], ideas: Sequence[_Idea]) -> Use:
    """What becomes of a column, with the reason where it is left out."""
    idea = taken.get(column.index)
    if idea:
        return Use(column, idea.field, idea.confidence, idea.reason)
    return Use(column, None, 0.0, why_not(column, taken, ideas))


def why_not(column: Column, taken: Mapping[int, _Idea], ideas: Sequence[_Idea]) -> str:
    """Why a column is left out."""
    plain = column.called.lower()
    if plain in IGNORED:
        return "read by the importer itself or written by it"
    if plain in FORBIDDEN:
        return "grants something, which an import never does"
    if plain in READ_ONLY or squeezed(column.called) in TIMES:
        return "times and versions are kept by the system; map it to a custom property to keep it"
    mine = next((each for each in ideas if each.column.index == column.index), None)
    other = next((each for each in taken.values() if mine and each.field == mine.field), None)
    if other:
        return f"{other.field} is taken from {other.column.name!r}"
    if mine:
        return "the parts of the name are given"
    return "no field or custom property is called so; define one with crm_define_property, or map it"
