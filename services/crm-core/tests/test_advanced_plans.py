"""Under forced row security every condition that drives a search is a range of an index, and so is every order."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from kontor_protos.kontor.records.v1.filters_pb import Filter, Sort

from kontor_crm_core.record.kinds import KINDS
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition, Definitions
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.checking import checked
from kontor_platform.data.records.filters.driving import ranges_in
from kontor_platform.data.records.filters.knowledge import Knowledge
from kontor_platform.data.records.filters.ordering import orders
from kontor_platform.data.records.filters.search import Search
from kontor_platform.data.records.filters.statements import OFF, Statements
from kontor_platform.data.records.filters.tree import Segment
from kontor_platform.data.records.reading.basis import Reading

MINE, THEIRS, NEIGHBOURS = 4_000, 400, 10
TENANT, SEGMENT = uuid4(), UUID(int=5)
TEXT, NUMBER, MONEY = (UUID(int=each) for each in (1, 2, 3))
SLACK = 60
FILL = """
CREATE TEMP TABLE made AS
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS company, n FROM generate_series(1, %(rows)s) n;
INSERT INTO record (tenant_id, id, object_type)
    SELECT %(tenant)s, id, 'contact' FROM made UNION ALL SELECT %(tenant)s, company, 'company' FROM made;
INSERT INTO contact (tenant_id, id, name, name_key, city, city_key, country, country_key, owner_id, created_at,
        updated_at)
    SELECT %(tenant)s, id, 'name' || n, 'name' || n, 'city' || n %% 100, 'city' || n %% 100, 'c' || n %% 200,
        'c' || n %% 200,
        company, now() - n * interval '1 hour', now() - n * interval '1 hour' FROM made;
INSERT INTO company (tenant_id, id, name, name_key, industry, industry_key, employees, created_at, updated_at)
    SELECT %(tenant)s, company, 'company' || n, 'company' || n, 'i' || n %% 300, 'i' || n %% 300, n, now(), now()
    FROM made;
INSERT INTO contact_email (tenant_id, contact_id, email_key, raw, position, opted_out)
    SELECT %(tenant)s, id, 'p' || n || '@x.example', 'p', 0, n %% 100 = 0 FROM made;
INSERT INTO contact_phone (tenant_id, contact_id, phone_key, raw, e164, national_digits, position)
    SELECT %(tenant)s, id, '+49' || n, 'p', '+4930' || 100000 + n, '030' || n, 0 FROM made;
INSERT INTO search_term (tenant_id, object_type, term, record_id, fields)
    SELECT %(tenant)s, 'contact', 'name' || n, id, 1 FROM made
    UNION ALL SELECT %(tenant)s, 'contact', 'city' || n %% 100, id, 8 FROM made;
INSERT INTO property_index (tenant_id, property_id, record_id, object_type, txt)
    SELECT %(tenant)s, '00000000-0000-0000-0000-000000000001', id, 'contact', 'value ' || n %% 150 FROM made;
INSERT INTO property_index (tenant_id, property_id, record_id, object_type, num)
    SELECT %(tenant)s, '00000000-0000-0000-0000-000000000002', id, 'contact', n FROM made;
INSERT INTO property_index (tenant_id, property_id, record_id, object_type, txt, big)
    SELECT %(tenant)s, '00000000-0000-0000-0000-000000000003', id, 'contact', 'EUR', n * 100 FROM made;
INSERT INTO association_type (tenant_id, type_key, from_type, to_type, label, reverse_label, cardinality)
    VALUES (%(tenant)s, 'contact_company', 'contact', 'company', 'a', 'b', 'many');
INSERT INTO association (tenant_id, type_key, from_id, to_id, from_type, to_type, is_primary, created_at, created_by,
        created_by_kind)
    SELECT %(tenant)s, 'contact_company', id, company, 'contact', 'company', true, now(), id, 'user' FROM made;
INSERT INTO record_stat (tenant_id, record_id, last_activity_at)
    SELECT %(tenant)s, id, now() - n * interval '1 hour' FROM made;
DROP TABLE made;
"""
BIG = frozenset(
    {
        "association",
        "company",
        "contact",
        "contact_email",
        "contact_phone",
        "property_index",
        "record_stat",
        "search_term",
        "segment_member",
    }
)
CONDITIONS: dict[str, Any] = {
    "name": {"field": "name", "op": "eq", "value": "name77"},
    "beginning of a name": {"field": "name", "op": "starts_with", "value": "name39"},
    "city, by terms": {"field": "city", "op": "eq", "value": "city7"},
    "country": {"field": "country", "op": "eq", "value": "c7"},
    "owner": {"field": "owner_id", "op": "eq", "value": "019a0000-0000-7000-8000-000000000001"},
    "period": {"field": "created_at", "op": "last_n_days", "value": "2"},
    "e-mail": {"field": "email", "op": "in", "values": ["p7@x.example", "p8@x.example"]},
    "beginning of an e-mail": {"field": "email", "op": "starts_with", "value": "p77"},
    "phone": {"field": "phone", "op": "eq", "value": "+4930100077"},
    "opted out": {"field": "opted_out", "op": "eq", "value": "true"},
    "last activity": {"field": "last_activity_at", "op": "last_n_days", "value": "2"},
    "text property": {"field": "label", "op": "eq", "value": "value 7"},
    "number property": {"field": "score", "op": "between", "values": ["10", "40"]},
    "money property": {"field": "paid", "op": "lt", "value": "0.5 EUR"},
    "company's industry": {"assoc": {"type": "company", "where": {"field": "industry", "op": "eq", "value": "i7"}}},
    "company's size": {"assoc": {"type": "company", "where": {"field": "employees", "op": "lt", "value": "30"}}},
    "segment": {"in_segment": "chosen"},
    "changed": {"changed": {"field": "city", "within": 1}},
}
SORTS = (
    [{"field": "created_at", "direction": "desc"}],
    [{"field": "updated_at"}],
    [{"field": "name"}],
    [{"field": "score", "direction": "desc"}],
    [{"field": "last_activity_at", "direction": "desc"}],
    [{"field": "created_at"}, {"field": "name", "direction": "desc"}],
)


def known() -> Knowledge:
    """What the filters are read with."""
    properties = [
        Definition(TEXT, "contact", "label", Type.TEXT),
        Definition(NUMBER, "contact", "score", Type.NUMBER),
        Definition(MONEY, "contact", "paid", Type.MONEY),
    ]
    return Knowledge(
        tenant=TENANT,
        now=datetime.now(UTC),
        types=KINDS,
        definitions={"contact": Definitions("contact", properties)},
        segments={"chosen": Segment(SEGMENT, "chosen", "Chosen", "contact", "static")},
        reading=Reading("UTC", "DE", "EUR"),
    )


class Explained(Statements):
    """Explains statements as the application role instead of running them; `plans` keeps what was said."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(None, TENANT, 60_000)  # type: ignore[arg-type]
        self.connection = connection
        self.plans: list[dict[str, Any]] = []

    async def rows(self, sql: str, values: Any, ms: int = 0) -> Any:
        """Nothing was found; the plan is kept."""
        told = self.connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", {**values, "tenant": TENANT}).fetchone()
        assert told is not None
        self.plans.append(told[0][0]["Plan"])
        return []


@pytest.fixture(scope="module")
def filled(stack: Any) -> Iterator[psycopg.Connection[Any]]:
    """The application role inside a tenant with many contacts, between other tenants with theirs."""
    with stack.sql("crm-core") as connection:
        connection.execute("SET search_path TO crm_core")
        for tenant, rows in [(TENANT, MINE), *((uuid4(), THEIRS) for _ in range(NEIGHBOURS))]:
            with connection.transaction():
                for statement in FILL.split(";")[:-1]:
                    connection.execute(statement, {"tenant": tenant, "rows": rows})
        connection.execute("ANALYZE")
        connection.execute("SET ROLE crm_core_app")
        connection.execute("SET jit TO off")
        for each in OFF:
            connection.execute(f"SET {each} TO off".encode())
        connection.execute("SET plan_cache_mode TO force_custom_plan")
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(TENANT),))
        yield connection
        connection.execute("RESET ROLE")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def wasteful(plan: dict[str, Any]) -> list[str]:
    """The nodes that read a whole table or throw away more than they give."""
    return [
        f"{node['Node Type']} on {node['Relation Name']}"
        for node in nodes(plan)
        if node.get("Relation Name") in BIG
        and (
            node["Node Type"] == "Seq Scan"
            or node.get("Rows Removed by Filter", 0) > node["Actual Rows"] * node["Actual Loops"] + SLACK
            or node["Actual Rows"] * node["Actual Loops"] > MINE
        )
    ]


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_is_a_range_of_an_index(filled: psycopg.Connection[Any], name: str) -> None:
    """Whatever it asks about: it reads what meets it, and nothing of others."""
    tree = Filter.from_json(json.dumps(CONDITIONS[name]))
    search = Search(checked(tree, "contact", known()), known(), Explained(filled))
    ranges = list(ranges_in(search.sources))
    assert ranges
    for each in ranges:
        explained = Explained(filled)
        asyncio.run(explained.rows(f"SELECT count(*) FROM ({each.sql}) s", search.parameters.values))
        assert [wasteful(plan) for plan in explained.plans] == [[]]


@pytest.mark.parametrize("sorts", SORTS, ids=lambda sorts: "-".join(each["field"] for each in sorts))
@pytest.mark.parametrize("deep", [False, True])
def test_a_page_is_read_in_the_order_of_an_index(filled: psycopg.Connection[Any], sorts: Any, deep: bool) -> None:
    """A step of a walk reads as many entries as it has records, however deep the page."""
    search = Search(checked(None, "contact", known()), known(), Explained(filled))
    order = orders([Sort.from_json(json.dumps(each)) for each in sorts], KINDS["contact"], known())
    at = (datetime.now(UTC) - timedelta(hours=MINE // 2)).isoformat()
    middle: dict[str, JSON] = {"name": "name2", "score": MINE // 2}
    position = (*(middle.get(each["field"], at) for each in sorts), str(UUID(int=0)))
    walk = search.walk(order)
    asyncio.run(walk.read(50, position if deep else None, 50))
    plan = walk.statements.plans[0]  # type: ignore[attr-defined]
    assert wasteful(plan) == []
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes(plan) if "Relation Name" in node) <= 100
