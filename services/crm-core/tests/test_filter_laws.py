"""Whatever the filter and the order: all pages together are each matching record once, as Python finds them."""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from kontor_protos.kontor.crm.v1.properties_pb import DefinePropertyRequest, OptionInput
from kontor_protos.kontor.records.v1.filters_pb import Filter, Sort
from sqlalchemy import text

from kontor_crm_core.advanced.knowing import knowledge
from kontor_crm_core.property.service import Properties
from kontor_crm_core.record.objects import EMAILS, WRITER
from kontor_platform.data.ids import new_id
from kontor_platform.data.records import terms
from kontor_platform.data.records.definitions import definitions
from kontor_platform.data.records.filters.checking import checked
from kontor_platform.data.records.filters.ordering import orders
from kontor_platform.data.records.filters.search import Limits, searching
from kontor_platform.data.records.filters.selecting import select_ids
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.planned import Planned, ShelfChange
from kontor_platform.data.records.reading.basis import Reading
from kontor_platform.data.records.values import change, parse
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import Work

from .conftest import person
from .filtering import Person, matches, ordered
from .inside import calling, working

PEOPLE, COMPANIES = 120, 5
# What fails is told as drawn: making it smaller asks the database hundreds of times.
EXAMPLES, PHASES = 80, (Phase.explicit, Phase.generate)
CITIES = ("Zürich", "berlin", "Berlin", "São Paulo", "New York", "Łódź", "Bad Homburg vor der Höhe")
FIRST = ("Ada", "Bob", "Élise", "Dieter", "Ōta", "Anna Maria")
LAST = ("Müller", "Smith", "Smithers", "García Márquez", "O'Neil", "Lee")
TAGS = ("red", "green", "blue")
PROPERTIES: Sequence[dict[str, Any]] = (
    {"name": "score", "type": "number"},
    {"name": "tags", "type": "multi_select", "options": [OptionInput(value=tag, label=tag.title()) for tag in TAGS]},
    {"name": "due", "type": "date"},
    {"name": "seen", "type": "datetime"},
    {"name": "paid", "type": "money"},
    {"name": "vip", "type": "bool"},
    {"name": "remark", "type": "text"},
)
LINK = text(
    "INSERT INTO association (tenant_id, type_key, from_id, to_id, from_type, to_type, is_primary, created_at, "
    "created_by, created_by_kind) VALUES (:tenant, 'contact_company', :person, :company, 'contact', 'company', true, "
    "now(), :person, 'user')"
)
LINK_TYPE = text(
    "INSERT INTO association_type (tenant_id, type_key, from_type, to_type, label, reverse_label, cardinality) "
    "VALUES (:tenant, 'contact_company', 'contact', 'company', 'a', 'b', 'many') ON CONFLICT DO NOTHING"
)
WAYS = (
    Limits(ms=4_000),
    Limits(few=1, first=7, most=100_000, steps=(3, 4, 50), ms=4_000),
    Limits(few=100_000, ms=4_000),
)


class World:
    """A tenant with people in it, and a loop of its own to ask in."""

    def __init__(self, runner: asyncio.Runner, work: Work, principal: Principal, people: Sequence[Person]) -> None:
        self.runner, self.work, self.principal, self.people = runner, work, principal, people

    def __repr__(self) -> str:
        return "World()"

    def matching(self, filter: dict[str, Any]) -> list[Person]:
        """The people that meet a filter, as Python finds them."""
        told = json.loads(json.dumps(filter).replace('"me"', f'"{self.principal.actor}"'))
        return [each for each in self.people if matches(each, told)]

    def ids(self, filter: dict[str, Any] | None, sorts: Sequence[Any], size: int, limits: Limits) -> list[UUID]:
        """The ids of all pages, one after the other."""
        return self.runner.run(self._ids(filter, sorts, size, limits))

    async def _ids(self, filter: Any, sorts: Any, size: int, limits: Limits) -> list[UUID]:
        found: list[UUID] = []
        start = None
        while True:
            async with calling(self.work, self.principal) as call:
                tree = Filter.from_json(json.dumps(filter)) if filter else None
                known = await knowledge(call, "contact", tree)
                order = orders([Sort.from_json(json.dumps(each)) for each in sorts], known.types["contact"], known)
                page = await searching(call, checked(tree, "contact", known), known, limits).page(order, size, start)
            found += page.ids
            if start is None and not page.is_estimate and not page.more:
                assert page.total == len(found)
            if not page.more:
                return found
            start = page.positions[-1]

    def selected(self, filter: dict[str, Any], limit: int) -> list[UUID]:
        """The ids as jobs go through them."""
        return self.runner.run(self._selected(filter, limit))

    async def _selected(self, filter: dict[str, Any], limit: int) -> list[UUID]:
        found: list[UUID] = []
        async with calling(self.work, self.principal) as call:
            tree = Filter.from_json(json.dumps(filter))
            known = await knowledge(call, "contact", tree)
            while True:
                after = found[-1] if found else None
                chunk = await select_ids(call, checked(tree, "contact", known), known, after, limit)
                found += chunk
                if len(chunk) < limit:
                    return found


@pytest.fixture(scope="module")
def world(stack: Any) -> Iterator[World]:
    """People drawn from a seed, written by the one writer."""
    principal = person()
    with asyncio.Runner() as runner:
        exits = AsyncExitStack()
        work = runner.run(exits.enter_async_context(working(stack)))
        people = runner.run(populate(work, principal))
        yield World(runner, work, principal, people)
        runner.run(exits.aclose())


async def populate(work: Work, principal: Principal) -> list[Person]:
    """Writes companies, people and their links."""
    drawn = random.Random(7)
    async with calling(work, principal) as call:
        for told in PROPERTIES:
            await Properties().define_property(DefinePropertyRequest(object_type="contact", **told), call)
    async with calling(work, principal) as call:
        companies = [new_id() for _ in range(COMPANIES)]
        named = [{"name": f"Company {'ABCDE'[at]}", "employees": at * 10} for at in range(COMPANIES)]
        await WRITER.apply(
            call,
            [
                Planned(
                    "company",
                    id,
                    0,
                    {**told, "name_key": fold(str(told["name"]))},
                    terms=dict(terms.gathered(terms.of_text(str(told["name"]), terms.Field.NAME))),
                )
                for id, told in zip(companies, named, strict=True)
            ],
        )
        known = {each.name: each for each in (await definitions(call, "contact")).all}
        people, planned = [], []
        for at in range(PEOPLE):
            one = draw(drawn, at, principal, named)
            people.append(one)
            planned.append(plan(one, known))
        await WRITER.apply(call, planned)
        await link(call, people, companies, named)
    return people


def draw(drawn: random.Random, at: int, principal: Principal, companies: Sequence[dict[str, Any]]) -> Person:
    """One person."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "name": f"{drawn.choice(FIRST)} {drawn.choice(LAST)}",
        "created_at": now - timedelta(hours=drawn.randrange(0, 24 * 60)),
    }
    may: dict[str, Any] = {
        "city": drawn.choice(CITIES),
        "country": drawn.choice(("Germany", "Schweiz", "Côte d'Ivoire")),
        "owner_id": drawn.choice((principal.actor, UUID(int=7))),
        "email": [f"p{at}@{drawn.choice(('acme', 'other'))}.example"],
        "score": drawn.choice((-1.5, 0, 1, 2, 10, 1e6)),
        "tags": drawn.sample(TAGS, drawn.randrange(1, 3)),
        "due": date.today() + timedelta(days=drawn.randrange(-20, 20)),
        "seen": now + timedelta(hours=drawn.randrange(-500, 500)),
        "paid": (drawn.choice(("EUR", "USD")), Decimal(drawn.randrange(0, 500)) / 4),
        "vip": drawn.random() < 0.5,
        "remark": drawn.choice(("A long remark", "remark, short", "Über alles", "x")),
    }
    values |= {name: value for name, value in may.items() if drawn.random() < 0.7}
    return Person(new_id(), values, drawn.choice(companies) if drawn.random() < 0.6 else {})


def plan(one: Person, known: Any) -> Planned:
    """The person as the writer takes it."""
    values = one.values
    columns = {name: values.get(name) for name in ("name", "city", "country", "owner_id", "created_at")}
    properties = []
    for name, definition in known.items():
        if name in values:
            stored = parse(definition, as_json(values[name]), Reading("Europe/Berlin", "DE", "EUR"))
            properties.append(change(definition, stored))
    found = [*terms.of_text(values["name"], terms.Field.NAME), *terms.of_text(values.get("city", ""), terms.Field.CITY)]
    rows = [{"email_key": each, "raw": each, "position": at} for at, each in enumerate(values.get("email", ()))]
    return Planned(
        "contact",
        one.id,
        0,
        {**columns, "name_key": fold(values["name"])},
        properties=properties,
        shelves=[ShelfChange(EMAILS, added=rows)],
        terms=dict(terms.gathered(found)),
    )


def as_json(value: Any) -> Any:
    """A value as a caller would give it."""
    match value:
        case tuple():
            return f"{value[1]} {value[0]}"
        case datetime() | date():
            return value.isoformat()
    return value


async def link(call: Call, people: Sequence[Person], companies: Sequence[UUID], named: Sequence[Any]) -> None:
    """Links people to their companies."""
    await call.session.execute(LINK_TYPE, {"tenant": call.actor.tenant})
    for one in people:
        if one.employer:
            company = companies[named.index(one.employer)]
            await call.session.execute(LINK, {"tenant": call.actor.tenant, "person": one.id, "company": company})


def condition(field: str, op: str, *told: Any) -> dict[str, Any]:
    """A condition."""
    several = op in ("in", "not_in", "between", "any_of", "all_of", "none_of")
    values = {"values": list(told)} if several else {"value": told[0]} if told else {}
    return {"field": field, "op": op, **values}


def text_condition(field: str, samples: Sequence[str]) -> st.SearchStrategy[Any]:
    """Conditions on a text."""
    value = st.sampled_from([*samples, "smith", "ber", "a", "öhe", "nobody"])
    single = st.builds(
        condition,
        st.just(field),
        st.sampled_from(("eq", "neq", "lt", "gte", "not_contains", "starts_with", "has_word")),
        value,
    )
    looking = st.builds(
        condition, st.just(field), st.just("contains"), st.sampled_from(("smit", "erli", "üller", "new yo"))
    )
    listed = st.builds(condition, st.just(field), st.sampled_from(("in", "not_in")), value, value)
    return st.one_of(single, looking, listed, emptiness(field))


def emptiness(field: str) -> st.SearchStrategy[Any]:
    """Conditions on whether there is a value."""
    return st.builds(condition, st.just(field), st.sampled_from(("is_set", "is_empty")))


def ordered_condition(field: str, values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Conditions on values that have an order."""
    value = st.sampled_from(values)
    single = st.builds(condition, st.just(field), st.sampled_from(("eq", "neq", "lt", "lte", "gt", "gte")), value)
    pair = st.lists(value, min_size=2, max_size=2).map(
        lambda two: condition(field, "between", *sorted(two, key=float_or_text))
    )
    listed = st.builds(condition, st.just(field), st.sampled_from(("in", "not_in")), value, value)
    return st.one_of(single, pair, listed, emptiness(field))


def float_or_text(value: Any) -> Any:
    """What values of a condition are sorted by."""
    told = str(value).partition(" ")[0]
    return float(told) if "-" not in told[1:] else told


DAYS = [(date.today() + timedelta(days=offset)).isoformat() for offset in (-15, -3, 0, 4)]
RELATIVE = st.builds(
    condition,
    st.sampled_from(("due", "seen", "created_at")),
    st.sampled_from(("last_n_days", "next_n_days", "older_than_days")),
    st.sampled_from(("0", "3", "12")),
)
COMPANY = st.sampled_from(
    (
        {"type": "company"},
        {"type": "contact_company", "where": condition("name", "has_word", "a")},
        {"type": "company", "where": condition("employees", "gte", "20"), "quantifier": "any"},
        {"type": "company", "where": condition("employees", "lt", "20"), "quantifier": "none"},
    )
).map(lambda asked: {"assoc": asked})
LEAVES = st.one_of(
    text_condition("name", ["Ada Müller", "Bob Smith"]),
    text_condition("city", list(CITIES)),
    st.sampled_from([condition("country", "eq", "germany"), condition("country", "neq", "SCHWEIZ")]),
    st.sampled_from([condition("owner_id", "eq", "me"), condition("owner_id", "is_empty")]),
    st.sampled_from(
        [
            condition("email", "eq", "p3@acme.example"),
            condition("email", "contains", "acme"),
            condition("email", "starts_with", "p1"),
        ]
    ),
    ordered_condition("score", ["-1.5", "0", "2", "10.5", "1000000"]),
    ordered_condition("due", DAYS),
    ordered_condition("seen", DAYS),
    ordered_condition("created_at", DAYS),
    ordered_condition("paid", ["10 EUR", "62.25 EUR", "120 EUR"]),
    st.builds(
        condition,
        st.just("tags"),
        st.sampled_from(("any_of", "all_of", "none_of")),
        st.sampled_from(TAGS),
        st.sampled_from(TAGS),
    ),
    st.sampled_from([condition("vip", "eq", "true"), condition("vip", "neq", "true"), condition("vip", "is_empty")]),
    text_condition("remark", ["A long remark", "über alles"]),
    RELATIVE,
    COMPANY,
)


def empty_too(tree: dict[str, Any]) -> dict[str, Any]:
    """The condition with records without a value."""
    return tree | {"include_empty": True} if tree.get("op") in ("neq", "not_in", "not_contains", "none_of") else tree


def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Conditions joined."""
    return st.builds(
        lambda kind, nodes: {kind: nodes},
        st.sampled_from(("all", "any", "none")),
        st.lists(inner, min_size=1, max_size=3),
    )


NODES = st.one_of(LEAVES, LEAVES.map(empty_too))
FILTERS = st.one_of(NODES, groups(NODES), groups(st.one_of(NODES, groups(NODES))))
SORTS = st.lists(
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(
                ("name", "city", "country", "owner_id", "created_at", "score", "due", "seen", "paid", "vip", "remark")
            ),
            "direction": st.sampled_from(("asc", "desc")),
        }
    ),
    max_size=3,
    unique_by=lambda sort: sort["field"],
)


def is_alone(filter: Any) -> bool:
    """Whether a text that is not searchable is looked into and nothing narrows it, which is refused."""
    return any(word in json.dumps(filter) for word in ("contains", "has_word", "starts_with"))


@given(filter=FILTERS, sorts=SORTS, size=st.integers(1, 60), way=st.sampled_from(WAYS))
@settings(max_examples=EXAMPLES, phases=PHASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_pages_are_each_matching_record_once(
    world: World, filter: dict[str, Any], sorts: list[Any], size: int, way: Limits
) -> None:
    """Few or many, sorted or walked, in any order, with empties last: no record twice, none left out."""
    wide = {"all": [{"field": "created_at", "op": "gt", "value": "2000-01-01"}, filter]} if is_alone(filter) else filter
    wanted = ordered(world.matching(filter), sorts)
    note(f"{json.dumps(filter)} {sorts} {size} {way}")
    assert world.ids(wide, sorts, max(size, len(wanted) // 3), way) == wanted


@given(filter=FILTERS, limit=st.integers(1, 50))
@settings(max_examples=EXAMPLES // 4, phases=PHASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_jobs_go_through_the_same_records(world: World, filter: dict[str, Any], limit: int) -> None:
    """By id, in chunks of any size."""
    wide = {"all": [{"field": "created_at", "op": "gt", "value": "2000-01-01"}, filter]}
    wanted = sorted(each.id for each in world.matching(filter))
    assert world.selected(wide, limit) == wanted
