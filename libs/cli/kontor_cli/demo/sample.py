"""A small export of our own in the shape of the real files, the same at every run."""

import csv
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

SEED = 20260728
COMPANIES = 8
DEALS = 14
NAMES = ("Nordlicht", "Café Río", "Brückner & Söhne", "Åkerlund", "Linden", "Santa María", "Ōmura", "Kestrel")
KINDS = ("Systems", "Foods", "Logistics", "Textiles", "Energy", "Media", "Optics", "Instruments")
INDUSTRIES = ("Manufacturing", "Food & Beverage", "Transportation", "Media", "Utilities")
PLACES = (("Hamburg", "DE"), ("Sevilla", "ES"), ("Göteborg", "SE"), ("Osaka", "JP"), ("Toronto", "CA"))
STAGES = (
    ("Prospecting", 10),
    ("Needs Analysis", 20),
    ("Value Proposition", 50),
    ("Proposal/Price Quote", 75),
    ("Negotiation/Review", 90),
    ("Closed Won", 100),
    ("Closed Lost", 0),
)
WISHES = ("Widgets", "Sensors", "Displays", "Valves", "Lenses")
FIRST_DAY = date(2024, 1, 8)


def write_sample(directory: Path) -> tuple[Path, Path]:
    """Writes both files and answers their paths."""
    chance = random.Random(SEED)
    accounts = [account(number, chance) for number in range(COMPANIES)]
    opportunities = [opportunity(number, accounts[number % COMPANIES], chance) for number in range(DEALS)]
    directory.mkdir(parents=True, exist_ok=True)
    paths = (directory / "accounts.csv", directory / "opportunities.csv")
    for path, rows in zip(paths, (accounts, opportunities), strict=True):
        write(path, rows)
    return paths


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Writes rows as the exporting tool does: every cell in quotes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)


def account(number: int, chance: random.Random) -> dict[str, str]:
    """A company."""
    city, country = chance.choice(PLACES)
    return {
        "ID": f"001KONTOR{number:06d}AAA",
        "ISDELETED": "false",
        "NAME": f"{NAMES[number]} {KINDS[number]}",
        "BILLINGCITY": city,
        "BILLINGCOUNTRY": country,
        "PHONE": "",
        "WEBSITE": f"https://www.{KINDS[number].lower()}{number}.example" if number % 2 else "",
        "INDUSTRY": chance.choice(INDUSTRIES),
        "NUMBEROFEMPLOYEES": str(chance.randrange(5, 5_000)),
        "DESCRIPTION": "",
    }


def opportunity(number: int, company: Mapping[str, str], chance: random.Random) -> dict[str, str]:
    """A deal of a company."""
    stage, probability = STAGES[number % len(STAGES)]
    opened = FIRST_DAY + timedelta(days=chance.randrange(0, 90))
    wanted = chance.randrange(1, 50) * 100
    return {
        "ID": f"006KONTOR{number:06d}AAA",
        "ISDELETED": "false",
        "ACCOUNTID": company["ID"],
        "NAME": f"{company['NAME']} - {wanted:,} {chance.choice(WISHES)}",
        "DESCRIPTION": "",
        "STAGENAME": stage,
        "AMOUNT": f"{wanted * chance.randrange(10, 90)}.0",
        "PROBABILITY": f"{probability}.0",
        "CLOSEDATE": (opened + timedelta(days=chance.randrange(30, 120))).isoformat(),
        "ISCLOSED": str(stage.startswith("Closed")).lower(),
        "ISWON": str(stage == "Closed Won").lower(),
        "CREATEDDATE": f"{opened.isoformat()}T09:00:00.000Z",
    }
