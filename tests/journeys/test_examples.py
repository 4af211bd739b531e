"""The examples of docs/tools.md and /docs/tools, kept in `protos/examples/`: one story in which every tool is called.

`make examples` records them anew.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kontor_platform.contract.image import own_image
from support.clients import EdgeClient, McpClient, approved, content_of
from support.examples import Example, Levelled
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

Told = dict[str, Any]
Step = tuple[str, Callable[[Told], Mapping[str, Any]]]
STAGES = [
    {"label": "Contacted", "kind": "open", "probability": 20},
    {"label": "Offer sent", "kind": "open", "probability": 60},
    {"label": "Signed", "kind": "won"},
    {"label": "Gone", "kind": "lost"},
]
# One agent alone would reach the limit of an actor.
ADMINISTERED = {
    "crm_upsert_user",
    "crm_define_pipeline",
    "crm_define_property",
    "crm_list_properties",
    "crm_create_segment",
    "crm_find_duplicates",
    "crm_merge_contacts",
    "crm_unmerge_contacts",
    "crm_delete_record",
    "crm_restore_record",
    "crm_assign_owner",
    "crm_import_contacts_csv",
    "crm_import_status",
    "crm_export_contacts_csv",
    "crm_import_revert",
    "crm_create_api_key",
    "crm_revoke_api_key",
}
IN_BERLIN = {"field": "city", "op": "eq", "value": "Berlin"}
LIST = "email,first_name,last_name,company\nmax@brandt.example,Max,Brandt,Brandt AG\nkein-at,Eva,Ohm,Brandt AG\n"


def reached(told: Told, *path: str) -> str:
    """What lies under these names in the answers so far."""
    value: Any = told
    for name in path:
        value = value[name]
    return str(value)


def story(told: Told) -> list[Step]:
    """A sales team's week: what is called, with arguments that name what earlier calls answered."""
    ada = partial(reached, told, "crm_upsert_contact", "contact", "id")
    twin = partial(reached, told, "twin", "contact", "id")
    lund = partial(reached, told, "crm_upsert_company", "company", "id")
    deal = partial(reached, told, "crm_create_deal", "deal", "id")
    imported = partial(reached, told, "crm_import_contacts_csv", "operation_id")
    note = partial(reached, told, "crm_create_note", "note", "id")
    return [
        ("crm_whoami", lambda _: {}),
        ("crm_upsert_user", lambda _: {"email": "cem@example.com", "name": "Cem Aydin", "roles": ["sales"]}),
        ("crm_define_pipeline", lambda _: {"name": "Partners", "stages": STAGES}),
        (
            "crm_define_property",
            lambda _: {"object_type": "contact", "name": "lead_score", "type": "number", "label": "Lead score"},
        ),
        ("crm_list_properties", lambda _: {"object_type": "contact", "query": "lead score"}),
        (
            "crm_upsert_company",
            lambda _: {"name": "Lund Optics", "domain": "lund-optics.example", "city": "Berlin", "employees": 40},
        ),
        (
            "crm_upsert_contact",
            lambda _: {
                "first_name": "Ada",
                "last_name": "Lund",
                "email": "ada@lund-optics.example",
                "phone": "+49 30 1234567",
                "city": "Berlin",
                "company_id": lund(),
            },
        ),
        (
            "crm_set_property",
            lambda _: {"record_id": ada(), "properties": [{"name": "lead_score", "value": 87}]},
        ),
        (
            "crm_create_deal",
            lambda _: {
                "name": "Lenses",
                "pipeline": "Partners",
                "amount": "12500.00",
                "currency": "EUR",
                "close_date": "2030-06-28",
                "company_id": lund(),
                "contact_ids": [ada()],
            },
        ),
        ("crm_update_deal", lambda _: {"deal_id": deal(), "amount": "14000.00", "description": "Two hundred lenses."}),
        ("crm_update_pipeline", lambda _: {"deal_id": deal(), "stage": "Offer sent"}),
        ("crm_list_pipelines", lambda _: {"pipeline": "Partners"}),
        ("crm_create_note", lambda _: {"body": "Asked for a quote.", "record_ids": [ada(), deal()]}),
        (
            "crm_create_task",
            lambda _: {"title": "Send the offer", "due": "2030-03-29", "priority": "high", "record_ids": [deal()]},
        ),
        ("crm_list_tasks", lambda _: {"record_id": deal()}),
        (
            "crm_complete_task",
            lambda _: {"task_id": reached(told, "crm_create_task", "task", "id"), "outcome_note": "Sent by e-mail."},
        ),
        (
            "crm_log_call",
            lambda _: {
                "direction": "out",
                "outcome": "connected",
                "duration_s": 320,
                "occurred_at": "2026-01-20T10:00:00Z",
                "body": "Agreed on a trial.",
                "participants": [{"phone": "+49 30 123 45 67"}],
            },
        ),
        (
            "crm_log_meeting",
            lambda _: {
                "subject": "Kick-off",
                "starts_at": "2026-01-30T10:00:00Z",
                "ends_at": "2026-01-30T11:00:00Z",
                "location": "Berlin",
                "attendees": [{"email": "ada@lund-optics.example"}],
            },
        ),
        (
            "crm_log_email_engagement",
            lambda _: {
                "message_id": "<a1@lund-optics.example>",
                "direction": "in",
                "from": "Ada Lund <ada@lund-optics.example>",
                "to": ["sales@example.org"],
                "subject": "Offer",
                "body": "Please send it.",
                "sent_at": "2026-01-31T08:00:00Z",
            },
        ),
        ("crm_get_timeline", lambda _: {"record_id": ada(), "kinds": ["call", "meeting", "email"]}),
        ("crm_get_record", lambda _: {"id": ada()}),
        ("crm_lookup_customer", lambda _: {"query": "ada@lund-optics.example"}),
        ("crm_search_customers", lambda _: {"query": "lund"}),
        (
            "crm_search_advanced",
            lambda _: {
                "type": "contact",
                "filter": {"all": [IN_BERLIN, {"field": "lead_score", "op": "gte", "value": 50}]},
                "sorts": [{"field": "name"}],
                "explain": True,
            },
        ),
        (
            "crm_create_segment",
            lambda _: {"key": "visit", "name": "To be visited", "type": "contact", "kind": "static", "add": [ada()]},
        ),
        ("crm_list_segments", lambda _: {"type": "contact"}),
        ("crm_segment_members", lambda _: {"segment": "visit"}),
        (
            "crm_link_entities",
            lambda _: {"pairs": [{"from_id": deal(), "to_id": ada()}], "labels": ["decision maker"]},
        ),
        ("crm_list_associations", lambda _: {"record_id": deal()}),
        ("crm_delete_record", lambda _: {"id": note()}),
        ("crm_restore_record", lambda _: {"id": note()}),
        ("crm_find_duplicates", lambda _: {}),
        ("crm_merge_contacts", lambda _: {"winner_id": ada(), "loser_ids": [twin()]}),
        ("crm_unmerge_contacts", lambda _: {"contact_id": twin()}),
        ("crm_assign_owner", lambda _: {"owner": "cem@example.com", "record_ids": [deal()]}),
        ("crm_import_contacts_csv", lambda _: {"csv": LIST}),
        ("crm_import_status", lambda _: {"operation_id": imported()}),
        ("crm_export_contacts_csv", lambda _: {"columns": ["email", "company"]}),
        ("crm_import_revert", lambda _: {"operation_id": imported()}),
        (
            "crm_create_api_key",
            lambda _: {
                "name": "Inbox agent",
                "kind": "agent",
                "roles": ["sales"],
                "per_minute": 60,
            },
        ),
        ("crm_revoke_api_key", lambda _: {"id": reached(told, "crm_create_api_key", "key", "id")}),
    ]


async def told_anew(
    tenant: Tenant, agent: McpClient, admin: McpClient, approver: EdgeClient, person: EdgeClient
) -> AsyncIterator[Example]:
    """Lives through the story; agents ask, and a person approves what needs it."""
    levelled, told = Levelled(tenant.slug), Told()
    for tool, arguments_of in story(told):
        if tool == "crm_find_duplicates":
            twin = {"name": "Lund, Ada", "email": "ada.lund@home.example", "phone": "+49 30 1234567"}
            told["twin"] = await person.do("/crm/upsert_contact", twin | {"match_on": ["email"]})
        arguments = arguments_of(told)
        asking = admin if tool in ADMINISTERED else agent
        result = await asking.call(tool, **arguments)
        told[tool] = content_of(result)
        if told[tool].get("code") == "approval_required":
            told[tool] = await approved(asking, approver, tool, **arguments)
        assert "code" not in told[tool], (tool, told[tool])
        yield levelled.example(tool, arguments, told[tool])


async def test_every_example_is_what_a_call_answers(
    tenant: Tenant,
    connect: ConnectMcp,
    at_edge: ConnectEdge,
    repository: Path,
    pytestconfig: pytest.Config,
) -> None:
    """Each call of the story answers what its example says, and every tool has an example."""
    examples = repository / "protos" / "examples"
    async with (
        connect(tenant.key("agent")) as agent,
        connect(tenant.key("agent_admin")) as admin,
        at_edge(tenant.key("approver")) as approver,
        at_edge(tenant.key("admin")) as person,
    ):
        made = [each async for each in told_anew(tenant, agent, admin, approver, person)]
    tools = {each.name for each in own_image().operations() if each.policy.tool}
    assert {each.tool for each in made} == tools
    if pytestconfig.getoption("record_examples"):
        for each in made:
            each.path(examples).write_text(each.written())
    assert {each.stem for each in examples.glob("*.json")} == tools
    assert [each.tool for each in made if each.path(examples).read_text() != each.written()] == []
