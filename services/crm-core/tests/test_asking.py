"""How a query is read."""

import pytest

from kontor_crm_core.customer.asking import readings
from kontor_platform.data.records.sought import of_word


@pytest.mark.parametrize(
    ("query", "wholes"),
    [
        ("Jane@Acme.com", ["@jane@acme.com", "jane@acme.com"]),
        ("https://www.acme.com/about", ["@acme.com", "@https://www.acme.com/about", "https://www.acme.com/about"]),
        ("HS-7", ["@hs-7", "hs-7"]),
        ("+49 30 1234471", ["+49301234471", "0301234471", "49301234471", "<17443210394"]),
        ("4471", ["4471", "<1744"]),
        ("user@bücher.example", ["@user@bucher.example", "user@bucher.example"]),
    ],
)
def test_a_query_may_be_meant_as_a_whole(query: str, wholes: list[str]) -> None:
    """An address, a web address, an id and a number are looked for as they are kept, and only then by their words."""
    assert list(readings(query, "DE")[0][0].begins) == wholes


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Jane Doe", ["jane", "doe"]),
        ("doe DOE", ["doe"]),
        ("O'Neill", ["o", "neill"]),
        ("Smith-Jones", ["smith", "jones"]),
        ("jane acme.com", ["jane", "@acme.com"]),
        ("jane 030 1234471 doe", ["+49301234471", "jane", "doe"]),
        ("李小龙", ["李小", "小龙"]),
    ],
)
def test_words(query: str, words: list[str]) -> None:
    """Words are folded, each stands once, and addresses and numbers among them stay whole."""
    assert [each.begins[0] for each in readings(query, "DE")[-1]] == words


@pytest.mark.parametrize("query", ["%_'; --", "🎉", "\u200b", "~", "<", "@"])
def test_nothing_to_look_for(query: str) -> None:
    """Marks alone are no query."""
    assert readings(query, "DE") == []


@pytest.mark.parametrize("query", ["~e:jane@acme.com", "~m:tn:j", "<1744"])
def test_marks_of_terms_are_no_way_in(query: str) -> None:
    """What terms are marked by cannot be asked for."""
    begins = [begin for reading in readings(query, "DE") for word in reading for begin in word.begins]
    assert not [begin for begin in begins if begin.startswith("~") or begin == query]


def test_what_a_word_may_match_by() -> None:
    """Words of letters have a middle from three on and slips from four on; with digits neither."""
    told = {word: (of_word(word).has_parts, of_word(word).has_slips) for word in ("jo", "joe", "john", "4711a")}
    assert told == {"jo": (False, False), "joe": (True, False), "john": (True, True), "4711a": (False, False)}
