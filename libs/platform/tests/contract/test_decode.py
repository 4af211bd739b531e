"""Strict JSON: what a caller may send, and what is said when it is wrong."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kontor_protos.kontor.crm.v1.deals_pb import CreateDealRequest
from kontor_protos.kontor.crm.v1.pipelines_pb import DefinePipelineRequest
from kontor_protos.kontor.crm.v1.records_pb import GetRecordRequest

from kontor_platform.contract.decode import decode
from kontor_platform.contract.problem import InvalidField, Malformed, Refusal, TooLarge, UnknownField

ID = "019a0000-0000-7000-8000-000000000001"


def test_a_valid_body_becomes_its_message() -> None:
    """What was sent is what the method gets."""
    request = decode(b'{"name": "Renewal", "amount": "12.50"}', CreateDealRequest)
    assert (request.name, request.amount) == ("Renewal", "12.50")


def test_null_means_absent() -> None:
    """A name with null is a name left out."""
    request = decode(json.dumps({"id": ID, "fields": None}).encode(), GetRecordRequest)
    assert request.fields == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"name":"a","name":"b"}', "stands twice"),
        (b'{"name":NaN}', "not a JSON number"),
        (b'{"name":Infinity}', "not a JSON number"),
        (b'{"name":1e400}', "out of range"),
        (b'{"name":"\\u0000"}', "NUL"),
        (b'{"name":"\\ud800"}', "surrogate"),
        (b"[1]", "one JSON object"),
        (b'"x"', "one JSON object"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"name":' + b"[" * 40 + b"]" * 40 + b"}", "nested deeper"),
        (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
        (b'{"name":' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_python_would_take_and_should_not_is_malformed(body: bytes, words: str) -> None:
    """Text that two readers could understand differently is refused with its reason."""
    with pytest.raises(Malformed, match=words):
        decode(body, CreateDealRequest)


def test_an_unknown_field_is_named_with_the_nearest_one() -> None:
    """A slip in a name is answered with the name that was meant."""
    with pytest.raises(UnknownField) as caught:
        decode(b'{"nmae": "Renewal"}', CreateDealRequest)
    assert (caught.value.field, caught.value.did_you_mean) == ("nmae", "name")
    assert "amount" in caught.value.allowed


def test_every_fault_is_told_at_once() -> None:
    """A caller mends a request in one go."""
    with pytest.raises(Refusal) as caught:
        decode(b'{"name": 5, "amount": 3, "contact_ids": "x", "titel": 1}', CreateDealRequest)
    assert {fault.field for fault in caught.value.fields} == {"name", "amount", "contact_ids", "titel"}


def test_a_fault_deep_inside_has_its_path() -> None:
    """The path leads from the root to the element at fault."""
    body = {"name": "Sales", "stages": [{"label": "New", "kind": "opne"}]}
    with pytest.raises(InvalidField) as caught:
        decode(json.dumps(body).encode(), DefinePipelineRequest)
    fault = next(each for each in caught.value.fields if each.field == "stages[0].kind")
    assert fault.did_you_mean == "open"
    assert set(fault.allowed) == {"open", "won", "lost"}


def test_a_rule_of_a_field_names_it() -> None:
    """A broken rule is told with the field it stands on."""
    with pytest.raises(InvalidField) as caught:
        decode(b'{"id": "42"}', GetRecordRequest)
    assert caught.value.field == "id"


def test_a_large_body_is_refused_before_it_is_parsed() -> None:
    """One MiB is the most a JSON body may have."""
    with pytest.raises(TooLarge):
        decode(b" " * 1_048_577, CreateDealRequest)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_at_all_ends_in_anything_but_a_message_or_a_refusal(value: object) -> None:
    """Whatever is sent, the caller gets a refusal in our words, never an error of a library."""
    with suppress(Refusal):
        decode(json.dumps(value).encode(), CreateDealRequest)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_end_in_anything_but_a_message_or_a_refusal(data: bytes) -> None:
    """The same for bytes that are no JSON."""
    with suppress(Refusal):
        decode(data, CreateDealRequest)
