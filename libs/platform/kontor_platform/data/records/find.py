"""Finds records by terms, the strongest kind of match first; weaker kinds are tried where the stronger leave room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any
from uuid import UUID

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records import dictionary
from kontor_platform.data.records.found import COUNTS, WITHIN_COUNT, Shape, Source, statement
from kontor_platform.data.records.sought import Sought
from kontor_platform.data.records.terms import IDENTIFIERS, LAST_CHARACTER
from kontor_platform.runtime.call import Call

# Rows of terms read at most, and records ranked at most.
ENTRIES, CANDIDATES = 4_000, 2_000
# Records of a word are looked at one by one up to so many; where there are some, whole words are tried first.
FEW, SOME = ENTRIES, 1_500
COUNTED = 12_001
# Reading a row of a term from the index costs so many times less than looking at a record.
CHEAPER = 20
FIRST: Sequence[JSON] = (0, 0, 0, str(UUID(int=0)))


class Depth(IntEnum):
    """How weak a match may be: words and beginnings alone, middles of words too, words with a slip too."""

    BEGINNINGS = 0
    MIDDLES = 1
    SLIPS = 2


@dataclass(frozen=True, slots=True)
class Within:
    """Which records are wanted at all: a statement that selects their ids, a condition of one `{0}`, their values."""

    sql: str = ""
    test: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of the records that match all words: of these types, within these, after this one.

    `depth` is what the first page found to be needed; None on the first page. `deepest` bounds it.
    """

    words: Sequence[Sought]
    types: Sequence[str]
    size: int
    after: Sequence[JSON] = FIRST
    within: Within = Within()
    depth: Depth | None = None
    deepest: Depth = Depth.SLIPS


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a page and one more if there are further ones; `capped` where there may be more than `total`."""

    rows: Sequence[Mapping[str, Any]] = ()
    total: int = 0
    capped: bool = False
    depth: Depth = Depth.BEGINNINGS

    def fills(self, wanted: Wanted) -> bool:
        """Whether nothing weaker is needed for the page."""
        return len(self.rows) > wanted.size


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds records and reads with them what a service shows of each: `shown` columns from `joined` tables."""

    shown: str
    joined: str

    async def find(self, call: Call, wanted: Wanted) -> Found:
        """The best matches: whole words and beginnings, then middles of words, then words with a slip.

        Middles are tried where a single word leaves room on the page or several find nothing, slips where nothing
        was found. Weaker matches rank behind stronger ones, so a later page goes on where the one before ended.
        """
        if wanted.depth is not None:
            return await self._at(call, wanted, wanted.depth)
        found = Found()
        for depth in Depth:
            if depth <= wanted.deepest and is_needed(depth, found, wanted):
                deeper = await self._at(call, wanted, depth)
                found = deeper if deeper.total else found
        return found

    async def _at(self, call: Call, wanted: Wanted, depth: Depth) -> Found:
        """What matches at a depth; nothing if no word matches in that way."""
        words = list(wanted.words)
        if depth >= Depth.MIDDLES:
            words = [await with_parts(call, wanted.types, word) for word in words]
        if depth >= Depth.SLIPS:
            words = [await with_slips(call, wanted.types, word) for word in words]
        if depth is Depth.MIDDLES and not any(word.parts for word in words):
            return Found()
        if depth is Depth.SLIPS and not any(word.near for word in words):
            return Found()
        found = await self._matching(call, replace(wanted, words=words))
        more = any(len(word.parts) >= dictionary.MOST_PARTS for word in words)
        return replace(found, depth=depth, capped=found.capped or more)

    async def _matching(self, call: Call, wanted: Wanted) -> Found:
        """What matches as the words stand; begins with the word of the fewest terms."""
        words, within = wanted.words, wanted.within.sql
        if len(words) == 1 and not within:
            return await self._page(call, wanted, (0,))
        entries = await counts(call, wanted)
        rare = sorted(range(len(words)), key=entries.__getitem__)
        least = entries[rare[0]]
        if not least:
            return Found()
        if within and entries[-1] <= FEW < least:
            return await self._page(call, wanted, (), others=rare)
        if len(words) == 1:
            return await self._page(call, wanted, rare, few=least <= FEW)
        slipping = any(word.near for word in words)
        if slipping or entries[rare[1]] < min(COUNTED, least * CHEAPER):
            return await self._page(call, wanted, rare[:2], others=rare[2:])
        if least <= SOME:
            return await self._page(call, wanted, rare[:1], others=rare[1:], few=True)
        found = await self._page(call, wanted, (), whole=True)
        if found.fills(wanted):
            return replace(found, capped=True)
        if least <= FEW:
            return await self._page(call, wanted, rare[:1], others=rare[1:])
        return await self._page(call, wanted, rare[:2], others=rare[2:], whole=bool(found.total))

    async def _page(
        self,
        call: Call,
        wanted: Wanted,
        driving: Sequence[int],
        *,
        others: Sequence[int] = (),
        whole: bool = False,
        few: bool = False,
    ) -> Found:
        """One page of the candidates that the driving words give and the others narrow."""
        words = [wanted.words[at] for at in driving]
        names = ("one", "two")[: len(words)]
        sources = tuple(
            Source(name, len(word.begins), bool(word.parts or word.near))
            for name, word in zip(names, words, strict=True)
        )
        within = wanted.within
        shape = Shape(sources, len(wanted.words) if whole else 0, bool(others), within.sql, within.test if few else "")
        values = {
            **page_values(call, wanted),
            **pattern_values(wanted.words),
            **within.values,
            "others": list(others),
            **{f"whole_{at}": word.begins[0] for at, word in enumerate(wanted.words)},
        }
        for name, word in zip(names, words, strict=True):
            values |= source_values(word, name)
        rows = await call.read(statement(shape, self.shown, self.joined), values)
        return Found(rows, rows[0]["total"] if rows else 0, bool(rows and rows[0]["capped"]))


async def counts(call: Call, wanted: Wanted) -> list[int]:
    """How many rows of terms each word has, up to a bound, and last how many records are wanted at all."""
    rows = [(at, low, high) for at, word in enumerate(wanted.words) for low, high, _ in word.ranges()]
    values = {
        "tenant": call.actor.tenant,
        "types": list(wanted.types),
        "ats": [at for at, _, _ in rows],
        "lows": [low for _, low, _ in rows],
        "highs": [high for _, _, high in rows],
        "most": COUNTED,
    }
    told = COUNTS
    if wanted.within.sql:
        told += WITHIN_COUNT.format(wanted.within.sql)
        values |= {**wanted.within.values, "last": len(wanted.words)}
    return [row["entries"] for row in sorted(await call.read(told, values), key=lambda row: int(row["at"]))]


async def with_parts(call: Call, types: Sequence[str], word: Sought) -> Sought:
    """A word with those that hold it in their middle."""
    return replace(word, parts=tuple(await dictionary.holding(call, types, word.word))) if word.has_parts else word


async def with_slips(call: Call, types: Sequence[str], word: Sought) -> Sought:
    """A word with those that are a slip away."""
    return replace(word, near=tuple(await dictionary.near(call, types, word.word))) if word.has_slips else word


def is_needed(depth: Depth, found: Found, wanted: Wanted) -> bool:
    """Whether weaker matches are looked for after what was found."""
    if depth is Depth.MIDDLES:
        return not found.total or (len(wanted.words) == 1 and not found.fills(wanted))
    return not found.total


def page_values(call: Call, wanted: Wanted) -> dict[str, object]:
    """What every page asks for."""
    worst, fewer, older, record = wanted.after
    return {
        "tenant": call.actor.tenant,
        "types": list(wanted.types),
        "identifiers": int(IDENTIFIERS),
        "entries": ENTRIES,
        "candidates": CANDIDATES,
        "class": worst,
        "fewer": fewer,
        "older": older,
        "record": record,
        "limit": wanted.size + 1,
    }


def pattern_values(words: Sequence[Sought]) -> dict[str, object]:
    """What terms of each word look like."""
    rows = [(at, text, kind) for at, word in enumerate(words) for text, kind in word.patterns()]
    return {
        "pattern_ats": [at for at, _, _ in rows],
        "patterns": [text for _, text, _ in rows],
        "pattern_classes": [kind for _, _, kind in rows],
    }


def source_values(word: Sought, name: str) -> dict[str, object]:
    """The terms of a driving word, as ranges and one by one."""
    rows = word.ranges()
    return {
        f"{name}_lows": [low for low, _, _ in rows],
        f"{name}_highs": [high for _, high, _ in rows],
        f"{name}_classes": [kind for _, _, kind in rows],
        **{f"{name}_{at}": begin for at, begin in enumerate(word.begins)},
        **{f"{name}_{at}_high": begin + LAST_CHARACTER for at, begin in enumerate(word.begins)},
        f"{name}_parts": list(word.parts),
        f"{name}_near": list(word.near),
    }
