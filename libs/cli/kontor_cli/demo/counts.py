"""Counts the same things three ways: over MCP, over REST through the edge, and in the database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from kontor_cli.demo.agent import Agent
from kontor_cli.demo.salesforce import SYSTEM
from kontor_cli.demo.work import at_once
from kontor_cli.talk.edge import EdgeClient

COMPANIES, DEALS = "companies of the files", "deals of the files"
FOUND = "SELECT count(*) FROM external_id WHERE system = %s AND object_type = %s AND value = ANY(%s) AND live"
STAGES = """
    SELECT stage.label, count(deal.id)
    FROM stage LEFT JOIN deal
      ON deal.tenant_id = stage.tenant_id AND deal.stage_id = stage.id AND deal.deleted_at IS NULL
    WHERE stage.archived_at IS NULL AND stage.tenant_id = %s
    GROUP BY stage.label
"""


@dataclass(frozen=True, slots=True)
class EdgeReader:
    """Reads over REST."""

    edge: EdgeClient

    async def read(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the operation answers."""
        path = f"/crm/{tool.removeprefix('crm_')}"
        if tool == "crm_lookup_customer":
            return await self.edge.get(path, {name: str(value) for name, value in arguments.items()})
        return await self.edge.post(path, arguments)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted: ids of the files' records in the other system, and of the deals here."""

    companies: Sequence[str]
    deals: Sequence[str]
    deal_ids: Sequence[str]


Counts = Mapping[str, int]


async def counted(reader: Agent | EdgeReader, asked: Asked) -> Counts:
    """Counts by reading every record, and by what the pipelines tell of their stages."""

    async def is_company(value: str) -> bool:
        found = await reader.read("crm_lookup_customer", {"query": value})
        return carries(found.get("company"), value)

    async def deal_value(record: str) -> bool:
        found = await reader.read("crm_get_record", {"id": record})
        return any(carries(found.get("deal"), value) for value in asked.deals)

    companies = sum(await at_once(is_company, asked.companies))
    deals = sum(await at_once(deal_value, asked.deal_ids))
    return {COMPANIES: companies, DEALS: deals, **stages_told(await reader.read("crm_list_pipelines", {}))}


def carries(record: Mapping[str, Any] | None, value: str) -> bool:
    """Whether a record has an id in the other system."""
    return {"system": SYSTEM, "value": value} in (record or {}).get("external_ids", [])


def stages_told(answer: Mapping[str, Any]) -> Counts:
    """Deals by stage as the pipelines tell them."""
    found: Counter[str] = Counter()
    for pipeline in answer["pipelines"]:
        for stage in pipeline["stages"]:
            found[f"in {stage['label']}"] += stage["deals"]
    return found


def counted_by_sql(url: str, tenant: str, asked: Asked) -> Counts:
    """Counts rows as the service's own role, which sees one tenant."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (tenant,))
        return {
            COMPANIES: number(connection, "company", asked.companies),
            DEALS: number(connection, "deal", asked.deals),
            **{f"in {label}": count for label, count in connection.execute(STAGES, (tenant,))},
        }


def number(connection: psycopg.Connection[TupleRow], kind: str, values: Sequence[str]) -> int:
    """How many of those ids a record of that kind has."""
    row = connection.execute(FOUND, (SYSTEM, kind, list(values))).fetchone()
    return int(row[0]) if row else 0
