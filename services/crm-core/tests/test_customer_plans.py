"""Under forced row security the application role reads customers by ranges of indexes only."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from kontor_protos.kontor.crm.v1.common_pb import ExternalId
from kontor_protos.kontor.crm.v1.companies_pb import UpsertCompanyRequest
from kontor_protos.kontor.crm.v1.contacts_pb import UpsertContactRequest
from sqlalchemy import TextClause
from sqlalchemy.dialects import postgresql

from kontor_crm_core.association.queries import REACHED
from kontor_crm_core.company import matching as company_matching
from kontor_crm_core.company import reading as company_reading
from kontor_crm_core.company import renaming
from kontor_crm_core.company.wanted import wanted_company
from kontor_crm_core.contact import employer
from kontor_crm_core.contact import matching as contact_matching
from kontor_crm_core.contact import reading as contact_reading
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_crm_core.customer.queries import IDENTIFY, NEAR, PICTURES, SEARCH, WORD_COUNTS
from kontor_crm_core.record.finding import finding, used_of
from kontor_crm_core.record.queries import COUNTS_OF_ONE, HISTORY, RECORD
from kontor_platform.data.records.terms import IDENTIFIERS, bounds
from kontor_platform.runtime.principal import TenantSettings

BIG = frozenset(
    {
        "association",
        "company",
        "company_domain",
        "contact",
        "contact_email",
        "contact_phone",
        "external_id",
        "record",
        "record_change",
        "search_term",
    }
)
FOREIGN = [ExternalId(system="hubspot", value="7")]
CONTACT = UpsertContactRequest(email="p7@x.example", phone="+49301234567", external_ids=FOREIGN)
COMPANIES = (
    UpsertCompanyRequest(name="company7", domain="d7.example", external_ids=FOREIGN),
    UpsertCompanyRequest(name="company7"),
)
NEIGHBOURS, MINE, THEIRS = 20, 4000, 400
SLACK = 25
DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
FILL = """
CREATE TEMP TABLE made AS
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS company, n FROM generate_series(1, %(rows)s) AS n;
INSERT INTO record (tenant_id, id, object_type, terms)
    SELECT %(tenant)s, id, 'contact', ARRAY['first' || n %% 50, 'last' || n] FROM made;
INSERT INTO record (tenant_id, id, object_type, terms)
    SELECT %(tenant)s, company, 'company', ARRAY['company' || n] FROM made;
INSERT INTO contact (tenant_id, id, name, name_key, created_at, updated_at)
    SELECT %(tenant)s, id, 'last' || n, 'last' || n, now(), now() FROM made;
INSERT INTO company (tenant_id, id, name, name_key, created_at, updated_at)
    SELECT %(tenant)s, company, 'company' || n, 'company' || n, now(), now() FROM made;
INSERT INTO company_domain (tenant_id, company_id, domain, position)
    SELECT %(tenant)s, company, 'd' || n || '.example', 0 FROM made;
INSERT INTO contact_email (tenant_id, contact_id, email_key, raw, position)
    SELECT %(tenant)s, id, 'p' || n || '@x.example', 'p', 0 FROM made;
INSERT INTO contact_phone (tenant_id, contact_id, phone_key, raw, e164, national_digits, position)
    SELECT %(tenant)s, id, '+49' || n, '+49' || n, '+49' || n, '0' || n, 0 FROM made;
INSERT INTO external_id (tenant_id, record_id, system, value, object_type)
    SELECT %(tenant)s, id, 'hubspot', n, 'contact' FROM made;
INSERT INTO search_term (tenant_id, object_type, term, record_id, fields)
    SELECT %(tenant)s, 'contact', 'first' || n %% 50, id, 1 FROM made
    UNION ALL SELECT %(tenant)s, 'contact', 'last' || n, id, 1 FROM made
    UNION ALL SELECT %(tenant)s, 'company', 'company' || n, company, 1 FROM made;
INSERT INTO association_type (tenant_id, type_key, from_type, to_type, label, reverse_label, cardinality)
    VALUES (%(tenant)s, 'contact_company', 'contact', 'company', 'a', 'b', 'many') ON CONFLICT DO NOTHING;
INSERT INTO association (tenant_id, type_key, from_id, to_id, from_type, to_type, is_primary, created_at, created_by,
        created_by_kind)
    SELECT %(tenant)s, 'contact_company', id, company, 'contact', 'company', true, now(), id, 'user' FROM made;
INSERT INTO record_change (tenant_id, record_id, version, record_type, changes, actor_kind, actor_id, operation_id, at)
    SELECT %(tenant)s, id, 1, 'contact', '[]', 'user', id, id, now() FROM made;
DROP TABLE made;
"""


@pytest.fixture
def filled(crm: Any, contact: str, stack: Any) -> Iterator[psycopg.Connection[Any]]:
    """The application role inside a tenant with many customers, between other tenants with theirs."""
    crowd = [(crm.principal.tenant, MINE), *((crm.stranger().principal.tenant, THEIRS) for _ in range(NEIGHBOURS))]
    with stack.sql("crm-core") as connection:
        connection.execute("SET search_path TO crm_core")
        for tenant, rows in crowd:
            with connection.transaction():
                for statement in FILL.split(";")[:-1]:
                    connection.execute(statement, {"tenant": tenant, "rows": rows})
        connection.execute("ANALYZE")
        connection.execute("SET ROLE crm_core_app")
        connection.execute("SET jit TO off")
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(crm.principal.tenant),))
        yield connection
        connection.execute("RESET ROLE")


def ranges(words: list[str], prefix: str = "") -> dict[str, list[str]]:
    """The ranges of terms that begin with the words."""
    return {f"{prefix}lows": [bounds(word)[0] for word in words], f"{prefix}highs": [bounds(word)[1] for word in words]}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def wasteful(connection: psycopg.Connection[Any], statement: str, values: dict[str, Any]) -> list[str]:
    """The nodes that read a whole table or throw away more than they give."""
    row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).fetchone()
    assert row is not None
    told = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return [
        f"{node['Node Type']} on {node['Relation Name']}"
        for node in nodes(told[0]["Plan"])
        if node.get("Relation Name") in BIG
        and (
            node["Node Type"] == "Seq Scan"
            or node.get("Rows Removed by Filter", 0) > node["Actual Rows"] * node["Actual Loops"] + SLACK
        )
    ]


def by_keys(noun: str, matching: Any, wanted: list[Any], tenant: UUID) -> dict[str, tuple[str, dict[str, Any]]]:
    """The queries that find live and deleted records by keys."""
    keys = matching.sought(wanted)
    live = finding(used_of(keys, matching.BRANCHES), matching.COLUMNS)
    buried = finding(used_of(keys, matching.BURIED_BRANCHES), matching.BURIED_COLUMNS)
    values = keys.values(tenant)
    return {f"{noun} by keys": (compiled(live), values), f"deleted {noun} by keys": (compiled(buried), values)}


def compiled(statement: TextClause) -> str:
    """A statement as the driver takes it."""
    return str(statement.compile(dialect=DIALECT))


def test_every_query_is_a_range_of_an_index(crm: Any, contact: str, filled: psycopg.Connection[Any]) -> None:
    """Search, lookup, matching and reading are done without a scan of what belongs to others."""
    both = {"tenant": crm.principal.tenant, "types": ["contact", "company"]}
    start = {"worst": 0, "fewer": 0, "older": 0, "record": UUID(int=0), "limit": 11, "owner": None}
    search = both | start | {"identifiers": int(IDENTIFIERS), "candidates": 2000} | ranges([], "other_")
    one = {"tenant": crm.principal.tenant, "id": contact}
    key = {"query": "7", "email": "p7@x.example", "domain": "d7.example", "phones": ["+497"], "name": "last7"}
    links = {"type": "", "label": "", "record_type": "", "record": contact, "most": 1001, "limit": 11}
    first = {"after_depth": 0, "after_far": UUID(int=0), "after_type": "", "after_forward": False, "activities": False}
    companies = [wanted_company(each, TenantSettings()) for each in COMPANIES]
    queries: dict[str, tuple[str, dict[str, Any]]] = {
        "a word": (SEARCH, search | ranges(["last77"])),
        "a beginning": (SEARCH, search | ranges(["last3"])),
        "two words": (SEARCH, search | ranges(["last77"]) | ranges(["first2"], "other_")),
        "words counted": (WORD_COUNTS, both | ranges(["last7", "first2"]) | {"most": 100}),
        "words near": (NEAR, both | ranges(["la"])),
        "identified": (IDENTIFY, both | key | {"id": contact, "phone_field": 32, "limit": 10}),
        "whole contact": (PICTURES["contact"], one),
        "whole company": (PICTURES["company"], one),
        "record": (RECORD, one),
        "history": (HISTORY, one | {"limit": 20}),
        "counts": (COUNTS_OF_ONE, one),
        "links": (REACHED, both | links | first | {"depth": 1}),
        "links in two steps": (REACHED, both | links | first | {"depth": 2}),
        **by_keys("contacts", contact_matching, [wanted_contact(CONTACT, TenantSettings())], crm.principal.tenant),
        **by_keys("companies", company_matching, companies, crm.principal.tenant),
        "contacts as plans need them": (compiled(contact_reading.STATES), one | {"ids": [contact]}),
        "companies as plans need them": (compiled(company_reading.STATES), one | {"ids": [contact]}),
        "companies of contacts": (
            compiled(employer.FIND),
            both | {"ids": [UUID(contact)], "domains": ["d7.example"], "names": ["company7"]},
        ),
        "people of a company": (
            compiled(renaming.STAFF),
            both | {"companies": [contact], "after": renaming.FIRST, "limit": 1000},
        ),
    }
    found = {name: wasteful(filled, statement, values) for name, (statement, values) in queries.items()}
    assert {name: nodes for name, nodes in found.items() if nodes} == {}
