"""Every form of what a record holds finds it: words, beginnings, middles, slips, in every script."""

import random
from typing import Any

import pytest

from kontor_platform.data.records.fold import words

NAMES = (
    "Katarzyna Wiśniewska",
    "Jürgen Müller-Lüdenscheidt",
    "Søren Kierkegård",
    "Anastasia Papadopoulou",
    "Björn Þorvaldsson",
    "Дмитрий Александров",
    "Αλέξανδρος Παπαδόπουλος",
    "김민수",
    "李小龙",
    "山田太郎",
    "प्रियंका शर्मा",
    "محمد عبدالله",
    "סטפן גולדברג",
    "John Smith",
    "Wolfgang Brandenburger",
    "Maria Gonzalez",
)
LETTERS = "aeinrst"
SLIPS_FOUND = 0.95


@pytest.fixture(scope="module")
def book(service: Any) -> dict[str, Any]:
    """A tenant with the names, and the record of each."""
    made = [service.do("crm_upsert_contact", name=name)["contact"]["id"] for name in NAMES]
    return dict(zip(NAMES, made, strict=True))


def finds(crm: Any, query: str, record: str) -> bool:
    """Whether a query finds a record."""
    return record in [hit["id"] for hit in crm.do("crm_search_customers", query=query, page_size=100)["hits"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_name_finds_it(service: Any, book: dict[str, str], name: str) -> None:
    """A record is found by its whole name, each word, each beginning of three on and each five letters of a word."""
    parts = {name, name.upper(), *words(name)}
    for word in words(name):
        parts |= {word[:end] for end in range(3, len(word))}
        parts |= {word[at : at + 5] for at in range(len(word) - 4)}
    assert [part for part in sorted(parts) if not finds(service, part, book[name])] == []


def slipped(word: str, draw: random.Random) -> str:
    """A word with one character left out, added, exchanged, or swapped with the next."""
    at, other = draw.randrange(len(word) - 1), draw.choice(LETTERS)
    return draw.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + other + word[at:],
            word[:at] + other + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )


def test_one_slip_is_forgiven(service: Any, book: dict[str, str]) -> None:
    """A word of five letters or more with one slip finds its record, alone and beside a right word."""
    draw = random.Random(11)
    asked = [(name, slipped(word, draw)) for name in NAMES for word in words(name) if len(word) >= 5 for _ in range(6)]
    found = [finds(service, query, book[name]) for name, query in asked]
    assert sum(found) / len(found) >= SLIPS_FOUND
    for query in ("Jhon Smiht", "john smiht", "smth john", "jhon smi", "jonh ith"):
        assert finds(service, query, book["John Smith"]), query


@pytest.mark.parametrize(
    ("query", "reason", "fragment"),
    [
        ("anden", "substring", "brandenburger"),
        ("wolfgagn", "slip", "wolfgang"),
        ("wolf", "prefix", "wolfgang"),
        ("wolfgang anden", "substring", "brandenburger"),
        ("WOLFGANG brandenburgre", "slip", "brandenburger"),
    ],
)
def test_a_hit_says_why(service: Any, book: dict[str, str], query: str, reason: str, fragment: str) -> None:
    """The weakest word of a query tells how well a hit matches, and what stands in its field."""
    hit = service.do("crm_search_customers", query=query)["hits"][0]
    assert hit["id"] == book["Wolfgang Brandenburger"]
    assert hit["match"] == {"class": reason, "field": "name", "fragment": fragment}


def test_better_matches_stand_first_on_every_page(crm: Any) -> None:
    """Whole words come before beginnings and these before middles; pages go on where they ended, up to the total."""
    names = {"Hanna One": "substring", "Annabel Two": "prefix", "Anna Three": "word", "Joanna Four": "substring"}
    made = {crm.do("crm_upsert_contact", name=name)["contact"]["id"]: kind for name, kind in names.items()}
    seen: list[str] = []
    answer = crm.do("crm_search_customers", query="anna", page_size=3)
    assert answer["total"] == 4
    while True:
        seen += [hit["id"] for hit in answer["hits"]]
        if not answer["next_cursor"]:
            break
        answer = crm.do("crm_search_customers", query="anna", page_size=3, cursor=answer["next_cursor"])
        assert answer["total"] == 4
    assert [made[each] for each in seen] == ["word", "prefix", "substring", "substring"]


def test_more_fields_and_later_activity_rank_higher(crm: Any) -> None:
    """Among equal matches those in more fields come first, then those with the later activity."""
    plain = crm.do("crm_upsert_contact", name="Zoe Quist")["contact"]["id"]
    busy = crm.do("crm_upsert_contact", name="Ada Quist")["contact"]["id"]
    wide = crm.do("crm_upsert_contact", name="Bea Quist", email="quist@b.example")["contact"]["id"]
    crm.do("crm_create_note", body="Called", record_ids=[busy])
    assert [hit["id"] for hit in crm.do("crm_search_customers", query="quist")["hits"]] == [wide, busy, plain]


def test_an_address_among_words(crm: Any) -> None:
    """A word beside an address, a domain or a number narrows it."""
    jane = {"name": "Jane Doe", "email": "jane@acme.example", "phone": "030 1234471"}
    made = crm.do("crm_upsert_contact", **jane)["contact"]["id"]
    crm.do("crm_upsert_contact", name="Bob Roe", email="bob@acme.example")
    for query in ("jane acme.example", "acme.example jan", "doe jane@acme.example", "jane +49 30 1234471"):
        assert [hit["id"] for hit in crm.do("crm_search_customers", query=query)["hits"]] == [made], query


def test_one_or_two_letters_are_beginnings(crm: Any) -> None:
    """Short queries find words that begin so and nothing else."""
    made = crm.do("crm_upsert_contact", name="Xavier Oz")["contact"]["id"]
    crm.do("crm_upsert_contact", name="Max Roz")
    for query in ("x", "xa", "oz"):
        assert [hit["id"] for hit in crm.do("crm_search_customers", query=query)["hits"]] == [made], query


@pytest.mark.parametrize("query", ["a\u0000b", "a\u0007b", "a\u007f", "\u001b[2J"])
def test_control_characters_are_refused(crm: Any, query: str) -> None:
    """A query with characters nobody types is refused by name of the field."""
    refusal = crm.refused("crm_search_customers", query=query)
    assert refusal["code"] in ("invalid_field", "malformed")


@pytest.mark.parametrize(
    "query", ["' OR 1=1 --", "%", "_", "\\", "{a,b}", "$1", "%(tenant)s", "~", "~e:jane", "<1", "\U0010ffff", "a" * 320]
)
def test_hostile_queries_find_nothing_and_break_nothing(crm: Any, contact: str, query: str) -> None:
    """What looks like a part of a statement or a mark of the index is text like any other."""
    assert crm.do("crm_search_customers", query=query)["hits"] == []
    assert crm.do("crm_lookup_customer", query=query)["outcome"] == "none"
