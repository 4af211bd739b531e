"""Lists of values of a record."""

import pytest

from kontor_crm_core.record.values import MultiValueMode, combined


@pytest.mark.parametrize(
    ("mode", "given", "after"),
    [
        (MultiValueMode.ADD, ["B", "c"], ["a", "b", "c"]),
        (MultiValueMode.REPLACE, ["c", "B"], ["c", "b"]),
        (MultiValueMode.REPLACE, [], ["a", "b"]),
        (MultiValueMode.REMOVE, ["A", "x"], ["b"]),
        (MultiValueMode.ADD, ["c", "C"], ["a", "b", "C"]),
    ],
)
def test_combined(mode: MultiValueMode, given: list[str], after: list[str]) -> None:
    """What there is keeps its place and spelling, and nothing stands twice."""
    assert combined(["a", "b"], given, mode, str.lower) == after
