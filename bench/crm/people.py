"""Draws people, companies and their habits from a seed, so that they are as hard to find as real ones."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

SURNAMES, FIRST_NAMES, COMPANIES = 50_000, 3_000, 50_000
FREE_MAIL = ("gmail.com", "yahoo.com", "outlook.com", "gmx.de", "web.de", "hotmail.com", "icloud.com", "mail.ru")
TITLES = ("CEO", "CTO", "Head of Sales", "Account Manager", "Engineer", "Assistant", "Buyer", "Director", "Consultant")
CITIES = ("Berlin", "München", "Paris", "Lyon", "London", "New York", "Chicago", "Zürich", "Wien", "Madrid", "Łódź")
COUNTRIES = ("DE", "FR", "GB", "US", "CH", "AT", "ES", "PL")
ONSETS = "b br ch d f g gr h j k kl l m n p pr r s sch st t tr v w z".split()  # noqa: SIM905
VOWELS = "a e i o u ai au ei ie".split()  # noqa: SIM905
CODAS = ["", "", "", "l", "n", "r", "s", "t", "ck", "ng", "rt"]
ACCENTS = str.maketrans({"a": "ä", "o": "ö", "u": "ü", "e": "é", "i": "í", "c": "ç", "n": "ñ", "s": "š"})
# First and last code point of the letters of eight scripts.
SCRIPTS = (
    (0x0430, 0x044F),
    (0x03B1, 0x03C9),
    (0x0627, 0x063A),
    (0x05D0, 0x05EA),
    (0x0915, 0x0939),
    (0x0E01, 0x0E2E),
    (0x4E00, 0x5FFF),
    (0xAC00, 0xB3FF),
)
COLUMNS = (
    "First Name",
    "Last Name",
    "Email",
    "Phone",
    "Job Title",
    "City",
    "Country",
    "Company",
    "Company Domain",
    "External ID",
    "Opted Out",
    "Second Email",
)
PROPERTIES = 20
TIMED_PROPERTIES = 3


@dataclass(frozen=True, slots=True)
class Drawn:
    """What people are drawn from."""

    surnames: Sequence[str]
    first_names: Sequence[str]
    companies: Sequence[str]
    surname_weights: Sequence[float]
    first_name_weights: Sequence[float]


def syllable(draw: random.Random) -> str:
    """One syllable."""
    return draw.choice(ONSETS) + draw.choice(VOWELS) + draw.choice(CODAS)


def latin(draw: random.Random) -> str:
    """A name of two to four syllables, in a fifth of cases with accents."""
    name = "".join(syllable(draw) for _ in range(draw.choice((2, 2, 3, 3, 4))))
    return (name.translate(ACCENTS) if draw.random() < 0.2 else name).capitalize()


def foreign(draw: random.Random) -> str:
    """A name in one of eight other scripts."""
    first, last = draw.choice(SCRIPTS)
    return "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(2, 6)))


def names(draw: random.Random, count: int) -> Sequence[str]:
    """Different names, a tenth of them in other scripts."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[foreign(draw) if draw.random() < 0.1 else latin(draw)] = None
    return list(found)


def zipf(count: int) -> Sequence[float]:
    """Cumulated weights by Zipf's law."""
    return list(accumulate(1 / rank for rank in range(1, count + 1)))


def drawn(seed: int) -> Drawn:
    """The names and companies of a seed."""
    draw = random.Random(seed)
    companies = [f"{latin(draw)} {draw.choice(('GmbH', 'Inc', 'SA', 'Ltd'))} {at}" for at in range(COMPANIES)]
    return Drawn(names(draw, SURNAMES), names(draw, FIRST_NAMES), companies, zipf(SURNAMES), zipf(FIRST_NAMES))


def ascii_part(name: str, fallback: str) -> str:
    """A name as an address holds it."""
    kept = "".join(each for each in name.lower() if each.isascii() and each.isalnum())
    return kept or fallback


def rows(world: Drawn, seed: int, count: int, properties: int, first: int = 0) -> Iterator[list[str]]:
    """Rows of a CSV file of so many people, from the given number on."""
    draw = random.Random(f"{seed}/{first}")
    before: list[str] = []
    for at in range(first, first + count):
        near_duplicate = before and draw.random() < 0.05
        row = duplicate(draw, before, at) if near_duplicate else person(world, draw, at)
        before = row
        yield row + [value(draw, number) for number in range(properties)]


def person(world: Drawn, draw: random.Random, at: int) -> list[str]:
    """One person's columns."""
    given = draw.choices(world.first_names, cum_weights=world.first_name_weights)[0]
    family = draw.choices(world.surnames, cum_weights=world.surname_weights)[0]
    company = draw.randrange(COMPANIES)
    free = draw.random() < 1 / 3
    domain = draw.choice(FREE_MAIL) if free else f"company{company}.example"
    email = f"{ascii_part(given, 'x')}.{ascii_part(family, 'y')}{at}@{domain}"
    return [
        given,
        family,
        email,
        phone(draw, at),
        draw.choice(TITLES),
        draw.choice(CITIES),
        draw.choice(COUNTRIES),
        world.companies[company],
        f"company{company}.example",
        f"ext-{at}",
        "yes" if draw.random() < 0.03 else "",
        f"{ascii_part(family, 'z')}{at}@{draw.choice(FREE_MAIL)}" if draw.random() < 0.1 else "",
    ]


def phone(draw: random.Random, at: int) -> str:
    """No number for three in ten; three in a hundred share one of a thousand; else one of their own."""
    kind = draw.random()
    if kind < 0.3:
        return ""
    number = draw.randrange(1000) if kind < 0.33 else 100_000 + at
    return f"+49 30 {number:08d}"


def duplicate(draw: random.Random, before: Sequence[str], at: int) -> list[str]:
    """The person before once more, with a slip in the name and another address."""
    given, family, *rest = before[: len(COLUMNS)]
    place = draw.randrange(len(family))
    rest[0] = f"{ascii_part(given, 'x')}{at}@{draw.choice(FREE_MAIL)}"
    rest[7], rest[9] = f"ext-{at}", ""
    return [given, family[:place] + family[place + 1 :] or family, *rest]


def value(draw: random.Random, number: int) -> str:
    """A custom property's value; the share of filled ones grows from 5 to 95 % with its number."""
    if draw.random() > 0.05 + 0.9 * number / max(PROPERTIES - 1, 1):
        return ""
    kind = property_type(number)
    if kind == "number":
        return str(draw.randrange(100_000))
    if kind == "date":
        return f"20{draw.randrange(10, 30)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
    if kind == "bool":
        return draw.choice(("true", "false"))
    return f"value {draw.randrange(2_000)}"


def property_type(number: int) -> str:
    """The type of a custom property by its number."""
    return ("text", "number", "date", "bool")[number % 4]


def sample(items: Iterator[list[str]], every: int, most: int) -> list[list[str]]:
    """Some of the rows, evenly spread."""
    return list(islice((row for at, row in enumerate(items) if at % every == 0), most))
