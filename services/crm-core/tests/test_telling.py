from kontor_crm_core.note.rules import LONGEST_LINE, subject_of
from kontor_crm_core.timeline.rules import change_title


def test_a_note_is_known_by_its_first_line() -> None:
    """Blank lines are passed over and a long line is cut at a word."""
    assert subject_of("\n  Called Jane  \nShe agreed.") == "Called Jane"
    cut = subject_of("word " * 60)
    assert len(cut) <= LONGEST_LINE
    assert cut.endswith("word…")
    assert len(subject_of("x" * 500)) == LONGEST_LINE


def test_a_change_is_told_by_its_fields() -> None:
    """The first version is the creation; many fields are counted, not listed."""
    assert change_title(1, ["name"]) == "Created"
    assert change_title(2, ["name", "amount"]) == "Changed name, amount"
    assert change_title(3, list("abcdefg")) == "Changed a, b, c, d, e and 2 more"
