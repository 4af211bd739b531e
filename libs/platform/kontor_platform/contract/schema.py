"""JSON Schema 2020-12 of messages: types, rules, required names and words, all from the descriptor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kontor_protos.buf.validate import validate_pb
from kontor_protos.kontor.platform.v1 import policy_pb
from kontor_protos.kontor.platform.v1.errors_pb import Reason
from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    Message,
    ScalarType,
)
from protovalidate import Validator

from kontor_platform.contract.marks import inner_message
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.words import comment

Schema: TypeAlias = dict[str, Any]

IMPLICIT = 2
INTEGERS: Mapping[ScalarType, Schema] = {
    ScalarType.INT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    ScalarType.SINT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    ScalarType.SFIXED32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    ScalarType.UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    ScalarType.FIXED32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
}
SCALARS: Mapping[ScalarType, Schema] = {
    **INTEGERS,
    ScalarType.STRING: {"type": "string"},
    ScalarType.BOOL: {"type": "boolean"},
    ScalarType.DOUBLE: {"type": "number"},
    ScalarType.FLOAT: {"type": "number"},
    ScalarType.BYTES: {"type": "string", "contentEncoding": "base64"},
}
WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object", "properties": {}, "additionalProperties": False},
}
FORMATS = {"uuid": "uuid", "email": "email", "uri": "uri", "hostname": "hostname", "ipv4": "ipv4", "ipv6": "ipv6"}
RULE_KEYWORDS: Mapping[str, str] = {
    "min_len": "minLength",
    "max_len": "maxLength",
    "pattern": "pattern",
    "gte": "minimum",
    "lte": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique": "uniqueItems",
    "const": "const",
}
_validator = Validator()


def input_schema(operation: Operation) -> Schema:
    """The schema of a request."""
    return Writer(answers=False).message(operation.request)


def output_schema(operation: Operation) -> Schema:
    """The schema of an answer, as printed with every field that cannot be absent."""
    return Writer(answers=True).message(operation.response)


def problem_schema() -> Schema:
    """The schema of a refusal, as REST and MCP print it."""
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "description": "A refusal: what was wrong and what would help.",
        "properties": {
            "code": {"type": "string", "enum": [value.name.lower() for value in Reason if value.value]},
            "message": {"type": "string"},
            "retryable": {"type": "boolean"},
            "retry_after_s": {"type": "integer", "minimum": 0},
            "field": {"type": "string"},
            "fields": {"type": "array", "items": {"type": "object"}},
            "allowed": texts,
            "did_you_mean": {"type": "string"},
            "next_tool": {"type": "string"},
            "current_version": {"type": "integer"},
            "differing": {"type": "array", "items": {"type": "object"}},
            "ids": texts,
        },
        "required": ["code", "message", "retryable"],
    }


@dataclass
class Writer:
    """Writes schemas of requests or of answers; with `components` it names schemas instead of nesting them."""

    answers: bool
    components: dict[str, Schema] | None = None
    open_messages: list[str] = field(default_factory=list)
    definitions: dict[str, Schema] = field(default_factory=dict)

    def message(self, described: DescMessage) -> Schema:
        """The schema of a message as the root of a document."""
        schema = self.object_of(described)
        return schema | {"$defs": self.definitions} if self.definitions else schema

    def object_of(self, described: DescMessage) -> Schema:
        """The object a message prints."""
        self.open_messages.append(described.type_name)
        properties = {each.name: self.property_of(each) for each in described.fields if not self.beyond(each)}
        self.open_messages.pop()
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        words, required = "" if self.repeating() else comment(described), self.required(described)
        return schema | ({"description": words} if words else {}) | ({"required": required} if required else {})

    def required(self, described: DescMessage) -> list[str]:
        """Names an answer always has, or names without which a request breaks a rule."""
        if self.answers:
            return [each.name for each in described.fields if each.presence == IMPLICIT]
        return required_names(described)

    def property_of(self, described: DescField) -> Schema:
        """The schema of one field with its rules and words."""
        rules, words = rules_of(described), comment(described)
        schema = self.value_of(described, rules)
        return schema | ({"description": words} if words and not self.repeating() else {})

    def value_of(self, described: DescField, rules: Message | None) -> Schema:
        """The schema of a field's value."""
        kind = described.value
        if isinstance(kind, DescFieldValueList):
            own, inner = (None, None) if rules is None else (rules, getattr(rules, "items", None))
            items = self.element(kind.element, typed(inner)) if inner else self.element(kind.element, None)
            return {"type": "array", "items": items} | self.constraints(own)
        if isinstance(kind, DescFieldValueScalar):
            return self.element(kind.scalar, rules)
        if isinstance(kind, DescFieldValueEnum):
            return self.element(kind.enum, rules)
        if isinstance(kind, DescFieldValueMessage):
            return self.element(kind.message, rules)
        assert isinstance(kind, DescFieldValueMap)
        return {"type": "object"}

    def element(self, kind: ScalarType | DescEnum | DescMessage, rules: Message | None) -> Schema:
        """The schema of one value."""
        if isinstance(kind, ScalarType):
            return SCALARS[kind] | self.constraints(rules)
        if isinstance(kind, DescEnum):
            return {"type": "string", "enum": [value.name for value in kind.values]}
        if kind.type_name in WELL_KNOWN:
            return dict(WELL_KNOWN[kind.type_name])
        return self.nested(kind)

    def nested(self, described: DescMessage) -> Schema:
        """A message inside another: named where components are kept or where it contains itself, else nested."""
        name = described.type_name
        if self.components is None and depth_of(described):
            return self.level(described)
        if self.components is not None:
            key = component_name(name, answers=self.answers)
            if key not in self.components:
                self.components[key] = {}
                self.components[key] = self.object_of(described)
            return {"$ref": f"#/components/schemas/{key}"}
        if name in self.open_messages:
            if name not in self.definitions:
                self.definitions[name] = {}
                self.definitions[name] = self.object_of(described)
            return {"$ref": f"#/$defs/{name}"}
        return self.object_of(described)

    def level(self, described: DescMessage) -> Schema:
        """A message of limited depth: a definition a level, so that it ends without being written out."""
        name = f"{described.type_name}.{self.open_messages.count(described.type_name) + 1}"
        if name not in self.definitions:
            self.definitions[name] = self.object_of(described)
        return {"$ref": f"#/$defs/{name}"}

    def beyond(self, described: DescField) -> bool:
        """Whether a field would hold a message deeper inside itself than it may stand."""
        held = inner_message(described)
        if held is None or self.components is not None or not depth_of(held):
            return False
        return self.open_messages.count(held.type_name) >= depth_of(held)

    def repeating(self) -> bool:
        """Whether what is written stands inside itself, so that its words were said before."""
        return len(set(self.open_messages)) < len(self.open_messages)

    def constraints(self, rules: Message | None) -> Schema:
        """The keywords for a field's rules; an answer states vocabularies and formats only."""
        if rules is None:
            return {}
        schema: Schema = {}
        for described in rules:
            name, value = described.name, rules[described]
            if name == "in":
                schema["enum"] = list(value)
            elif name in FORMATS and value:
                schema["format"] = FORMATS[name]
            elif name in RULE_KEYWORDS and not self.answers:
                schema[RULE_KEYWORDS[name]] = value
        return schema


def component_name(type_name: str, *, answers: bool) -> str:
    """The name of a message's schema in an OpenAPI document: requests and answers differ in what is required."""
    short = type_name.removeprefix("kontor.").replace(".v1.", ".")
    return short if answers or short.endswith("Request") else f"{short}.Input"


def depth_of(described: DescMessage) -> int:
    """How often a message may stand inside itself, itself counted; 0 where its contract does not say."""
    options = described.proto.options
    return options[policy_pb.ext_max_depth] if options is not None and policy_pb.ext_max_depth in options else 0


def rules_of(described: DescField) -> Message | None:
    """The typed rules of a field, as in StringRules."""
    options = described.proto.options
    if options is None or validate_pb.ext_field not in options:
        return None
    return typed(options[validate_pb.ext_field])


def typed(rules: validate_pb.FieldRules | None) -> Message | None:
    """The rules for the field's own type."""
    value = rules.type.value if rules is not None and rules.type is not None else None
    return value if isinstance(value, Message) else None


def required_names(described: DescMessage) -> list[str]:
    """Fields that an empty message is refused for."""
    violations = _validator.collect_violations(described.type())
    names = [violation.proto.field.elements[0].field_name for violation in violations if violation.proto.field]
    return [each.name for each in described.fields if each.name in names]
