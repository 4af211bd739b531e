"""What an upsert asks for, apart from what kind of record it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf import Message

from kontor_platform.contract.problem import JSON, InvalidField
from kontor_platform.data.records.fold import clean

SENTENCES = {
    "created": "Created the {noun} {name}.",
    "updated": "Updated the {noun} {name}: {fields}.",
    "unchanged": "The {noun} {name} is unchanged.",
}


@dataclass(slots=True)
class Notes:
    """What is noticed while a request is read: faults that refuse it, warnings that do not."""

    faults: list[FieldProblem] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)

    def fault(self, path: str, message: str) -> None:
        """Notes a fault."""
        self.faults.append(FieldProblem(field=path, message=message))

    def warn(self, code: str, message: str, path: str = "") -> None:
        """Notes a warning."""
        self.warnings.append(Warning(code=code, message=message, field=path))

    def settle(self) -> None:
        """Raises InvalidField with all faults noted, if any."""
        if self.faults:
            raise InvalidField(self.faults[0].message, fields=self.faults)


def texts(request: Message, names: Sequence[str], cleared: Iterable[str], notes: Notes) -> dict[str, str | None]:
    """The text fields a request sets or clears; blank ones count as left out and are warned of."""
    wanted: dict[str, str | None] = {}
    for name in names:
        given = getattr(request, name)
        value = clean(given)
        if given and not value:
            warn_blank(notes, name)
        if value:
            wanted[name] = value
    return wanted | cleared_texts(wanted, [name for name in cleared if name in names], notes)


def cleared_texts(wanted: Mapping[str, object], cleared: Sequence[str], notes: Notes) -> dict[str, str | None]:
    """The fields to empty; one that is set as well is a fault."""
    for name in cleared:
        if name in wanted:
            notes.fault("clear", f"{name} is both given and cleared; leave one of them out.")
    return dict.fromkeys(cleared)


def listed(request: Message, single: str, several: str, notes: Notes) -> list[tuple[str, str]]:
    """The values of a field that may be given once or several times, each with its path; blank ones are warned of."""
    given = [(single, getattr(request, single))] if getattr(request, single) else []
    given += [(f"{several}[{at}]", value) for at, value in enumerate(getattr(request, several))]
    for path, value in given:
        if not value.strip():
            warn_blank(notes, path)
    return [(path, value) for path, value in given if value.strip()]


def warn_blank(notes: Notes, path: str) -> None:
    """Warns that a blank text was taken as left out."""
    notes.warn("blank_ignored", f"{path} is blank and was left as it is; name it in clear to empty it.", path)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a record, and the fields that changed."""

    record: UUID
    outcome: str
    changed: Sequence[str]

    def also(self, changed: Sequence[str]) -> "Written":
        """The same after further fields changed."""
        outcome = "updated" if changed and self.outcome == "unchanged" else self.outcome
        return replace(self, outcome=outcome, changed=[*self.changed, *changed])

    def sentence(self, noun: str, name: str) -> str:
        """One sentence that says what happened."""
        return SENTENCES[self.outcome].format(noun=noun, name=name, fields=", ".join(self.changed))


class Versioned(Protocol):
    """A request that may say which version the caller saw."""

    expected_version: int

    def has_field(self, name: Literal["expected_version"], /) -> bool:
        """Tells whether it says so."""


def expected_version(request: Versioned) -> int | None:
    """The version the caller saw, if it said."""
    return request.expected_version if request.has_field("expected_version") else None


def told_field(value: "JSON | UUID") -> JSON:
    """A value as the change log holds it."""
    return str(value) if isinstance(value, UUID) else value
