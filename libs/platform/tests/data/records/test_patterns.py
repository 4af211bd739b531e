"""Patterns match what regular expressions match, in time linear in the text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_platform.data.records.reading.patterns import BadPattern, compiled

PATTERNS = (
    "[A-Z]{2}-\\d{4}",
    "^(?:ab|a)(c|bcd)*d?$",
    "a{2,3}b*",
    "[^a-c]+",
    "(a|b|)c",
    "\\w+@\\w+\\.[a-d]{2,}",
    "a?b?c?d?",
    "(ab*){0,2}",
    "[]a]+",
    ".*d",
)


@given(st.sampled_from(PATTERNS), st.text("abcdABC]-@.12\n", max_size=12))
def test_a_pattern_means_what_it_means_everywhere(pattern: str, text: str) -> None:
    """The answer is that of Python's own expressions, anchored at both ends."""
    assert compiled(pattern).matches(text) == bool(re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text))


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+b", "a*a*a*a*a*a*b", "(.*)*x"])
def test_no_text_takes_long(pattern: str) -> None:
    """What makes others try for ages is refused by one look at each character."""
    begun = time.perf_counter()
    assert not compiled(pattern).matches("a" * 1000)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[a",
        "a**",
        "*a",
        "a{2",
        "a{3,2}",
        "a{101}",
        "((a{100}){100}){100}",
        "(?=a)",
        "(?P<n>a)",
        "\\1",
        "\\b",
        "[z-a]",
        "a" * 201,
        "(" * 11 + "a" + ")" * 11,
        "\\",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    """Whatever is unbalanced, unknown or too large says why."""
    with pytest.raises(BadPattern, match=r"\w"):
        compiled(pattern)
