"""Under forced row security the application role's plans use the indexes, from end to end of none."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql

from kontor_crm_core.activity import guests, keeping, linking, writing
from kontor_crm_core.activity.rules import Kind
from kontor_crm_core.deal import queries as deals
from kontor_crm_core.engagement import threads
from kontor_crm_core.pipeline import queries as pipelines
from kontor_crm_core.task import queries as tasks
from kontor_crm_core.timeline import queries as timeline
from kontor_crm_core.timeline.rules import KINDS

BIG = frozenset(
    {
        "activity",
        "activity_link",
        "activity_participant",
        "email_ref",
        "link_log",
        "association",
        "deal",
        "deal_stage_interval",
        "external_id",
        "record",
        "record_change",
    }
)
NEIGHBOURS, MINE, THEIRS = 20, 4000, 400
SLACK = 25
DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
FILL = """
CREATE TEMP TABLE made ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, n, now() - n * interval '1 hour' AS at FROM generate_series(1, %(rows)s) AS n;
INSERT INTO record (tenant_id, id, object_type)
    SELECT %(tenant)s, id, CASE n %% 2 WHEN 0 THEN 'activity' ELSE 'task' END FROM made;
INSERT INTO activity (tenant_id, id, version, kind, occurred_at, subject, actor_kind, actor_id, owner_id, status,
        priority, due_key, created_at, updated_at)
    SELECT %(tenant)s, id, 1, CASE n %% 2 WHEN 0 THEN 'note' ELSE 'task' END, at, 'subject', 'user', %(owner)s,
        %(owner)s, CASE n %% 2 WHEN 1 THEN 'open' END, CASE n %% 2 WHEN 1 THEN 'normal' END,
        CASE n %% 2 WHEN 1 THEN at END, at, at
    FROM made;
INSERT INTO deal (tenant_id, id, version, name, name_key, pipeline_id, stage_id, stage_kind, stage_entered_at,
        currency, probability, probability_source, forecast_category, forecast_category_source, opened_at, created_at,
        updated_at)
    SELECT d.tenant_id, made.id, 1, 'deal', 'deal ' || n, d.pipeline_id, s.id, s.kind, at, 'EUR', s.probability,
        'stage', s.forecast_category, 'stage', at, at, at
    FROM deal d JOIN stage s ON s.pipeline_id = d.pipeline_id AND s.position = 1, made WHERE d.id = %(record)s;
INSERT INTO deal_stage_interval (tenant_id, id, deal_id, version, pipeline_id, stage_id, entered_at, currency,
        probability, forecast_category, actor_kind, actor_id, operation_id)
    SELECT tenant_id, id, id, 1, pipeline_id, stage_id, opened_at, 'EUR', 10, 'pipeline', 'user', %(owner)s, id
    FROM deal WHERE tenant_id = %(tenant)s AND name = 'deal';
INSERT INTO activity_link (tenant_id, record_id, activity_id, occurred_at, kind, actor_id, actor_kind)
    SELECT %(tenant)s, %(record)s, id, at, CASE n %% 2 WHEN 0 THEN 'note' ELSE 'task' END, %(owner)s, 'user' FROM made;
INSERT INTO association_type (tenant_id, type_key, from_type, to_type, label, reverse_label, cardinality)
    VALUES (%(tenant)s, 'deal_contact', 'deal', 'contact', 'involves', 'takes part in', 'many') ON CONFLICT DO NOTHING;
INSERT INTO association (tenant_id, type_key, from_id, to_id, from_type, to_type, created_at, created_by,
        created_by_kind)
    SELECT %(tenant)s, 'deal_contact', id, %(record)s, 'deal', 'contact', at, %(owner)s, 'user' FROM made;
INSERT INTO activity_participant (tenant_id, activity_id, role, who, position, email, email_key)
    SELECT %(tenant)s, id, 'from', n || '@x.example', 0, n || '@x.example', n || '@x.example' FROM made;
INSERT INTO email_ref (tenant_id, message_id, thread_id) SELECT %(tenant)s, n || '@x', id FROM made;
INSERT INTO link_log (tenant_id, record_id, at, other_id, tie, kind, label, actor_id, actor_kind)
    SELECT %(tenant)s, %(record)s, at, id, 'unlink>x', 'unlink', 'x', %(owner)s, 'user' FROM made;
UPDATE activity SET external_id = n FROM made WHERE activity.id = made.id AND made.n %% 2 = 0;
INSERT INTO external_id (tenant_id, record_id, system, value, object_type)
    SELECT %(tenant)s, id, 'salesforce', n, 'company' FROM made;
INSERT INTO record_change (tenant_id, record_id, version, record_type, changes, actor_kind, actor_id, operation_id, at)
    SELECT %(tenant)s, %(record)s, n + 1000, 'deal', '[]', 'user', %(owner)s, id, at FROM made;
"""


@pytest.fixture
def filled(crm: Any, deal: str, stack: Any) -> Iterator[psycopg.Connection[Any]]:
    """The application role inside a tenant whose deal has a long history, between other tenants with theirs."""
    crowd = [(crm.principal, deal, MINE)]
    for _ in range(NEIGHBOURS):
        other = crm.stranger()
        crowd.append((other.principal, other.do("crm_create_deal", name="Theirs")["deal"]["id"], THEIRS))
    with stack.sql("crm-core") as connection:
        connection.autocommit = True
        connection.execute("SET search_path TO crm_core")
        for owner, record, rows in crowd:
            values = {"tenant": owner.tenant, "owner": owner.actor, "record": record, "rows": rows}
            with connection.transaction():
                for statement in FILL.split(";")[:-1]:
                    connection.execute(statement, values)
        connection.execute("ANALYZE")
        connection.execute("SET ROLE crm_core_app")
        connection.execute("SET jit TO off")
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(crm.principal.tenant),))
        yield connection
        connection.execute("RESET ROLE")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def wasteful(connection: psycopg.Connection[Any], statement: Executable, values: dict[str, Any]) -> list[str]:
    """The nodes that read a whole table or throw away more than they give."""
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}"
    rows = connection.execute(explain, {**compiled.params, **values}).fetchone()
    assert rows is not None
    told = rows[0] if isinstance(rows[0], list) else json.loads(rows[0])
    return [
        f"{node['Node Type']} on {node['Relation Name']}"
        for node in nodes(told[0]["Plan"])
        if node.get("Relation Name") in BIG
        and (
            node["Node Type"] == "Seq Scan"
            or node.get("Rows Removed by Filter", 0) > node["Actual Rows"] * node["Actual Loops"] + SLACK
        )
    ]


def test_every_query_is_a_range_of_an_index(crm: Any, deal: str, company: str, filled: psycopg.Connection[Any]) -> None:
    """Timelines, tasks, pipelines and links are read without a scan of what belongs to others."""
    tenant, me, now = crm.principal.tenant, crm.principal.actor, datetime.now(UTC)
    stage = crm.do("crm_get_record", id=deal)["deal"]["stage_id"]
    entries = timeline.Wanted(UUID(deal), KINDS)
    one_kind = timeline.Wanted(UUID(deal), ("note",))
    asked = entries.values(tenant)
    place = {"at": now - timedelta(hours=MINE // 2), "id": UUID(int=0), "tie": "", **timeline.page_values(entries, 11)}
    mine = tasks.Wanted(me, ("open",), None, None)
    week = tasks.Wanted(None, ("open",), (now - timedelta(days=7), now), None)
    of_deal = tasks.Wanted(None, ("open",), None, UUID(deal))
    latest = {"tenant": tenant, "records": [deal], "activities": [], "now": now}
    queries: dict[str, tuple[Executable, dict[str, Any]]] = {
        "timeline": (timeline.page(entries, continued=False), asked | place),
        "timeline, further on": (timeline.page(entries, continued=True), asked | place),
        "timeline, counted": (timeline.counts(entries), asked),
        "timeline, one kind": (timeline.page(one_kind, continued=False), asked | timeline.page_values(one_kind, 11)),
        "latest activity of a record": (linking.LATEST, latest),
        "people of an activity": (keeping.stored(tenant, UUID(deal)), {}),
        "threads of messages": (threads.threads_with(tenant, ["1@x", "2@x"]), {}),
        "a note of another system": (writing.of_system(tenant, Kind.NOTE, "2"), {}),
        "people with addresses": (guests.HOLDERS, {"tenant": tenant, "emails": ["1@x"], "phones": ["+49301"]}),
        "my tasks": (tasks.page(tenant, mine, None, 11), {}),
        "my tasks, further on": (tasks.page(tenant, mine, (now - timedelta(days=30), UUID(int=0)), 11), {}),
        "tasks of a week": (tasks.page(tenant, week, None, 11), {}),
        "tasks of a deal": (tasks.page(tenant, of_deal, None, 11), {}),
        "deals in a stage": (deals.deals_in(tenant, [UUID(stage)], 1000), {}),
        "how deals of a stage ended": (pipelines.observed(tenant, [UUID(stage)]), {}),
        "values of a stage": (pipelines.usage(tenant, [UUID(stage)]), {}),
        "links of a deal": (deals.linked(tenant, [UUID(deal)]), {}),
        "similar deals": (deals.similar_open(tenant, "widgets", UUID(company), UUID(int=0)), {}),
        "a company's id elsewhere": (deals.holder(tenant, "company", "salesforce", "001"), {}),
    }
    found = {name: wasteful(filled, statement, values) for name, (statement, values) in queries.items()}
    assert {name: nodes for name, nodes in found.items() if nodes} == {}
