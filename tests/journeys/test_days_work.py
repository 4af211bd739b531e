"""A day's work over MCP: notes, tasks and the shape of the pipeline, seen on the timeline."""

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

STAGES = [
    {"label": "Seen", "kind": "open", "probability": 20},
    {"label": "Signed", "kind": "won"},
    {"label": "Gone", "kind": "lost"},
]


@covers("crm_create_note", "crm_create_task", "crm_list_tasks", "crm_complete_task", "crm_get_timeline")
async def test_work_on_a_deal_is_told_by_its_timeline(
    tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """A note and a completed task stand on the deal's timeline, and the task leaves the open list."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        deal = (await approved(agent, operator, "crm_create_deal", name="Lenses"))["deal"]["id"]
        note = (await approved(agent, operator, "crm_create_note", body="Called.", record_ids=[deal]))["note"]
        task = (await approved(agent, operator, "crm_create_task", title="Send offer", record_ids=[deal]))["task"]
        before = (await agent.do("crm_list_tasks", record_id=deal))["tasks"]
        await approved(agent, operator, "crm_complete_task", task_id=task["id"])
        after = (await agent.do("crm_list_tasks", record_id=deal))["tasks"]
        told = (await agent.do("crm_get_timeline", record_id=deal))["entries"]
    assert ([each["id"] for each in before], after) == ([task["id"]], [])
    assert {note["id"], task["id"]} <= {each["id"] for each in told}


@covers("crm_define_pipeline", "crm_list_pipelines")
async def test_a_defined_pipeline_is_listed(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """Its stages come back in order, and defining it again changes nothing."""
    async with connect(tenant.key("agent_admin")) as agent, at_edge(tenant.key("operator")) as operator:
        made = await approved(agent, operator, "crm_define_pipeline", name="Partners", stages=STAGES)
        listed = (await agent.do("crm_list_pipelines", pipeline="Partners"))["pipelines"]
        again = await agent.do("crm_define_pipeline", name="Partners", stages=STAGES, dry_run=True)
    assert [each["label"] for each in listed[0]["stages"]] == ["Seen", "Signed", "Gone"]
    assert (made["outcome"], again["outcome"]) == ("created", "unchanged")
