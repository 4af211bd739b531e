"""Finds tools by words, for clients that would rather not carry the whole list.

Okapi BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) over names, descriptions and
parameters; a name counts threefold.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kontor_mcp_gateway.catalogue.catalogue import Catalogue
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_platform.data.records.fold import words

SATURATION, LENGTH = 1.2, 0.75
NAME_WEIGHT = 3
Offered = Callable[[Tool], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool and how often each word stands in what is told of it."""

    tool: Tool
    counts: Counter[str]

    @property
    def length(self) -> int:
        """How many words there are."""
        return self.counts.total()


class Index:
    """The words of every tool of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._entries = [Entry(tool, Counter(words_of(tool))) for tool in catalogue.tools.values()]

    def found(self, query: str, offered: Offered, most: int) -> Sequence[Tool]:
        """The offered tools that have a word of the query, the best first."""
        entries = [each for each in self._entries if offered(each.tool)]
        asked = set(words(query))
        rarity = {word: idf(len(entries), sum(word in each.counts for each in entries)) for word in asked}
        usual = sum(each.length for each in entries) / len(entries) if entries else 1.0
        scored = [(score(each, rarity, usual), each.tool) for each in entries]
        hits = sorted((each for each in scored if each[0] > 0), key=lambda each: (-each[0], each[1].name))
        return [tool for _, tool in hits[:most]]


def score(entry: Entry, rarity: dict[str, float], usual: float) -> float:
    """How well a tool answers, given how rare each word of the query is and how long a text usually is."""
    norm = SATURATION * (1 - LENGTH + LENGTH * entry.length / usual)
    return sum(
        weight * entry.counts[word] * (SATURATION + 1) / (entry.counts[word] + norm) for word, weight in rarity.items()
    )


def idf(number: int, having: int) -> float:
    """How much a word tells that `having` of `number` texts have."""
    return math.log(1 + (number - having + 0.5) / (having + 0.5))


def words_of(tool: Tool) -> Iterator[str]:
    """The words of a tool's name, title, description and parameters."""
    listed = tool.listed
    yield from list(words(spaced(listed["name"]))) * NAME_WEIGHT
    yield from words(f"{listed['title']} {listed['description']}")
    for name, told in listed["inputSchema"].get("properties", {}).items():
        if name not in tool.controls:
            yield from words(f"{spaced(name)} {told.get('description', '')}")


def spaced(name: str) -> str:
    """A name as words."""
    return name.replace("_", " ")
