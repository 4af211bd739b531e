"""Terms: what a record is found by, each with the fields it stands in."""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntFlag
from itertools import islice
from typing import NamedTuple, TypeAlias

from kontor_platform.data.records.fold import fold, lettered, words

MOST_TERMS = 64
LONGEST_TERM = 64
LAST_CHARACTER = "\U0010ffff"
REVERSED = "<"
# The information separator one of ASCII: stands between terms on their way to the database, never in one.
SEPARATOR = "\x1f"
BLOCK_MARK = "~"
# Before addresses and domains as a whole: their words stand beside them, so that a search for words passes them over.
ADDRESS = "@"
# What begins so is never asked for by a caller as it stands.
HIDDEN = (REVERSED, BLOCK_MARK)
BEGIN, END, SLIP = "^", "$", "-"
GRAM = 3
# One slip is looked up in words of up to 7 characters, which may be of 8; longer ones share enough trigrams.
LONGEST_SLIPPING = 8


class Field(IntFlag):
    """Where a term stands; kept in 16 bits, so a new field takes the next free one."""

    NAME = 1
    TITLE = 2
    COMPANY = 4
    CITY = 8
    EMAIL = 16
    PHONE = 32
    DOMAIN = 64
    EXTERNAL_ID = 128
    EMAIL_PART = 256
    DOMAIN_PART = 512
    PROPERTY = 1024
    BLOCK = 2048


IDENTIFIERS = Field.EMAIL | Field.PHONE | Field.DOMAIN | Field.EXTERNAL_ID
WORDS = Field.NAME | Field.TITLE | Field.COMPANY | Field.CITY | Field.EMAIL_PART | Field.DOMAIN_PART | Field.PROPERTY
NAMES: Mapping[Field, str] = {
    Field.NAME: "name",
    Field.TITLE: "title",
    Field.COMPANY: "company",
    Field.CITY: "city",
    Field.EMAIL: "email",
    Field.PHONE: "phone",
    Field.DOMAIN: "domain",
    Field.EXTERNAL_ID: "external_id",
    Field.EMAIL_PART: "email",
    Field.DOMAIN_PART: "domain",
    Field.PROPERTY: "property",
}


# What leaves first where there are more terms than a record may have: the last of these.
RANKS = (
    Field.NAME,
    Field.EMAIL,
    Field.PHONE,
    Field.DOMAIN,
    Field.EXTERNAL_ID,
    Field.COMPANY,
    Field.TITLE,
    Field.CITY,
    Field.BLOCK,
    Field.EMAIL_PART,
    Field.DOMAIN_PART,
    Field.PROPERTY,
)


# A term as the functions here give it: plain, for they give some thirty of a record.
Plain: TypeAlias = tuple[str, int]


class Term(NamedTuple):
    """One term and the bits of fields it stands in."""

    text: str
    field: int


def of_text(text: str, field: Field) -> Iterator[Plain]:
    """The words of a text."""
    for word in words(text):
        yield word, field


def of_email(email_key: str) -> Iterator[Plain]:
    """An address whole, its local part and the pieces of it, its domain and the domain's first label."""
    local, _, domain = email_key.rpartition("@")
    yield address(email_key), Field.EMAIL
    yield address(local), Field.EMAIL_PART
    yield from of_text(local, Field.EMAIL_PART)
    yield address(domain), Field.EMAIL_PART
    yield from of_text(domain.partition(".")[0], Field.EMAIL_PART)


def address(text: str) -> str:
    """The term of an address, a domain or a local part as a whole."""
    return ADDRESS + fold(text)


def of_domain(domain: str) -> Iterator[Plain]:
    """A domain whole and the words of its first label."""
    yield address(domain), Field.DOMAIN
    yield from of_text(domain.partition(".")[0], Field.DOMAIN_PART)


def of_phone(e164: str, national_digits: str) -> Iterator[Plain]:
    """A number in both forms, and from its end behind a mark, so that its last digits are found too."""
    for form in (e164, national_digits):
        if form:
            yield form, Field.PHONE
    if e164 or national_digits:
        yield REVERSED + (e164 or national_digits).lstrip("+")[::-1], Field.PHONE


def of_external_id(value: str) -> Iterator[Plain]:
    """An id of another system."""
    yield fold(value), Field.EXTERNAL_ID


def of_property(text: str) -> Iterator[Plain]:
    """The first words of a property that is searched."""
    return islice(of_text(text, Field.PROPERTY), MOST_TERMS)


def of_block(key: str) -> Iterator[Plain]:
    """A key under which records stand that may be the same; no search answers by it."""
    if key:
        yield BLOCK_MARK + key, Field.BLOCK


def gathered(terms: Iterable[Plain]) -> dict[str, int]:
    """At most 64 terms of at most 64 characters, the most telling first, with the bits of all fields each stands in."""
    found: dict[str, int] = {}
    for text, field in terms:
        kept = text if len(text) <= LONGEST_TERM and SEPARATOR not in text else shortened(text)
        if kept:
            # Not `|`, which would look the sum up among the fields.
            found[kept] = int.__or__(found.get(kept, 0), field)
    return found if len(found) <= MOST_TERMS else dict(sorted(found.items(), key=rank)[:MOST_TERMS])


def shortened(text: str) -> str:
    """A term as it may be stored."""
    return text.replace(SEPARATOR, "")[:LONGEST_TERM]


def rank(term: tuple[str, int]) -> tuple[bool, int]:
    """How soon a term is kept: numbers from their end after all others, and by the most telling of its fields."""
    text, bits = term
    return text.startswith(REVERSED), next((at for at, field in enumerate(RANKS) if bits & field), len(RANKS))


def is_word(term: str, fields: int) -> bool:
    """Whether a term is also found by its middle and in spite of a slip: letters of a text, at least three."""
    return bool(fields & WORDS) and len(term) >= GRAM and lettered(term)


def grams(word: str) -> list[str]:
    """What a word is kept under to be found by its middle and in spite of slips, each once."""
    return list(dict.fromkeys([*trigrams(f"{BEGIN}{word}{END}"), *slips(word)]))


def trigrams(text: str) -> list[str]:
    """Every three characters that stand together."""
    return [text[at : at + GRAM] for at in range(len(text) - GRAM + 1)]


def slips(word: str) -> list[str]:
    """A short word as it stands and without each of its characters: words one slip apart have one of these in common.

    After W. Garbe's symmetric deletes; a swap of two neighbours counts as one slip. Longer words have none.
    """
    if len(word) > LONGEST_SLIPPING:
        return []
    return [SLIP + word, *(SLIP + word[:at] + word[at + 1 :] for at in range(len(word)))]


def told(term: str) -> str:
    """A term as it stands in its field, without what marks it."""
    return term[:0:-1] if term.startswith(REVERSED) else term.removeprefix(ADDRESS)


def strongest(fields: int) -> str:
    """The name of the field that says most among those a term stands in."""
    return next((NAMES[field] for field in (*IDENTIFIERS, *NAMES) if field & fields), "")
