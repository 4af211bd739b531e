"""Patterns of texts, matched in time linear in the text: a subset of regular expressions without backtracking."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

LONGEST_PATTERN = 200
MOST_STEPS = 300
MOST_REPEATS = 100
MOST_DEPTH = 10
SPECIAL = "\\.[](){}*+?|^$"

Test: TypeAlias = Callable[[str], bool]


class BadPattern(Exception):
    """The pattern is none, or outside the subset; the message says why."""


@dataclass(frozen=True, slots=True)
class One:
    """One character."""

    fits: Test


@dataclass(frozen=True, slots=True)
class All:
    """Parts one after the other."""

    parts: Sequence["Node"]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several."""

    choices: Sequence["Node"]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; without end if `most` is None."""

    part: "Node"
    least: int
    most: int | None


Node: TypeAlias = One | All | Either | Repeat


@dataclass(frozen=True, slots=True)
class Step:
    """A state: what it takes to leave it, or where else one is with it."""

    fits: Test | None
    ways: tuple[int, ...]


class Pattern:
    """A compiled pattern; it must match the whole text."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def matches(self, text: str) -> bool:
        """Tells whether the whole text fits."""
        present = self._reached({0})
        for each in text:
            taken = {at + 1 for at in present if (fits := self._fits(at)) and fits(each)}
            if not taken:
                return False
            present = self._reached(taken)
        return len(self._steps) in present

    def _fits(self, at: int) -> Test | None:
        return self._steps[at].fits if at < len(self._steps) else None

    def _reached(self, begun: set[int]) -> set[int]:
        """All states one is in with these."""
        reached, waiting = set(begun), list(begun)
        while waiting:
            at = waiting.pop()
            for way in self._steps[at].ways if at < len(self._steps) else ():
                if way not in reached:
                    reached.add(way)
                    waiting.append(way)
        return reached


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """The pattern ready to match; raises BadPattern."""
    if len(pattern) > LONGEST_PATTERN:
        raise BadPattern(f"a pattern has at most {LONGEST_PATTERN} characters")
    bare = pattern.removeprefix("^")
    bare = bare[:-1] if bare.endswith("$") and not bare.endswith("\\$") else bare
    return Pattern(steps_of(Parser(bare).whole()))


def steps_of(node: Node) -> list[Step]:
    """The states of a pattern; raises BadPattern for one with too many."""
    steps: list[Step] = []
    write(node, steps)
    return steps


def write(node: Node, steps: list[Step]) -> None:
    """Appends the states of a part, which ends behind the last of them."""
    if len(steps) > MOST_STEPS:
        raise BadPattern("it repeats too much; shorten it or use smaller counts")
    match node:
        case One(fits):
            steps.append(Step(fits, ()))
        case All(parts):
            for part in parts:
                write(part, steps)
        case Either(choices):
            write_choices(choices, steps)
        case Repeat(part, least, most):
            write_repeat(part, least, most, steps)


def write_choices(choices: Sequence[Node], steps: list[Step]) -> None:
    """Appends choices: a fork to each, and a way from each to the end."""
    fork, ends, starts = len(steps), [], []
    steps.append(Step(None, ()))
    for choice in choices:
        starts.append(len(steps))
        write(choice, steps)
        ends.append(len(steps))
        steps.append(Step(None, ()))
    steps[fork] = Step(None, tuple(starts))
    for end in ends:
        steps[end] = Step(None, (len(steps),))


def write_repeat(part: Node, least: int, most: int | None, steps: list[Step]) -> None:
    """Appends a part as often as it must stand, then as often as it may."""
    for _ in range(least):
        write(part, steps)
    forks = []
    for _ in range(1 if most is None else most - least):
        forks.append(len(steps))
        steps.append(Step(None, ()))
        write(part, steps)
    if most is None:
        steps.append(Step(None, (forks[0],)))
    for fork in forks:
        steps[fork] = Step(None, (fork + 1, len(steps)))


class Parser:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0

    def whole(self) -> Node:
        """The pattern; raises BadPattern."""
        node = self._either()
        if self._next():
            raise BadPattern(f"{self._next()!r} at {self._at + 1} closes nothing")
        return node

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str = "") -> str:
        found = self._next()
        if not found or (wanted and found != wanted):
            raise BadPattern(f"{wanted or 'something'!r} is missing at {self._at + 1}")
        self._at += 1
        return found

    def _either(self) -> Node:
        choices = [self._all()]
        while self._next() == "|":
            self._take()
            choices.append(self._all())
        return Either(choices) if len(choices) > 1 else choices[0]

    def _all(self) -> Node:
        parts = []
        while self._next() and self._next() not in "|)":
            parts.append(self._repeated(self._atom()))
        return All(parts)

    def _repeated(self, part: Node) -> Node:
        mark = self._next()
        if not mark or mark not in "*+?{":
            return part
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._take()) or self._counts()
        if self._next() and self._next() in "*+?{":
            raise BadPattern(f"{self._next()!r} at {self._at + 1} repeats a repetition")
        return Repeat(part, least, most)

    def _counts(self) -> tuple[int, int | None]:
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at : end].partition(",") if end > 0 else ("", "", "")
        self._at = end + 1
        if not least.isdigit() or not least.isascii() or (most and not (most.isdigit() and most.isascii())):
            raise BadPattern("a count is written {2}, {2,} or {2,5}")
        low, high = int(least), int(most) if most else None if comma else int(least)
        if max(low, high or 0) > MOST_REPEATS or (high is not None and high < low):
            raise BadPattern(f"a count is at most {MOST_REPEATS} and rises")
        return low, high

    def _atom(self) -> Node:
        found = self._take()
        if found == "(":
            return self._group()
        if found == "[":
            return One(self._class())
        if found == ".":
            return One(lambda each: each != "\n")
        if found == "\\":
            return One(self._escaped())
        if found in SPECIAL:
            raise BadPattern(f"{found!r} at {self._at} repeats nothing or must be written \\{found}")
        return One(same(found))

    def _group(self) -> Node:
        if self._next() == "?":
            self._take()
            if self._next() != ":":
                raise BadPattern("groups are plain: no look-around, names or flags")
            self._take()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise BadPattern(f"groups stand at most {MOST_DEPTH} deep")
        node = self._either()
        self._take(")")
        self._depth -= 1
        return node

    def _escaped(self) -> Test:
        found = self._take()
        if found in ESCAPES:
            return ESCAPES[found]
        if found.isascii() and found.isalnum():
            raise BadPattern(f"\\{found} is not known; there are \\d, \\w, \\s and escaped marks")
        return same(found)

    def _class(self) -> Test:
        inverse = self._next() == "^"
        self._at += inverse
        tests: list[Test] = []
        while self._next() != "]" or not tests:
            tests.append(self._range())
        self._take("]")
        return (lambda each: not any(test(each) for test in tests)) if inverse else any_of(tests)

    def _range(self) -> Test:
        first = self._take()
        if first == "\\":
            return self._escaped()
        if self._next() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return same(first)
        self._take("-")
        last = self._take()
        if last == "\\" or last < first:
            raise BadPattern(f"{first}-{last} is not a range of characters")
        return lambda each: first <= each <= last


def same(wanted: str) -> Test:
    """Fits one character only."""
    return lambda each: each == wanted


def any_of(tests: Sequence[Test]) -> Test:
    """Fits what one of several fits."""
    return lambda each: any(test(each) for test in tests)


ESCAPES: dict[str, Test] = {
    "d": lambda each: each in string.digits,
    "D": lambda each: each not in string.digits,
    "w": lambda each: each.isalnum() or each == "_",
    "W": lambda each: not (each.isalnum() or each == "_"),
    "s": str.isspace,
    "S": lambda each: not each.isspace(),
}
