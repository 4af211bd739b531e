"""A query as the engine looks for it: words that must all match, each in every form it may match by."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from kontor_platform.data.records.fold import fold, lettered, words
from kontor_platform.data.records.terms import GRAM, HIDDEN, LAST_CHARACTER, LONGEST_TERM, address

MOST_WORDS = 8
LEAST_SLIPPING = 4
# Marks of addresses, domains, web addresses and foreign ids: a text with one may be meant as a whole.
WHOLE_MARKS = frozenset("@.:/_-+#")


class Match(IntEnum):
    """How well a word matches, best first."""

    IDENTIFIER = 1
    WORD = 2
    PREFIX = 3
    SUBSTRING = 4
    SLIP = 5


@dataclass(frozen=True, slots=True)
class Sought:
    """One word: what its terms begin with, words that hold it in their middle, and words a slip away."""

    begins: tuple[str, ...]
    word: str = ""
    parts: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    @property
    def has_parts(self) -> bool:
        """Whether it may stand in the middle of a word."""
        return len(self.word) >= GRAM

    @property
    def has_slips(self) -> bool:
        """Whether it may be a word with a slip."""
        return len(self.word) >= LEAST_SLIPPING

    def ranges(self) -> list[tuple[str, str, int]]:
        """Ranges of terms that match, with how well those other than the lower bound itself do."""
        whole = [(each, each + LAST_CHARACTER, Match.PREFIX.value) for each in self.begins]
        whole += [(part, part, Match.SUBSTRING.value) for part in self.parts]
        return whole + [(near, near, Match.SLIP.value) for near in self.near]

    def patterns(self) -> list[tuple[str, int]]:
        """Texts that a term begins with, holds or is, by how well it then matches."""
        whole = [(each, Match.PREFIX.value) for each in self.begins]
        whole += [(self.word, Match.SUBSTRING.value)] if self.parts else []
        return whole + [(near, Match.SLIP.value) for near in self.near]


def of_words(text: str) -> list[Sought]:
    """The first words of a text, each once."""
    return [of_word(word) for word in list(dict.fromkeys(words(text)))[:MOST_WORDS]]


def of_word(word: str) -> Sought:
    """A folded word; only letters have a middle and slips."""
    cut = word[:LONGEST_TERM]
    return Sought((cut,), cut if lettered(cut) else "")


def of_terms(terms: Iterable[str]) -> Sought:
    """Terms of which any will do, as the forms of one number."""
    return Sought(tuple(dict.fromkeys(term[:LONGEST_TERM] for term in terms if term)))


def of_identifier(text: str) -> Sought | None:
    """A text as the whole of an address, domain or foreign id; None if it is plain words."""
    folded = fold(text)
    if " " in folded or folded.startswith(HIDDEN) or not WHOLE_MARKS & set(folded):
        return None
    return of_terms((address(folded.lstrip("@")), folded)) if words(folded) else None
