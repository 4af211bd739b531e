"""The rules every rpc in protos/ keeps, so that whatever is derived from it is complete."""

import json
import re
from collections import Counter

import pytest
from jsonschema import Draft202012Validator
from protobuf.wkt.google.protobuf.descriptor_pb import FieldDescriptorProto, FileDescriptorSet

from kontor_platform.contract.canonical import arguments_hash, canonical
from kontor_platform.contract.decode import decode_value
from kontor_platform.contract.examples import example_of
from kontor_platform.contract.image import BadContract, Image, own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.schema import input_schema, output_schema

IMAGE = own_image()
OPERATIONS = [operation for operation in IMAGE.operations() if operation.policy.tool]
every_tool = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


@every_tool
def test_a_tool_is_named_described_and_routed(operation: Operation) -> None:
    """Its name fits model APIs, its words begin with a sentence, and REST reaches it."""
    assert re.fullmatch(r"[a-z][a-z0-9]*_[a-z0-9_]+", operation.name)
    assert len(operation.name) <= 64
    assert operation.summary.endswith(".")
    assert operation.route is not None
    assert operation.policy.roles


@every_tool
def test_every_field_has_words(operation: Operation) -> None:
    """A model reads what each argument and each answer means."""
    for schema in (input_schema(operation), output_schema(operation)):
        undescribed = [name for name, inner in schema["properties"].items() if not inner.get("description")]
        assert undescribed == []


@every_tool
def test_its_schemas_are_json_schema_2020_12(operation: Operation) -> None:
    """Clients can compile what we list."""
    for schema in (input_schema(operation), output_schema(operation)):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False


@every_tool
def test_its_example_is_accepted_by_its_schema_and_by_its_rules(operation: Operation) -> None:
    """What the documents show works."""
    example = example_of(operation)
    Draft202012Validator(input_schema(operation)).validate(example)
    decode_value(example, operation.request_type)


@every_tool
def test_its_fields_keep_to_what_clients_can_print(operation: Operation) -> None:
    """No 64-bit integers, which JSON prints as strings, no maps, and no oneofs in requests."""
    wide = {FieldDescriptorProto.Type.INT64, FieldDescriptorProto.Type.UINT64}
    for field in (*operation.request.fields, *operation.response.fields):
        assert field.proto.type not in wide
        assert "map" not in type(field.value).__name__.lower()
    assert [oneof for oneof in operation.request.oneofs if not oneof.name.startswith("_")] == []


@every_tool
def test_a_list_has_pages(operation: Operation) -> None:
    """A tool that answers a cursor takes one, and a page size."""
    answers = {field.name for field in operation.response.fields}
    takes = {field.name for field in operation.request.fields}
    if operation.method.startswith(("List", "Search")) or "next_cursor" in answers:
        assert "next_cursor" in answers
        assert {"cursor", "page_size"} <= takes


def test_names_and_paths_are_unique() -> None:
    """No two tools share a name, an alias or a path."""
    names = Counter(name for operation in OPERATIONS for name in (operation.name, *operation.aliases))
    paths = Counter(operation.route for operation in OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []
    assert [path for path, count in paths.items() if count > 1] == []


def test_json_names_are_proto_names() -> None:
    """A field has one spelling everywhere."""
    for operation in OPERATIONS:
        for field in (*operation.request.fields, *operation.response.fields):
            assert field.json_name == field.name


def test_an_rpc_without_policy_stops_the_service() -> None:
    """Nobody can add an operation that anybody may call by accident."""
    files = FileDescriptorSet.from_binary(IMAGE.data)
    deals = next(file for file in files.file if file.name == "kontor/crm/v1/deals.proto")
    deals.service[0].method[0].options = None
    with pytest.raises(BadContract, match="CreateDeal has no policy"):
        Image.from_bytes(files.to_binary()).operations(["kontor.crm.v1.Deals"])


def test_gateway_and_service_hash_the_same_bytes_for_every_tool() -> None:
    """A message built from the image alone hashes as the generated class does."""
    foreign = {operation.name: operation for operation in Image.from_bytes(IMAGE.data).operations()}
    for operation in OPERATIONS:
        example = example_of(operation)
        here = decode_value(example, operation.request_type)
        there = decode_value(example, foreign[operation.name].request_type)
        assert type(here) is not type(there)
        assert canonical(here) == canonical(there)


def test_a_service_one_field_ahead_hashes_the_same_bytes() -> None:
    """A field the caller does not know changes nothing of what was approved."""
    files = FileDescriptorSet.from_binary(IMAGE.data)
    for file in files.file:
        for message in file.message_type if file.name.startswith("kontor/crm") else ():
            if message.name.endswith("Request"):
                message.field.append(
                    FieldDescriptorProto(
                        name="later",
                        json_name="later",
                        number=900,
                        type=FieldDescriptorProto.Type.STRING,
                        label=FieldDescriptorProto.Label.OPTIONAL,
                    )
                )
    ahead = {operation.name: operation for operation in Image.from_bytes(files.to_binary()).operations()}
    for operation in OPERATIONS:
        request = decode_value(example_of(operation), operation.request_type)
        received = ahead[operation.name].request_type.from_binary(request.to_binary())
        assert arguments_hash(received) == arguments_hash(request)


def test_the_order_of_names_does_not_change_the_hash() -> None:
    """RFC 8785 makes two spellings of one call equal."""
    deal = next(operation for operation in OPERATIONS if operation.name == "crm_create_deal")
    body = {"name": "Renewal", "amount": "1.00"}
    turned = json.loads(json.dumps(dict(reversed(list(body.items())))))
    assert arguments_hash(decode_value(body, deal.request_type)) == arguments_hash(
        decode_value(turned, deal.request_type)
    )
