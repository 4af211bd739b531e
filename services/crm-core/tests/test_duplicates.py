"""Duplicates are found by what they share, and certain ones hardly ever are two people."""

import random
from collections.abc import Iterator
from typing import Any

from kontor_protos.kontor.crm.v1 import contacts_pb as pb

from kontor_crm_core.contact.upserting import plan_contacts, write_contacts
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_platform.contract.problem import Refusal
from kontor_platform.runtime.principal import Principal

from .conftest import Crm
from .inside import calling, working

FIRST = [
    "Robert",
    "William",
    "Elizabeth",
    "Margaret",
    "Katherine",
    "Michael",
    "Thomas",
    "Jennifer",
    "Alexander",
    "Susan",
]
SHORT = {
    "Robert": "Bob",
    "William": "Bill",
    "Elizabeth": "Liz",
    "Margaret": "Peggy",
    "Katherine": "Kate",
    "Michael": "Mike",
    "Thomas": "Tom",
    "Jennifer": "Jenny",
    "Alexander": "Alex",
    "Susan": "Sue",
}
SYLLABLES = [
    "ber",
    "man",
    "sch",
    "tol",
    "ri",
    "ka",
    "nov",
    "ell",
    "stein",
    "mar",
    "dor",
    "wig",
    "han",
    "sel",
    "bor",
    "tak",
]
Person = dict[str, Any]


def people(draw: random.Random, count: int) -> list[Person]:
    """Different people of a hundred companies."""
    found: dict[tuple[str, str], Person] = {}
    while len(found) < count:
        first, last = draw.choice(FIRST), "".join(draw.choice(SYLLABLES) for _ in range(3)).capitalize()
        at, company = len(found), draw.randrange(100)
        found[first, last] = {
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}{at}@firm{company}.example".lower(),
            "phone": f"+49 30 {2_000_000 + at}",
            "company": f"Firm {company}",
        }
    return list(found.values())


def slip(draw: random.Random, word: str) -> str:
    """A word with two letters swapped, one left out or one too many."""
    at = draw.randrange(1, len(word) - 1)
    return draw.choice(
        [
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
        ]
    )


def again(draw: random.Random, one: Person, at: int) -> Person:
    """The same person once more, entered by somebody else: another address, and the number or the company."""
    other = dict(one, email=f"private{at}@gmail.com")
    kind = at % 4
    if kind == 0:
        other["last_name"] = slip(draw, one["last_name"])
    elif kind == 1:
        other["first_name"] = SHORT[one["first_name"]]
    elif kind == 2:
        other["first_name"], other["last_name"] = one["last_name"], one["first_name"]
    else:
        other["last_name"] = slip(draw, one["last_name"])
        other["first_name"] = SHORT[one["first_name"]]
    del other["phone" if at % 3 == 0 else "company"]
    return other


def sharing(draw: random.Random, one: Person, at: int) -> Person:
    """Another person of the same company who answers the same phone."""
    first = draw.choice([each for each in FIRST if each != one["first_name"]])
    last = "".join(draw.choice(SYLLABLES) for _ in range(3)).capitalize()
    return dict(
        one, first_name=first, last_name=last, email=f"{first}{last}{at}@{one['email'].partition('@')[2]}".lower()
    )


async def make(work: Any, principal: Principal, wanted: list[Person]) -> list[str]:
    """Writes contacts, a thousand at a time, each as a new one, and answers their ids."""
    made: list[str] = []
    for start in range(0, len(wanted), 1000):
        async with calling(work, principal) as call:
            wishes = [
                wanted_contact(pb.UpsertContactRequest(**each, match_on=["id"]), principal.settings)
                for each in wanted[start : start + 1000]
            ]
            planning = await plan_contacts(call, wishes, [None] * len(wishes))
            await write_contacts(call, planning)
            made += [str(each.after.id) for each in planning.results if not isinstance(each, Refusal)]
    return made


def certain_pairs(crm: Crm) -> Iterator[frozenset[str]]:
    """Every pair of the band `certain`, page by page."""
    cursor = ""
    while True:
        page = crm.do("crm_find_duplicates", band="certain", page_size=100, cursor=cursor)
        yield from (frozenset((pair["first"]["id"], pair["second"]["id"])) for pair in page["pairs"])
        cursor = page["next_cursor"]
        if not cursor:
            return


async def test_planted_pairs_are_found_and_strangers_are_not(crm: Crm, stack: Any) -> None:
    """Of 500 people entered twice nine in ten are certain; of what is certain one in twenty at most are two people."""
    draw = random.Random(7)
    originals = people(draw, 2000)
    twice = [again(draw, each, at) for at, each in enumerate(originals[:500])]
    neighbours = [sharing(draw, each, at) for at, each in enumerate(originals[500:800])]
    for at in range(100):
        crm.do("crm_upsert_company", name=f"Firm {at}", domain=f"firm{at}.example")
    async with working(stack) as work:
        ids = await make(work, crm.principal, [*originals, *twice, *neighbours])
    planted = {frozenset((ids[at], ids[len(originals) + at])) for at in range(len(twice))}
    found = set(certain_pairs(crm))
    assert len(found & planted) >= 0.9 * len(planted)
    assert len(found & planted) >= 0.95 * len(found)


def test_two_people_behind_one_number_want_a_look_at_most(crm: Crm) -> None:
    """A shared number alone makes nobody one person, and says so."""
    phone = "+49 30 7654321"
    one = crm.do("crm_upsert_contact", name="Ada Lovelace", email="ada@a.example", phone=phone)["contact"]["id"]
    crm.do("crm_upsert_contact", name="Charles Babbage", email="cb@a.example", phone=phone, match_on=["email"])
    assert crm.do("crm_find_duplicates", contact_id=one)["pairs"] == []
    (pair,) = crm.do("crm_find_duplicates", contact_id=one, band="unlikely")["pairs"]
    assert {each["kind"] for each in pair["evidence"]} >= {"same_phone", "different_name"}


def test_people_told_apart_are_not_found_again(crm: Crm) -> None:
    """Who was said to be somebody else stays so."""
    ids = [
        crm.do(
            "crm_upsert_contact",
            name="Ada Lovelace",
            email=f"ada{at}@a{at}.example",
            phone="+49 30 7654321",
            match_on=["email"],
        )["contact"]["id"]
        for at in range(2)
    ]
    assert len(crm.do("crm_find_duplicates", contact_id=ids[0])["pairs"]) == 1
    told = crm.over_grpc("crm_merge_contacts", winner_id=ids[0], loser_ids=[ids[1]], not_duplicates=True)
    assert told["outcome"] == "remembered"
    assert crm.do("crm_find_duplicates", contact_id=ids[0])["pairs"] == []
