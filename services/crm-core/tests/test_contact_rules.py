"""Names and contradictions."""

import pytest

from kontor_crm_core.contact.rules import Name, contradicts, display_name, split_name


@pytest.mark.parametrize(
    ("whole", "first", "last"),
    [
        ("Jane Doe", "Jane", "Doe"),
        ("Doe, Jane", "Jane", "Doe"),
        ("Vincent van Gogh", "Vincent van", "Gogh"),
        ("Cher", "Cher", ""),
        (" , Doe", "", "Doe"),
        ("", "", ""),
    ],
)
def test_split_name(whole: str, first: str, last: str) -> None:
    """A whole name is read in either order."""
    read = split_name(whole)
    assert {read.first, read.last} == {first, last}
    assert whole in ("", " , Doe") or read == Name(first, last)


def test_display_name() -> None:
    """Who has no name is known by an address, else a number."""
    assert display_name("Jane", None, ["j@a.io"]) == "Jane"
    assert display_name(None, "", ["j@a.io", "1"]) == "j@a.io"
    assert display_name(None, None, []) == ""


@pytest.mark.parametrize(
    ("given", "emails", "holder", "held", "contradiction"),
    [
        (Name("jane", "doe"), [], Name("jane", "doe"), ["j@a.io"], False),
        (Name("", ""), [], Name("jane", "doe"), ["j@a.io"], False),
        (Name("jane", ""), [], Name("", "doe"), [], False),
        (Name("bob", ""), [], Name("jane", ""), [], True),
        (Name("", "roe"), [], Name("jane", "doe"), [], True),
        (Name("", ""), ["x@a.io"], Name("", ""), ["j@a.io"], True),
        (Name("", ""), ["x@a.io", "j@a.io"], Name("", ""), ["j@a.io"], False),
    ],
)
def test_contradicts(given: Name, emails: list[str], holder: Name, held: list[str], contradiction: bool) -> None:
    """Another name or only other addresses speak against the holder of a number; blanks say nothing."""
    assert contradicts(given, emails, holder, held) is contradiction
