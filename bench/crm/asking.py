"""Questions that callers ask of the customers, by class, one in ten about nobody, with what must be answered."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from rapidfuzz.distance import OSA

from kontor_platform.data.records.fold import fold

NOBODY_EVERY = 10
WORD = re.compile(r"\w+")
Answer = Mapping[str, Any]
Check = Callable[[Answer], bool]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and whether an answer to it is right."""

    query: str
    is_right: Check


@dataclass(frozen=True, slots=True)
class Person:
    """What a row of the file tells of a person."""

    first: str
    last: str
    email: str
    phone: str
    external_id: str

    @property
    def first_word(self) -> str:
        """The first name as it is searched."""
        return fold(self.first)

    @property
    def last_word(self) -> str:
        """The surname as it is searched."""
        return fold(self.last)


def person_of(row: Sequence[str]) -> Person:
    """A person of the file."""
    return Person(row[0], row[1], row[2], row[3], row[9])


def nothing(answer: Answer) -> bool:
    """Whether nobody was found."""
    return not answer.get("hits")


def texts(hit: Mapping[str, Any]) -> str:
    """Everything that a hit tells, folded."""
    match = hit.get("match") or {}
    told = [str(hit.get(name) or "") for name in ("name", "title", "company", "email", "phone", "domain", "city")]
    return fold(" ".join([*told, str(match.get("fragment") or "")]))


def words_of(hit: Mapping[str, Any]) -> list[str]:
    """The words that a hit tells."""
    return WORD.findall(texts(hit))


def some(test: Callable[[Mapping[str, Any]], bool]) -> Check:
    """A check that a hit on the page passes a test."""
    return lambda answer: any(test(hit) for hit in answer.get("hits", []))


def holds_email(email: str) -> Check:
    """Whether the person with that address was found."""
    return some(lambda hit: str(hit["email"]).lower() == email.lower())


def identifier(draw: random.Random, people: Sequence[Person]) -> Question:
    """By address, foreign id or number."""
    who, kind = draw.choice(people), draw.random()
    if kind < 0.4:
        return Question(who.email, holds_email(who.email))
    if kind < 0.7 and who.external_id:
        return Question(who.external_id, holds_email(who.email))
    if who.phone and int(who.phone[-8:]) >= 100_000:
        return Question(who.phone, holds_email(who.email))
    return Question(who.email, holds_email(who.email))


def one_word(draw: random.Random, people: Sequence[Person]) -> Question:
    """By a surname."""
    word = draw.choice(people).last_word
    return Question(word, some(lambda hit: word in words_of(hit)))


def prefix_of_4(draw: random.Random, people: Sequence[Person]) -> Question:
    """By the beginning of a surname."""
    part = longer(draw, people, 5).last_word[:4]
    return Question(part, some(lambda hit: part in texts(hit)))


def substring_of_5(draw: random.Random, people: Sequence[Person]) -> Question:
    """By the middle of a surname."""
    word = longer(draw, people, 7).last_word
    at = draw.randrange(1, len(word) - 5)
    part = word[at : at + 5]
    return Question(part, some(lambda hit: part in texts(hit)))


def one_slip(draw: random.Random, people: Sequence[Person]) -> Question:
    """By a surname with a letter lost, changed or swapped with its neighbour."""
    word = longer(draw, people, 6).last_word
    slipped = word
    while slipped == word:
        at = draw.randrange(1, len(word) - 1)
        slipped = draw.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + "q" + word[at + 1 :],
                word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
            )
        )
    return Question(slipped, some(lambda hit: slipped in texts(hit) or near(slipped, words_of(hit))))


def near(slipped: str, words: Iterable[str]) -> bool:
    """Whether one of the words is two slips away at most."""
    return any(OSA.distance(slipped, each, score_cutoff=2) <= 2 for each in words)


def first_and_last(draw: random.Random, people: Sequence[Person]) -> Question:
    """By both names."""
    who = draw.choice(people)
    both = {who.first_word, who.last_word}
    return Question(f"{who.first} {who.last}", some(lambda hit: both <= set(words_of(hit))))


def two_prefixes_of_3(draw: random.Random, people: Sequence[Person]) -> Question:
    """By the beginnings of both names."""
    who = draw.choice(people)
    first, last = who.first_word[:3], who.last_word[:3]
    return Question(f"{first} {last}", some(lambda hit: first in texts(hit) and last in texts(hit)))


def looked_up(draw: random.Random, people: Sequence[Person]) -> Question:
    """A lookup by whatever is known; a name may mean several."""
    who = draw.choice(people)
    if draw.random() < 0.7:
        key = identifier(draw, [who]).query
        return Question(key, lambda answer: who.email.lower() in str(answer).lower() or is_in_doubt(answer, who))
    return Question(f"{who.first} {who.last}", lambda answer: fold(who.last) in fold(str(answer)))


def is_in_doubt(answer: Answer, who: Person) -> bool:
    """Whether the person is one of several who have the key: a near-duplicate has the number too."""
    told = [fold(each["name"]) for each in answer.get("candidates", ())]
    return len(told) > 1 and fold(f"{who.first} {who.last}") in told


def longer(draw: random.Random, people: Sequence[Person], least: int) -> Person:
    """A person whose surname has so many letters of ours."""
    return next(
        who
        for who in iter(lambda: draw.choice(people), None)
        if len(who.last_word) >= least and who.last_word.isascii()
    )


NOBODY = {
    "identifier": "nobody{0}@nowhere.example",
    "one word": "xqzjkw{1}",
    "prefix of 4": "{2}",
    "substring of 5": "{3}",
    "one slip": "xqzjkvwq{1}",
    "first and last name": "xqzjkw{1} qzxjwv{1}",
    "two prefixes of 3": "xqz qjx",
    "lookup": "nobody{0}@nowhere.example",
}
RARE = "qxzjw"
KINDS: Mapping[str, Callable[[random.Random, Sequence[Person]], Question]] = {
    "identifier": identifier,
    "one word": one_word,
    "prefix of 4": prefix_of_4,
    "substring of 5": substring_of_5,
    "one slip": one_slip,
    "first and last name": first_and_last,
    "two prefixes of 3": two_prefixes_of_3,
    "lookup": looked_up,
}


def nobody(draw: random.Random, kind: str) -> Question:
    """A question about nobody, as hard to answer as one about somebody."""
    letters = "".join(draw.choice(RARE) for _ in range(6))
    query = NOBODY[kind].format(draw.randrange(10**9), letters, "xq" + letters[:2], "xq" + letters[:3])
    if kind == "lookup":
        return Question(query, lambda answer: answer["outcome"] == "none")
    return Question(query, nothing)


def questions(kind: str, seed: int, people: Sequence[Person], count: int) -> Iterator[Question]:
    """Questions of a class without end, so many different ones, a tenth of them about nobody."""
    draw = random.Random(f"{seed}/{kind}")
    asked = [
        nobody(draw, kind) if at % NOBODY_EVERY == NOBODY_EVERY - 1 else KINDS[kind](draw, people)
        for at in range(count)
    ]
    return cycle(asked)
