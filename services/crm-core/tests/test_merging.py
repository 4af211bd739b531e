"""Merging loses nothing, and taking merges apart gives back what was, in any order."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest

from kontor_crm_core.record.state_hash import parts

from .conftest import Crm, person

PHONES = ["+49 30 1234501", "+49 30 1234502", "+49 30 1234503"]
TITLES = ["CEO", "CTO", "Buyer", None, None]
CITIES = ["Berlin", "Paris", None]


@dataclass
class World:
    """One tenant with the people, companies and notes of a history, by the names the history has for them."""

    crm: Crm
    ids: dict[str, str] = field(default_factory=dict)

    def make(self, draw: random.Random, people: int) -> None:
        """Makes companies, people, their links, notes and deals, all drawn."""
        for at in range(3):
            self.ids[f"company{at}"] = self.crm.do("crm_upsert_company", name=f"Company {at}", domain=f"c{at}.example")[
                "company"
            ]["id"]
        for at in range(people):
            self.person(draw, at)
        for at in range(people):
            if draw.random() < 0.5:
                self.link(f"person{at}", f"person{draw.randrange(people)}", "reports_to")
        for at in range(6):
            about = draw.sample(range(people), 2)
            self.note(f"note{at}", [f"person{each}" for each in about])
        for at in range(3):
            contacts = [self.ids[f"person{each}"] for each in draw.sample(range(people), 2)]
            self.ids[f"deal{at}"] = self.crm.do("crm_create_deal", name=f"Deal {at}", contact_ids=contacts)["deal"][
                "id"
            ]

    def person(self, draw: random.Random, at: int) -> None:
        """Makes a person who shares numbers and employers with others."""
        body: dict[str, Any] = {
            "first_name": f"First{at}",
            "emails": [f"p{at}@mail{each}.example" for each in range(draw.randrange(1, 3))],
            "phones": draw.sample(PHONES, draw.randrange(0, 3)),
            "external_ids": [{"system": "old", "value": f"{at}"}] if draw.random() < 0.5 else [],
            "match_on": ["email"],
        }
        body |= {"title": title} if (title := draw.choice(TITLES)) else {}
        body |= {"city": city} if (city := draw.choice(CITIES)) else {}
        name = f"person{at}"
        self.ids[name] = self.crm.do("crm_upsert_contact", **body)["contact"]["id"]
        for each in draw.sample(range(3), draw.randrange(0, 3)):
            self.link(
                name,
                f"company{each}",
                "contact_company",
                labels=draw.sample(["boss", "buyer", "user"], draw.randrange(0, 3)),
            )

    def link(self, one: str, other: str, kind: str, **more: Any) -> None:
        """Links two records, unless they cannot be."""
        if one != other:
            pair = {"from_id": self.ids[one], "to_id": self.ids[other]}
            self.crm.send("crm_link_entities", pairs=[pair], type=kind, **more)

    def note(self, name: str, about: list[str]) -> None:
        """Writes a note."""
        told = {"body": name, "record_ids": [self.ids[each] for each in about]}
        self.ids[name] = self.crm.do("crm_create_note", **told)["note"]["id"]

    def merge(self, winner: str, loser: str) -> dict[str, Any]:
        """Merges two people."""
        return self.crm.over_grpc("crm_merge_contacts", winner_id=self.ids[winner], loser_ids=[self.ids[loser]])

    def unmerge(self, loser: str) -> dict[str, Any]:
        """Takes a person out of another."""
        return self.crm.over_grpc("crm_unmerge_contacts", contact_id=self.ids[loser])

    def edit(self, name: str, at: int) -> None:
        """Changes a person in a way that no other does."""
        changed = {"id": self.ids[name], "title": f"Title {at}", "phone": f"+49 30 99{at:05d}"}
        self.crm.do("crm_upsert_contact", **changed)
        self.note(f"later{at}", [name])

    def told(self, connection: psycopg.Connection[Any]) -> dict[str, Any]:
        """Everything live in the tenant, with names in place of ids."""
        names = {each: name for name, each in self.ids.items()} | {str(self.crm.principal.actor): "me"}
        tenant = self.crm.principal.tenant

        def rows(query: str) -> list[Any]:
            found = connection.execute(query.encode(), {"tenant": tenant}).fetchall()
            return sorted(str([names.get(str(value), value) for value in row]) for row in found)

        return {name: rows(query) for name, query in TOLD.items()}


LIVE = "JOIN record r ON r.tenant_id = x.tenant_id AND r.id = x.{0} AND r.deleted_at IS NULL"
MINE = "WHERE x.tenant_id = %(tenant)s"
TOLD = {
    "contacts": f"SELECT id, name, first_name, title, city FROM contact x {MINE} AND deleted_at IS NULL",
    "emails": f"SELECT contact_id, raw, position, opted_out FROM contact_email x {MINE} AND live",
    "phones": f"SELECT contact_id, raw, e164, position FROM contact_phone x {MINE} AND live",
    "ids": f"SELECT record_id, system, value FROM external_id x {MINE} AND live",
    "links": f"SELECT x.type_key, from_id, to_id, labels, is_primary FROM association x {LIVE.format('from_id')} "
    f"JOIN record s ON s.tenant_id = x.tenant_id AND s.id = x.to_id AND s.deleted_at IS NULL {MINE}",
    "activities": f"SELECT record_id, activity_id FROM activity_link x {LIVE.format('record_id')} {MINE}",
    "terms": f"SELECT record_id, term, fields FROM search_term x {MINE} AND object_type = 'contact'",
    "redirects": f"SELECT old_id, present_id FROM redirect x {MINE}",
}
Step = tuple[str, str, str]


def history(draw: random.Random, people: int) -> tuple[list[Step], list[str]]:
    """Merges and edits in a valid order, and the people that were merged away."""
    roots = [f"person{at}" for at in range(people)]
    steps: list[Step] = []
    losers: list[str] = []
    for at in range(10):
        if draw.random() < 0.6 and len(roots) > 1:
            winner, loser = draw.sample(roots, 2)
            steps.append(("merge", winner, loser))
            roots.remove(loser)
            losers.append(loser)
        else:
            steps.append(("edit", draw.choice(roots), str(at)))
    return steps, losers


def played(world: World, steps: list[Step], without: set[str]) -> None:
    """Does what a history says, but for some merges."""
    for step, one, other in steps:
        if step == "edit":
            world.edit(one, int(other))
        elif other not in without:
            world.merge(one, other)


@pytest.mark.parametrize("seed", range(6))
def test_merges_taken_apart_in_any_order_leave_the_state_they_found(service: Crm, stack: Any, seed: int) -> None:
    """Whatever was merged into whatever, once all are apart again nothing differs."""
    draw = random.Random(seed)
    people = draw.randrange(4, 8)
    world = World(replace(service, principal=person()))
    world.make(draw, people)
    steps, losers = history(draw, people)
    draw.shuffle(losers)
    with stack.sql("crm-core") as connection:
        connection.autocommit = True
        before = parts(connection, world.crm.principal.tenant)
        played(world, [each for each in steps if each[0] == "merge"], set())
        merged = parts(connection, world.crm.principal.tenant)
        for loser in losers:
            world.unmerge(loser)
        assert parts(connection, world.crm.principal.tenant) == before
    assert (merged != before) == bool(losers)


@pytest.mark.parametrize("seed", range(6))
def test_taking_apart_leaves_what_the_other_merges_alone_would(service: Crm, stack: Any, seed: int) -> None:
    """In any order, the state is that of a tenant in which the undone merges never were."""
    draw = random.Random(seed)
    people = draw.randrange(4, 7)
    steps, losers = history(draw, people)
    undone = draw.sample(losers, draw.randrange(1, len(losers) + 1)) if losers else []
    world, twin = (World(replace(service, principal=person())) for _ in range(2))
    for each in (world, twin):
        each.make(random.Random(seed + 1000), people)
    played(world, steps, set())
    for loser in undone:
        world.unmerge(loser)
    played(twin, steps, set(undone))
    with stack.sql("crm-core") as connection:
        mine, theirs = world.told(connection), twin.told(connection)
    for name, rows in theirs.items():
        assert mine[name] == rows, f"{name} after {steps} without {undone}"
