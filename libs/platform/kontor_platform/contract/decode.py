"""The one way in for JSON: strict text, then the message, then its rules, with every fault named at once."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    Message,
    ScalarType,
)
from protovalidate import Validator, Violation

from kontor_platform.contract.marks import inner_message
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import InvalidField, Malformed, TooLarge, UnknownField
from kontor_platform.contract.words import comment

MAX_BYTES = 1_048_576
MAX_DEPTH = 32
FREE_FORM = frozenset({"google.protobuf.Value", "google.protobuf.Struct", "google.protobuf.ListValue"})

M = TypeVar("M", bound=Message)
_validator = Validator()


def decode(data: bytes, message: type[M], *, max_bytes: int = MAX_BYTES) -> M:
    """Decodes and validates a JSON body; an empty one is `{}`.

    Raises Malformed, TooLarge, UnknownField or InvalidField.
    """
    if len(data) > max_bytes:
        raise TooLarge(f"The body has {len(data)} bytes; at most {max_bytes} are accepted.")
    return decode_value(parse_json(data) if data.strip() else {}, message)


def decode_value(value: object, message: type[M]) -> M:
    """Decodes and validates a JSON value that was parsed strictly before.

    Raises Malformed, UnknownField or InvalidField.
    """
    decoded = read_value(value, message)
    check(decoded)
    return decoded


def read_value(value: object, message: type[M]) -> M:
    """Decodes a JSON value without the rules of its fields, for a part of a request.

    Raises Malformed, UnknownField or InvalidField.
    """
    if not isinstance(value, dict):
        raise Malformed("The request must be one JSON object.")
    present = without_nulls(value)
    try:
        return message.from_json(json.dumps(present))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        refuse(message.desc(), present, error)


def check(message: Message) -> None:
    """Holds a message against the rules of its fields; raises InvalidField with every fault."""
    violations = _validator.collect_violations(message)
    if violations:
        fields = [fault_of(message.desc(), violation) for violation in violations]
        raise InvalidField(told(fields), fields=fields, allowed=fields[0].allowed, did_you_mean=fields[0].did_you_mean)


def parse_json(data: bytes) -> object:
    """Parses JSON strictly: UTF-8, no duplicate names, finite numbers, depth 32, no NUL, no lone surrogate.

    Raises Malformed.
    """
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=distinct, parse_constant=not_a_number, parse_float=finite
        )
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be read.") from error
    except RecursionError as error:
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError as error:
        raise Malformed(f"The body is not JSON: {error}.") from error
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH or b"\\u" in data or b"\0" in data:
        inspect(value, 1)
    return value


def distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"The name {twice!r} stands twice in one object.", field=twice)
    return found


def not_a_number(text: str) -> NoReturn:
    """Refuses NaN and the infinities, which JSON does not have."""
    raise Malformed(f"{text} is not a JSON number.")


def finite(text: str) -> float:
    """A number that a float can hold."""
    number = float(text)
    if not math.isfinite(number):
        raise Malformed(f"The number {text[:40]} is out of range.")
    return number


def inspect(value: object, depth: int) -> None:
    """Refuses what is nested too deep and text a database cannot store."""
    if depth > MAX_DEPTH + 1:
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        storable(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            storable(name)
            inspect(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            inspect(inner, depth + 1)


def storable(text: str) -> None:
    """Refuses NUL and lone surrogates."""
    if "\0" in text:
        raise Malformed("Text may not hold the character NUL (\\u0000).")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed("Text may not hold half a surrogate pair.")


def without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """The request without the names that are null: null means absent."""
    return {name: inner for name, inner in value.items() if inner is not None}


def refuse(described: DescMessage, value: Mapping[str, Any], error: Exception) -> NoReturn:
    """Names every field at fault; raises UnknownField if one is unknown, else InvalidField."""
    found = list(faults(described, value, ""))
    fields = [fault for _, fault in found] or [FieldProblem(message=str(error))]
    kind = UnknownField if any(unknown for unknown, _ in found) else InvalidField
    allowed = [field.name for field in described.fields] if kind is UnknownField else []
    raise kind(told(fields), fields=fields, allowed=allowed, did_you_mean=fields[0].did_you_mean) from error


def faults(described: DescMessage, value: Mapping[str, Any], path: str) -> Iterator[tuple[bool, FieldProblem]]:
    """Every field of a JSON object that its message cannot take, marked where the field itself is unknown."""
    known = {field.name: field for field in described.fields}
    for name, inner in value.items():
        place = f"{path}.{name}" if path else name
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {near!r}?" if near else ""
            yield True, FieldProblem(field=place, message=f"{place!r} is unknown{hint}", did_you_mean=near)
        elif inner is not None:
            yield from field_faults(known[name], inner, place)


def field_faults(field: DescField, value: object, place: str) -> Iterator[tuple[bool, FieldProblem]]:
    """What is wrong with the value of one known field."""
    kind = field.value
    if isinstance(kind, DescFieldValueList):
        if not isinstance(value, list):
            yield wrong(place, "must be a list")
            return
        for index, inner in enumerate(value):
            yield from element_faults(kind.element, inner, f"{place}[{index}]")
    elif isinstance(kind, DescFieldValueScalar):
        yield from element_faults(kind.scalar, value, place)
    elif isinstance(kind, DescFieldValueMessage):
        yield from element_faults(kind.message, value, place)
    elif isinstance(kind, DescFieldValueEnum):
        yield from element_faults(kind.enum, value, place)


def element_faults(
    kind: ScalarType | DescMessage | DescEnum, value: object, place: str
) -> Iterator[tuple[bool, FieldProblem]]:
    """What is wrong with one value, given what it should be."""
    if isinstance(kind, ScalarType):
        if not SCALARS[kind][1](value):
            yield wrong(place, f"must be {SCALARS[kind][0]}")
    elif isinstance(kind, DescEnum):
        if not isinstance(value, str) or value not in {each.name for each in kind.values}:
            yield wrong(place, "must be one of " + ", ".join(each.name for each in kind.values))
    elif kind.type_name == "google.protobuf.Timestamp":
        yield from timestamp_faults(kind, value, place)
    elif kind.type_name not in FREE_FORM:
        if isinstance(value, dict):
            yield from faults(kind, value, place)
        else:
            yield wrong(place, "must be an object")


def timestamp_faults(kind: DescMessage, value: object, place: str) -> Iterator[tuple[bool, FieldProblem]]:
    """What is wrong with a point in time."""
    try:
        kind.type.from_json(json.dumps(value))
    except (ValueError, TypeError, OverflowError):
        yield wrong(place, "must be a time as RFC 3339 writes it, such as 2026-11-23T09:30:00Z")


def wrong(place: str, message: str) -> tuple[bool, FieldProblem]:
    """A fault of a known field."""
    return False, FieldProblem(field=place, message=f"{place!r} {message}")


def _is_int(low: int, high: int) -> Any:
    def accepts(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return False
        try:
            return float(value).is_integer() and low <= int(float(value)) <= high
        except (ValueError, OverflowError):
            return False

    return accepts


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_INT32 = ("a whole number", _is_int(-(2**31), 2**31 - 1))
_UINT32 = ("a whole number of 0 or more", _is_int(0, 2**32 - 1))
_TEXT = ("a string", lambda value: isinstance(value, str))
SCALARS: Mapping[ScalarType, tuple[str, Any]] = {
    ScalarType.STRING: _TEXT,
    ScalarType.BYTES: ("a string in base64", lambda value: isinstance(value, str)),
    ScalarType.BOOL: ("true or false", lambda value: isinstance(value, bool)),
    ScalarType.INT32: _INT32,
    ScalarType.SINT32: _INT32,
    ScalarType.SFIXED32: _INT32,
    ScalarType.UINT32: _UINT32,
    ScalarType.FIXED32: _UINT32,
    ScalarType.DOUBLE: ("a number", _is_number),
    ScalarType.FLOAT: ("a number", _is_number),
    ScalarType.INT64: ("a whole number", _is_int(-(2**63), 2**63 - 1)),
    ScalarType.UINT64: ("a whole number of 0 or more", _is_int(0, 2**64 - 1)),
}


def fault_of(described: DescMessage, violation: Violation) -> FieldProblem:
    """A broken rule in our words; a pattern is told by what the field's own words say of it."""
    place, rule = path_of(violation), violation.proto.rule_id
    allowed = [str(value) for value in violation.rule_value] if rule.endswith(".in") else []
    near = nearest(str(violation.field_value), allowed) if allowed else ""
    said = f"must be one of: {', '.join(allowed)}" if allowed else violation.proto.message
    if rule == "string.pattern" and (words := words_of(described, violation)):
        said = f"does not fit its description: {words.rstrip('.')}"
    return FieldProblem(field=place, message=f"{place!r} {said}".strip(), allowed=allowed[:20], did_you_mean=near)


def words_of(described: DescMessage, violation: Violation) -> str:
    """What the contract says of the field that broke a rule, empty if the way to it is not found."""
    found: DescField | None = None
    for element in violation.proto.field.elements if violation.proto.field else ():
        holder = described if found is None else inner_message(found)
        found = next((each for each in holder.fields if each.name == element.field_name), None) if holder else None
    return comment(found) if found is not None else ""


def path_of(violation: Violation) -> str:
    """The place of a broken rule, as in `stages[0].label`."""
    parts: list[str] = []
    for element in violation.proto.field.elements if violation.proto.field else ():
        index = element.subscript.value if element.subscript is not None else None
        parts.append(element.field_name if index is None else f"{element.field_name}[{index}]")
    return ".".join(parts)


def told(fields: Sequence[FieldProblem]) -> str:
    """All faults in one message."""
    return "; ".join(field.message for field in fields[:10]) + "."
