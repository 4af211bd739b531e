"""One tenant of 200,000 records between 200 small ones, and a check of the plans that read it as the application.

Under row-level security a plan that looks right to an administrator reads whole indexes for the application, silently.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql

from kontor_platform.data.database import Database, Row, Values
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.terms import grams

PEOPLE, COMPANIES, NEIGHBOURS, THEIRS = 80_000, 20_000, 200, 20
# Activities and deals: a half each, linked to one deal and one contact, so that their histories are long.
WORK, WORK_OF_THEIRS = 100_000, 30
SLACK = 25
DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
# Letters for digits: a word with a digit is not found by its middle.
LETTERS = "translate({0}::text, '0123456789', 'abcdefghij')"
MADE = f"""
CREATE TEMP TABLE made AS
    SELECT t.tenant, t.deal, t.contact, t.owner, gen_random_uuid() AS id, n, 'last' || {LETTERS.format("n")} AS word,
        'first' || {LETTERS.format("(n % 50)")} AS first, n <= t.companies AS firm, now() - n * interval '1 hour' AS at
    FROM unnest(%(tenants)s::uuid[], %(deals)s::uuid[], %(contacts)s::uuid[], %(owners)s::uuid[], %(people)s::int[],
        %(companies)s::int[]) AS t(tenant, deal, contact, owner, people, companies),
        generate_series(1, t.people + t.companies) AS n;
CREATE TEMP TABLE worked AS
    SELECT t.tenant, t.deal, t.contact, t.owner, gen_random_uuid() AS id, n, n % 2 = 0 AS sold,
        now() - n * interval '1 hour' AS at
    FROM unnest(%(tenants)s::uuid[], %(deals)s::uuid[], %(contacts)s::uuid[], %(owners)s::uuid[], %(work)s::int[])
        AS t(tenant, deal, contact, owner, work), generate_series(1, t.work) AS n;
CREATE INDEX ON made (tenant, n);
ANALYZE made;
"""
CUSTOMERS = """
INSERT INTO record (tenant_id, id, object_type, terms)
    SELECT tenant, id, CASE WHEN firm THEN 'company' ELSE 'contact' END, ARRAY[first, word] FROM made;
INSERT INTO contact (tenant_id, id, name, name_key, owner_id, created_at, updated_at)
    SELECT tenant, id, word, word, CASE n % 10 WHEN 0 THEN owner END, at, at FROM made WHERE NOT firm;
INSERT INTO company (tenant_id, id, name, name_key, owner_id, created_at, updated_at)
    SELECT tenant, id, word, word, CASE n % 10 WHEN 0 THEN owner END, at, at FROM made WHERE firm;
INSERT INTO company_domain (tenant_id, company_id, domain, position)
    SELECT tenant, id, 'd' || n || '.example', 0 FROM made WHERE firm;
INSERT INTO contact_email (tenant_id, contact_id, email_key, raw, position)
    SELECT tenant, id, 'p' || n || '@x.example', 'p', 0 FROM made WHERE NOT firm;
INSERT INTO contact_phone (tenant_id, contact_id, phone_key, raw, e164, national_digits, position)
    SELECT tenant, id, '+49' || n, '+49' || n, '+49' || n, '0' || n, 0 FROM made WHERE NOT firm;
INSERT INTO external_id (tenant_id, record_id, system, value, object_type)
    SELECT tenant, id, 'hubspot', n, CASE WHEN firm THEN 'company' ELSE 'contact' END FROM made;
INSERT INTO search_term (tenant_id, object_type, term, record_id, fields)
    SELECT tenant, CASE WHEN firm THEN 'company' ELSE 'contact' END, term, id, bits
    FROM made,
        LATERAL (VALUES (first, 1), (word, 1), ('@p' || n || '@x.example', 16), ('+49' || n, 32),
            ('<' || reverse('49' || n), 32)) AS v(term, bits)
    ORDER BY 1, 2, 3, 4;
INSERT INTO association (tenant_id, type_key, from_id, to_id, from_type, to_type, is_primary, created_at, created_by,
        created_by_kind)
    SELECT m.tenant, 'contact_company', m.id, c.id, 'contact', 'company', true, m.at, m.owner, 'user'
    FROM made m JOIN made c ON c.tenant = m.tenant AND c.firm AND c.n = 1 + m.n % 5 WHERE NOT m.firm;
INSERT INTO record_change (tenant_id, record_id, version, record_type, changes, actor_kind, actor_id, operation_id, at)
    SELECT tenant, id, 1, 'contact', '[]', 'user', owner, id, at FROM made;
"""
HISTORIES = """
INSERT INTO record (tenant_id, id, object_type)
    SELECT tenant, id, CASE WHEN sold THEN 'deal' WHEN n % 4 = 1 THEN 'task' ELSE 'activity' END FROM worked;
INSERT INTO activity (tenant_id, id, version, kind, occurred_at, subject, actor_kind, actor_id, owner_id, status,
        priority, due_key, created_at, updated_at)
    SELECT tenant, id, 1, CASE WHEN n % 4 = 1 THEN 'task' ELSE 'note' END, at, 'subject', 'user', owner, owner,
        CASE WHEN n % 4 = 1 THEN 'open' END, CASE WHEN n % 4 = 1 THEN 'normal' END, CASE WHEN n % 4 = 1 THEN at END,
        at, at
    FROM worked WHERE NOT sold;
INSERT INTO activity_link (tenant_id, record_id, activity_id, occurred_at, kind, actor_id, actor_kind)
    SELECT w.tenant, r.id, w.id, at, CASE WHEN n % 4 = 1 THEN 'task' ELSE 'note' END, owner, 'user'
    FROM worked w, LATERAL (VALUES (CASE WHEN w.n % 20 = 1 THEN w.deal ELSE w.contact END)) AS r(id) WHERE NOT sold;
INSERT INTO deal (tenant_id, id, version, name, name_key, pipeline_id, stage_id, stage_kind, stage_entered_at,
        currency, probability, probability_source, forecast_category, forecast_category_source, opened_at, created_at,
        updated_at, owner_id)
    SELECT w.tenant, w.id, 1, 'deal', 'deal ' || n, d.pipeline_id, s.id, s.kind, at, 'EUR', s.probability, 'stage',
        s.forecast_category, 'stage', at, at, at, owner
    FROM worked w
    JOIN deal d ON d.tenant_id = %(tenant)s AND d.id = %(deal)s
    JOIN stage s ON s.tenant_id = d.tenant_id AND s.pipeline_id = d.pipeline_id AND s.position = 1 + w.n / 2 % 2
    WHERE sold;
INSERT INTO deal_stage_interval (tenant_id, id, deal_id, version, pipeline_id, stage_id, entered_at, currency,
        probability, forecast_category, actor_kind, actor_id, operation_id)
    SELECT w.tenant, w.id, w.id, 1, d.pipeline_id, d.stage_id, at, 'EUR', 10, 'pipeline', 'user', owner, w.id
    FROM worked w JOIN deal d ON d.tenant_id = w.tenant AND d.id = w.id WHERE sold;
INSERT INTO association (tenant_id, type_key, from_id, to_id, from_type, to_type, created_at, created_by,
        created_by_kind)
    SELECT tenant, 'deal_contact', id, contact, 'deal', 'contact', at, owner, 'user' FROM worked
    WHERE sold AND n % 10 = 0;
INSERT INTO record_change (tenant_id, record_id, version, record_type, changes, actor_kind, actor_id, operation_id, at)
    SELECT tenant, deal, n + 1000, 'deal', '[]', 'user', owner, id, at FROM worked WHERE n % 20 = 0;
INSERT INTO record_stat (tenant_id, record_id, last_activity_at)
    SELECT tenant, id, at FROM made WHERE n % 3 = 0;
INSERT INTO redirect (tenant_id, old_id, present_id) SELECT tenant, gen_random_uuid(), id FROM made WHERE n % 20 = 0;
INSERT INTO segment_member (tenant_id, segment_id, record_id, joined_at)
    SELECT tenant, owner, id, at FROM made WHERE n % 20 = 0;
"""
WORDS = """
INSERT INTO search_word SELECT DISTINCT tenant_id, object_type, term FROM search_term
WHERE term ~ '^(first|last)[a-j]{1,4}$' ON CONFLICT DO NOTHING
"""
GRAMS = """
INSERT INTO word_gram (tenant_id, object_type, gram, word)
SELECT w.tenant_id, w.object_type, g.gram, g.word FROM search_word w
JOIN unnest(%(grams)s::text[], %(words)s::text[]) AS g(gram, word) ON g.word = w.word ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
FORGET = "DROP TABLE made, worked"
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'crm_core' AND c.relkind = 'r' AND c.relrowsecurity ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the records go: a tenant with a deal and a contact made by the service itself."""

    tenant: UUID
    owner: UUID
    deal: UUID
    contact: UUID


def fill(connection: psycopg.Connection[Any], home: Home) -> None:
    """Makes the records as the administrator, with what the service would keep of them."""
    neighbours = [new_id() for _ in range(NEIGHBOURS)]
    several = 1 + NEIGHBOURS
    values: Mapping[str, Any] = {
        "tenant": home.tenant,
        "deal": home.deal,
        "tenants": [home.tenant, *neighbours],
        "deals": [home.deal, *neighbours],
        "contacts": [home.contact, *neighbours],
        "owners": [home.owner, *neighbours],
        "people": [PEOPLE, *[THEIRS - 5] * NEIGHBOURS],
        "companies": [COMPANIES, *[5] * NEIGHBOURS],
        "work": [WORK, *[WORK_OF_THEIRS] * (several - 1)],
    }
    with connection.transaction():
        connection.execute("SET LOCAL search_path TO crm_core")
        connection.execute("SET LOCAL session_replication_role TO replica")
        for part in (MADE, CUSTOMERS, HISTORIES):
            for statement in part.split(";\n")[:-1]:
                run(connection, statement, values)
        keep_words(connection)
        connection.execute(FORGET)
    for (table,) in connection.execute(TABLES).fetchall():
        connection.execute(f"VACUUM (ANALYZE) crm_core.{table}".encode())


def run(connection: psycopg.Connection[Any], statement: str, values: Mapping[str, Any]) -> None:
    """Runs a statement whose percent signs mean what they say unless a value is meant."""
    escaped = statement.replace("%", "%%").replace("%%(", "%(") if "%(" in statement else statement
    connection.execute(escaped.encode(), values if "%(" in statement else None)


def keep_words(connection: psycopg.Connection[Any]) -> None:
    """Keeps the words that terms are made of, and their grams."""
    connection.execute(WORDS)
    words = [
        word for (word,) in connection.execute("SELECT DISTINCT word FROM search_word WHERE word ~ '^(first|last)'")
    ]
    rows = [(gram, word) for word in words for gram in grams(word)]
    connection.execute(GRAMS, {"grams": [gram for gram, _ in rows], "words": [word for _, word in rows]})


@dataclass(slots=True)
class Filled:
    """The application role inside the tenant; collects the nodes of plans that waste."""

    connection: psycopg.Connection[Any]
    home: Home
    wasted: dict[str, list[str]] = field(default_factory=dict)

    def check(self, name: str, statement: str | Executable, values: Mapping[str, Any] | None = None) -> None:
        """Notes what the plan of a statement wastes."""
        text, parameters = written(statement)
        found = self.wasteful(text, {**parameters, **(values or {})})
        if found:
            self.wasted[name] = found

    def wasteful(self, statement: str, values: Values) -> list[str]:
        """The nodes that read a whole table or throw away more than they give."""
        row = self.connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values).fetchone()
        assert row is not None
        told = row[0] if isinstance(row[0], list) else json.loads(row[0])
        return [
            f"{node['Node Type']} on {node['Relation Name']}" for node in nodes(told[0]["Plan"]) if is_wasteful(node)
        ]


class Explaining(Database):
    """A database whose single reads are explained as well as done, inside the filled tenant."""

    def __init__(self, filled: Filled) -> None:
        super().__init__("postgresql://")
        self.filled, self.read_number, self.about = filled, 0, ""

    async def read(
        self, tenant: UUID, statement: str, values: Values, *, by_key: bool = False, restricted: bool = False
    ) -> list[Row]:
        """Rows of one statement, whose plan is noted if it wastes."""
        self.read_number += 1
        wasted = self.filled.wasteful(statement, values)
        if wasted:
            self.filled.wasted[f"{self.about}, statement {self.read_number}"] = wasted
        with self.filled.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute(statement.encode(), values).fetchall()


def written(statement: str | Executable) -> tuple[str, Mapping[str, Any]]:
    """A statement as the driver takes it, and its own values."""
    if isinstance(statement, str):
        return statement, {}
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    return str(compiled), compiled.params


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def is_wasteful(node: Mapping[str, Any]) -> bool:
    """Whether a node reads a whole table, or throws away more rows than it gives."""
    if "Relation Name" not in node or node["Relation Name"] in SMALL or not node["Actual Loops"]:
        return False
    thrown, given = node.get("Rows Removed by Filter", 0), node["Actual Rows"]
    return bool(node["Node Type"] == "Seq Scan" or thrown > given + SLACK / max(node["Actual Loops"], 1))


# A few rows a tenant: read whole in no time.
SMALL = frozenset(
    {"association_type", "blocklist_key", "pipeline", "stage", "property_definition", "segment", "tenant"}
)
