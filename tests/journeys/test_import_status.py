"""How long work stands, told over MCP and REST alike."""

import json
from uuid import UUID, uuid4

import pytest

from kontor_platform.data.ids import new_id
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.stack import Stack
from support.tenants import Tenant

INSERT = """
    INSERT INTO operation
        (tenant_id, id, kind, state, tool, actor, position, total, counters, report, created_at, started_at, updated_at)
    VALUES (%s, %s, 'import', 'processing', 'crm_import_contacts_csv', %s, 3000, 10000, %s, '{"file": "leads.csv"}',
        now(), now(), now())
"""
COUNTERS = {"rows": 3000, "created": 2990, "failed": 10, "code:email_invalid": 7, "code:option_unknown": 3}


@pytest.fixture
def operation(stack: Stack, tenant: Tenant) -> UUID:
    """An import on its way."""
    id = new_id()
    with stack.sql("crm-core") as admin:
        actor = json.dumps({"sub": str(tenant.actor("admin"))})
        admin.execute(INSERT, [tenant.id, id, actor, json.dumps(COUNTERS)])
    return id


@covers("crm_import_status")
async def test_an_agent_and_a_person_see_how_an_import_stands(
    tenant: Tenant, operation: UUID, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """Progress, counters by name and by code; the same answer at both doors, and in the list."""
    async with connect(tenant.key("agent_admin")) as agent, at_edge(tenant.key("admin")) as person:
        told = await agent.do("crm_import_status", operation_id=str(operation))
        recent = await agent.do("crm_import_status")
        seen = await person.do("/crm/import/status", {"operation_id": str(operation)})
        unknown = await agent.refused("crm_import_status", operation_id=str(uuid4()))
    assert told == seen
    assert told["summary"] == "Import is processing, 3000 of 10000 (30 %)"
    status = told["operation"]
    assert (status["state"], status["ended"], status["percent"], status["undo_tool"]) == ("processing", False, 30, "")
    assert {each["name"]: each["count"] for each in status["counters"]} == {"rows": 3000, "created": 2990, "failed": 10}
    assert {each["name"]: each["count"] for each in status["codes"]} == {"email_invalid": 7, "option_unknown": 3}
    assert [each["operation_id"] for each in recent["operations"]] == [str(operation)]
    assert unknown["code"] == "not_found"
    assert "crm_import_status" in unknown["message"]


async def test_others_learn_nothing_of_it(tenant: Tenant, operation: UUID, at_edge: ConnectEdge) -> None:
    """Who may not import is not told how imports stand."""
    async with at_edge(tenant.key("sales")) as person:
        refused = await person.post("/crm/import/status", {"operation_id": str(operation)})
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")
