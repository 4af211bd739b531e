"""Folding and terms."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_platform.data.records.fold import clean, fold, fold_any, pieces, separated, words
from kontor_platform.data.records.terms import (
    Field,
    gathered,
    grams,
    is_word,
    of_email,
    of_phone,
    of_text,
    slips,
    strongest,
    told,
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Łukasz  ØRSTED", "lukasz orsted"),
        ("STRAẞE", "strasse"),
        ("ｆｕｌｌ ﬁt", "full fit"),
        ("Zoe\u0308\u200b", "zoe"),
        ("İstanbul", "istanbul"),
        ("Þór Æsir", "thor aesir"),
        ("한글", "한글"),
    ],
)
def test_fold(written: str, folded: str) -> None:
    """Case, accents, width and invisible characters do not tell texts apart."""
    assert fold(written) == folded
    assert fold(folded) == folded


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_is_the_long_way(written: str) -> None:
    """Plain text is folded and taken apart in a shorter way with the same outcome."""
    assert fold(written) == fold_any(written)
    assert words(written) == [piece for word in separated(fold_any(written)) for piece in pieces(word)]


@given(st.text())
def test_what_is_folded_stays(written: str) -> None:
    """Folding again changes nothing, and neither does it matter in which normal form a text came."""
    assert fold(fold(written)) == fold(written)
    assert fold(unicodedata.normalize("NFD", written)) == fold(unicodedata.normalize("NFC", written))


def test_clean() -> None:
    """Stored text is composed and has no space around it."""
    assert clean("  Zoe\u0308 ") == "Zoë"


def test_words() -> None:
    """A text without spaces between its words is found by pairs of characters."""
    assert words("O'Neill-Smith & Søn") == ["o", "neill", "smith", "son"]
    assert words("東京都 Tokyo2") == ["東京", "京都", "tokyo2"]
    assert words("हिन्दी-भाषा 2") == ["हिनदी", "भाषा", "2"]


def test_email_is_found_whole_and_in_parts() -> None:
    """An address is found whole, by its local part, by pieces of it, by domain and by company."""
    terms = gathered(of_email("jane.doe+x@acme.co.uk"))
    assert set(terms) == {"@jane.doe+x@acme.co.uk", "@jane.doe+x", "jane", "doe", "x", "@acme.co.uk", "acme"}
    assert terms["@jane.doe+x@acme.co.uk"] == Field.EMAIL


def test_phone_is_found_from_its_end() -> None:
    """The last digits of a number are a beginning of its reversed form."""
    assert [text for text, _ in of_phone("+4917012", "017012")] == ["+4917012", "017012", "<2107194"]


def test_terms_are_bounded() -> None:
    """A record has at most 64 terms of 64 characters, and a term knows every field it stands in."""
    many = gathered(of_text(" ".join(f"w{n}" for n in range(100)) + " " + "x" * 99, Field.NAME))
    assert len(many) == 64
    crowded = gathered([*of_text(" ".join(f"t{n}" for n in range(80)), Field.PROPERTY), *of_email("jane@acme.example")])
    assert len(crowded) == 64
    assert {"@jane@acme.example", "acme"} <= set(crowded)
    twice = gathered([*of_text("Acme", Field.NAME), *of_text("acme", Field.CITY)])
    assert twice == {"acme": Field.NAME | Field.CITY}


def test_strongest() -> None:
    """Of several fields the identifier is named."""
    assert strongest(Field.NAME | Field.EMAIL) == "email"
    assert strongest(Field.CITY | Field.TITLE) == "title"


@pytest.mark.parametrize(
    ("term", "fields", "kept"),
    [
        ("john", Field.NAME, True),
        ("acme", Field.EMAIL | Field.EMAIL_PART, True),
        ("김민수", Field.NAME, True),
        ("हिनदी", Field.NAME, True),
        ("jo", Field.NAME, False),
        ("4you", Field.COMPANY, False),
        ("jane.doe", Field.EMAIL_PART, False),
        ("acme.com", Field.EMAIL_PART, False),
        ("hubspotid", Field.EXTERNAL_ID, False),
        ("~m:jn", Field.BLOCK, False),
        ("<9471", Field.PHONE, False),
    ],
)
def test_words_of_letters_are_found_by_their_middle(term: str, fields: Field, kept: bool) -> None:
    """Numbers, whole addresses, ids and keys of duplicates are not."""
    assert is_word(term, fields) == kept


def test_grams() -> None:
    """A word is kept under its trigrams and, if short, under what it would be without each character."""
    assert grams("john") == ["^jo", "joh", "ohn", "hn$", "-john", "-ohn", "-jhn", "-jon", "-joh"]
    assert grams("annan") == ["^an", "ann", "nna", "nan", "an$", "-annan", "-nnan", "-anan", "-annn", "-anna"]
    assert grams("brandenburg")[-1] == "rg$"


@pytest.mark.parametrize("written", ["jhon", "johm", "jon", "johhn", "ojhn", "john"])
def test_words_one_slip_apart_meet(written: str) -> None:
    """A swap, a wrong, a missing and an added character leave a form in common."""
    assert set(slips(written)) & set(slips("john"))


@pytest.mark.parametrize(
    ("term", "shown"), [("@jane@acme.com", "jane@acme.com"), ("<7194+", "+4917"), ("jane", "jane")]
)
def test_marks_are_not_told(term: str, shown: str) -> None:
    """A fragment is told as it stands in its field."""
    assert told(term) == shown
