"""What an upsert says of a record, read and checked before anything is looked up."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import ExternalId, Warning
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf import Message

from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.matching import MatchKey
from kontor_crm_core.record.values import MultiValueMode
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.planned import PropertyChange
from kontor_platform.data.records.reading.basis import unwritable
from kontor_platform.data.records.setting import Wished

Scalar: TypeAlias = "str | int | None"
LINES = "\t\r\n"
# What looks like nothing although it counts as a letter or a symbol.
UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0")
UNSEEN_KINDS = frozenset(("Cc", "Cf", "Zl", "Zp", "Zs"))


@dataclass(slots=True)
class Notes:
    """What is noticed while a request is read: faults that refuse it, warnings that do not."""

    faults: list[FieldProblem] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)

    def fault(self, path: str, message: str, code: str) -> None:
        """Notes a fault by its stable code."""
        self.faults.append(FieldProblem(field=path, message=message, code=code))

    def warn(self, code: str, message: str, path: str = "") -> None:
        """Notes a warning."""
        self.warnings.append(Warning(code=code, message=message, field=path))

    def blank(self, path: str) -> None:
        """Warns that a blank text was taken as left out."""
        self.warn("blank_ignored", f"{path} is blank and was left as it is; name it in clear to empty it.", path)

    def settle(self) -> None:
        """Raises InvalidField with all faults noted, if any."""
        if self.faults:
            first = self.faults[0]
            raise InvalidField(
                first.message, fields=self.faults, allowed=first.allowed, did_you_mean=first.did_you_mean
            )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for whatever kind of record it is.

    `fields` maps columns to values, None where one is emptied. `owner` is the id or address of a user, as it was given.
    """

    id: UUID | None
    fields: Mapping[str, Scalar]
    external_ids: Sequence[ForeignId]
    owner: str
    clear: frozenset[str]
    mode: MultiValueMode
    match_on: frozenset[MatchKey]
    version: int | None
    notes: Notes
    properties: Sequence[PropertyChange] = ()

    @property
    def owner_changes(self) -> bool:
        """Whether it says who owns the record, or that nobody does."""
        return bool(self.owner) or "owner_id" in self.clear


class Versioned(Protocol):
    """A request that may say which version the caller saw."""

    expected_version: int

    def has_field(self, name: Literal["expected_version"], /) -> bool:
        """Tells whether it says so."""


class Upsert(Versioned, Protocol):
    """What the requests of all upserts have in common."""

    id: str
    external_ids: list[ExternalId]
    owner_id: str
    clear: list[str]
    multi_value_mode: str
    match_on: list[str]


def read_wish(
    request: Upsert, fields: dict[str, Scalar], keys: frozenset[MatchKey], given: Wished | None, notes: Notes
) -> Wish:
    """What a request asks for; `fields` are the single values it gives, `keys` those it may be found by."""
    clear = frozenset(request.clear)
    for name in sorted(clear & fields.keys()):
        contradict(name, notes)
    wish = Wish(
        id=UUID(request.id) if request.id else None,
        fields=fields,
        external_ids=read_external_ids(request.external_ids, notes) if request.external_ids else (),
        owner=clean(request.owner_id),
        clear=clear,
        mode=MultiValueMode(request.multi_value_mode) if request.multi_value_mode else MultiValueMode.ADD,
        match_on=frozenset(map(MatchKey, request.match_on)) or keys,
        version=expected_version(request),
        notes=notes,
        properties=read_properties(given, notes) if given else (),
    )
    if wish.owner and "owner_id" in clear:
        contradict("owner_id", notes)
    return wish


def read_properties(given: Wished, notes: Notes) -> list[PropertyChange]:
    """The properties to change, with what is noticed of them."""
    notes.faults.extend(given.faults)
    for path in given.blanks:
        notes.blank(path)
    return given.asked


def contradict(name: str, notes: Notes) -> None:
    """Notes that a field is to be set and to be emptied."""
    notes.fault("clear", f"{name} is both given and cleared; leave one of them out.", "rule_failed")


def read_texts(request: Message, names: Sequence[str], notes: Notes) -> dict[str, Scalar]:
    """The text fields a request sets; blank ones count as left out and are warned of."""
    wanted: dict[str, Scalar] = {}
    for name in names:
        given = getattr(request, name)
        if given:
            value = read_text(given, name, notes)
            if value:
                wanted[name] = value
    return wanted


def read_text(given: str, path: str, notes: Notes) -> str:
    """A text as it is stored; empty with a note where it is blank or holds what no value may."""
    value = clean(given)
    if is_blank(value):
        notes.blank(path)
        return ""
    control = control_in(value)
    if control:
        notes.fault(path, f"{path} holds the control character {control}; take it out.", "control_character")
        return ""
    return value


def control_in(value: str) -> str:
    """The first character of a text that no stored one may have, by its code; empty if there is none."""
    return "" if value.isprintable() else unwritable(value, LINES)


def is_blank(value: str) -> bool:
    """Whether nothing of a text can be seen."""
    if value.isascii():
        return not value
    return all(each in UNSEEN or unicodedata.category(each) in UNSEEN_KINDS for each in value)


def listed(request: Message, single: str, several: str, notes: Notes) -> list[tuple[str, str]]:
    """The values of a field that may be given once or several times, each with its path; blank ones are warned of."""
    one, more = getattr(request, single), getattr(request, several)
    given = [(single, one)] if one else []
    if more:
        given += [(f"{several}[{at}]", value) for at, value in enumerate(more)]
    return [(path, value) for path, value in given if read_text(value, path, notes)]


def read_external_ids(given: Iterable[ExternalId], notes: Notes) -> list[ForeignId]:
    """Ids of other systems without surrounding space, each once; one with a blank half is a fault."""
    read: dict[ForeignId, None] = {}
    for at, each in enumerate(given):
        system, value = clean(each.system).lower(), clean(each.value)
        if is_blank(system) or is_blank(value) or unwritable(system + value):
            told = "An external id needs a system and a value, both without control characters."
            notes.fault(f"external_ids[{at}]", told, "control_character" if system and value else "required_missing")
        else:
            read[ForeignId(system, value)] = None
    return list(read)


def expected_version(request: Versioned) -> int | None:
    """The version the caller saw, if it said."""
    return request.expected_version if request.has_field("expected_version") else None
