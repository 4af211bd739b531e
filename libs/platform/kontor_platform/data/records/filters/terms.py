"""Reads search terms for conditions on text: a part of the text is enough to find the records it may stand in."""

from collections.abc import Iterator
from dataclasses import dataclass

from kontor_platform.data.records.filters.comparing import Contains, Equals, HasWords, StartsWith, Test
from kontor_platform.data.records.filters.parameters import Parameters
from kontor_platform.data.records.filters.places import TENANT
from kontor_platform.data.records.fold import SPACELESS, lettered, separated
from kontor_platform.data.records.terms import GRAM, LONGEST_TERM, trigrams

MOST_PIECES = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: a whole word, the beginning of one, or any part of one."""

    text: str
    whole: bool
    begins: bool


def pieces(test: Test) -> list[Piece]:
    """The parts that must stand in a text for the test to hold, the longest first; none where nothing is known."""
    match test:
        case Equals((str() as text,)):
            found = list(parts(text, open_start=False, open_end=False))
        case StartsWith(text):
            found = list(parts(text, open_start=False, open_end=True))
        case Contains(text):
            found = list(parts(text, open_start=True, open_end=True))
        case HasWords(words):
            found = [Piece(word, True, True) for word in words]
        case _:
            found = []
    usable = [piece for piece in found if findable(piece)]
    return sorted(usable, key=lambda piece: (piece.whole, len(piece.text)), reverse=True)[:MOST_PIECES]


def parts(text: str, *, open_start: bool, open_end: bool) -> Iterator[Piece]:
    """The words of a folded text; those at an open edge may be parts of longer ones."""
    words = separated(text)
    for at, word in enumerate(words):
        starts = at > 0 or not open_start or not text.startswith(word)
        ends = at < len(words) - 1 or not open_end or not text.endswith(word)
        if SPACELESS.search(word):
            yield from (Piece(run[:2], True, True) for run in SPACELESS.findall(word) if len(run) > 1)
        else:
            yield Piece(word, starts and ends, starts)


def findable(piece: Piece) -> bool:
    """Whether terms tell where a piece stands: the middle of a word is found by three letters or more."""
    return piece.whole or piece.begins or (len(piece.text) >= GRAM and lettered(piece.text))


def source(piece: Piece, object_type: str, parameters: Parameters) -> str:
    """The SQL of the records that have a piece in one of their terms."""
    kind = parameters.add(object_type, "text")
    mine = f"x.tenant_id = {TENANT} AND x.object_type = {kind}"
    text = piece.text[:LONGEST_TERM]
    if piece.whole and text == piece.text:
        return f"SELECT x.record_id AS id FROM search_term x WHERE {mine} AND x.term = {parameters.add(text, 'text')}"
    beginning = f"SELECT x.record_id AS id FROM search_term x WHERE {mine} AND x.term ^@ {parameters.add(text, 'text')}"
    if piece.begins:
        return beginning
    gram, part = parameters.add(rarest(text), "text"), parameters.add(text, "text")
    # A word with digits has no trigrams: it is found by its beginning alone.
    return (
        f"{beginning} UNION ALL SELECT x.record_id AS id FROM word_gram g "
        f"JOIN search_term x ON {mine} AND x.term = g.word "
        f"WHERE g.tenant_id = {TENANT} AND g.object_type = {kind} AND g.gram = {gram} "
        f"AND position({part} in g.word) > 0"
    )


def rarest(text: str) -> str:
    """The trigram of a piece that is likely to stand in the fewest words: the one of the rarest letters."""
    return max(trigrams(text), key=lambda gram: sum(COMMON.find(letter) % 27 for letter in gram))


# Letters from the most to the least frequent in the names of Europe; others count as rare.
COMMON = "aeinrslotdhmucgbkpfvwyzjxq"
