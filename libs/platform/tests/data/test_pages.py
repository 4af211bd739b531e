"""Cursors and ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_platform.contract.problem import JSON, CursorInvalid
from kontor_platform.data.ids import new_id
from kontor_platform.data.pages import Cursors

CURSORS = Cursors(b"s" * 32)


def test_a_cursor_gives_back_what_it_was_made_of() -> None:
    """A page goes on where the last one ended."""
    values: list[JSON] = ["2026-11-23T09:30:00Z", "019a", 3, None]
    assert CURSORS.decode(CURSORS.encode(values, "list demo"), "list demo") == values


def test_a_cursor_of_another_query_tenant_or_key_is_refused() -> None:
    """A cursor works for its scope under its secret and for nothing else."""
    cursor = CURSORS.encode(["a"], "list demo")
    for reader, scope in ((CURSORS, "list other"), (Cursors(b"t" * 32), "list demo")):
        with pytest.raises(CursorInvalid):
            reader.decode(cursor, scope)


@given(st.text(max_size=80))
def test_no_text_that_we_did_not_sign_is_a_cursor(text: str) -> None:
    """Any other text is refused, never misread."""
    with pytest.raises(CursorInvalid):
        CURSORS.decode(text, "list demo")


def test_ids_are_uuid7_and_grow_with_time() -> None:
    """RFC 9562: version 7, variant 10, ordered by the time they were made."""
    ids = [new_id() for _ in range(1000)]
    assert {each.version for each in ids} == {7}
    assert {each.variant for each in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 1000
    milliseconds = [each.int >> 80 for each in ids]
    assert milliseconds == sorted(milliseconds)
