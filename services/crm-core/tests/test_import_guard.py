"""Cells that a spreadsheet would run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_crm_core.imports.guard import guarded, unguarded

DANGEROUS = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(A1:A9)",
    "\t=1",
    "\r=1",
    "  =1",
    "\u00a0=1",
    "\u200b=HYPERLINK(1)",
    "\ufeff@x",
    "＝1+1",
    "＋1|x",
    "－1|x",
    "＠x",
    "\u22121+x",
    "'=1",
    "''@x",
    "=",
    "+",
    "-",
    "-1+2",
    "+1-2-3|x",
    "\tplain",
)
HARMLESS = (
    "",
    "Jane",
    "-5",
    "+5.5",
    "-1,234.50",
    "-1.234,50",
    "-12 %"[:3],
    "1e5",
    "-1E-5",
    "+4930123456",
    "+1 555-0100",
    "a=b",
    "x@y.com",
    "'quoted'",
    "1+1",
)


@pytest.mark.parametrize("cell", DANGEROUS)
def test_what_could_run_is_marked_once(cell: str) -> None:
    """Spaces, invisible characters, widths and quotes in front do not hide a formula."""
    assert guarded(cell) == "'" + cell
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_phones_and_words_are_left_alone(cell: str) -> None:
    """Negative amounts and phone numbers come back unharmed."""
    assert guarded(cell) == cell
    assert unguarded(cell) == cell


MARKS = st.text(alphabet="'=+-@\t\r \u00a0\u200b＝－12a.", max_size=8)


@given(st.one_of(st.text(), MARKS))
def test_the_mark_is_taken_back_exactly(cell: str) -> None:
    """Any text survives export and import."""
    assert unguarded(guarded(cell)) == cell


@given(MARKS)
def test_no_cell_leaves_that_could_run(cell: str) -> None:
    """After the guard nothing begins a formula but numbers and phone numbers."""
    told = guarded(cell).lstrip()
    assert not told.startswith(("=", "@"))
