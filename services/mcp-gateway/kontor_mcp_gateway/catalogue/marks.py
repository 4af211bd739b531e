"""What of a request may be kept and shown, and whom it concerns, by the marks on the fields of its message."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from kontor_protos.kontor.platform.v1 import policy_pb
from protobuf import DescMessage

from kontor_platform.contract.marks import HIDDEN, inner_message, marked


@dataclass(slots=True)
class Marks:
    """The marks of one message, and of the messages inside it."""

    secret: set[str] = field(default_factory=set)
    personal: set[str] = field(default_factory=set)
    subject: set[str] = field(default_factory=set)
    inner: dict[str, "Marks"] = field(default_factory=dict)

    @property
    def marked(self) -> bool:
        """Whether anything here may be hidden or of a subject."""
        return bool(self.secret or self.personal or self.subject or self.inner)

    def hide_secrets(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON form of a message without its secrets, as a person deciding about it may see it."""
        return self._without(value, personal=False)

    def hide_all(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON form of a message without secrets and personal data, as it may stay in the ledger."""
        return self._without(value, personal=True)

    def subjects(self, value: Mapping[str, Any]) -> set[UUID]:
        """Ids of the subjects that a request or answer touches."""
        own = {subject for name in self.subject for subject in _ids(value.get(name))}
        return own.union(
            *(marks.subjects(each) for name, marks in self.inner.items() for each in _objects(value.get(name)))
        )

    def _without(self, value: Mapping[str, Any], *, personal: bool) -> dict[str, Any]:
        hidden = self.secret | self.personal if personal else self.secret
        return {name: HIDDEN if name in hidden else self._shown(name, inner, personal) for name, inner in value.items()}

    def _shown(self, name: str, value: Any, personal: bool) -> Any:
        marks = self.inner.get(name)
        if marks is None:
            return value
        if isinstance(value, list):
            return [marks._without(each, personal=personal) if isinstance(each, dict) else each for each in value]
        return marks._without(value, personal=personal) if isinstance(value, dict) else value


def marks_of(described: DescMessage, known: dict[str, Marks] | None = None) -> Marks:
    """Reads the marks of a message and of everything inside it."""
    known = {} if known is None else known
    if described.type_name in known:
        return known[described.type_name]
    known[described.type_name] = marks = Marks()
    named = (
        (policy_pb.ext_secret, marks.secret),
        (policy_pb.ext_personal, marks.personal),
        (policy_pb.ext_subject, marks.subject),
    )
    for each in described.fields:
        for mark, names in named:
            if marked(each, mark):
                names.add(each.name)
        inside = inner_message(each)
        if inside is not None and not inside.type_name.startswith("google.protobuf."):
            marks.inner[each.name] = marks_of(inside, known)
    return marks


def _objects(value: Any) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, dict)]


def _ids(value: Any) -> Iterator[UUID]:
    for each in value if isinstance(value, list) else [value]:
        try:
            yield UUID(each)
        except (ValueError, TypeError, AttributeError):
            continue
