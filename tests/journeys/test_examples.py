"""The examples of docs/tools.md and /docs/tools, kept in `protos/examples/`: one story in which every tool is called.

`make examples` records them anew.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from kontor_platform.contract.image import own_image
from support.clients import EdgeClient, McpClient, content_of, let_through
from support.examples import Example, Levelled
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

Told = dict[str, Any]
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


class Ref(tuple[str, ...]):
    """What lies under these names in the answers so far."""

    __slots__ = ()

    def __new__(cls, *names: str) -> "Ref":
        """The way to a value, its tool first."""
        return super().__new__(cls, names)


ADA = Ref("crm_upsert_contact", "contact", "id")
TWIN = Ref("twin", "contact", "id")
LUND = Ref("crm_upsert_company", "company", "id")
DEAL = Ref("crm_create_deal", "deal", "id")
NOTE = Ref("crm_create_note", "note", "id")
IMPORTED = Ref("crm_import_contacts_csv", "operation_id")
# A sales team's week, call by call.
STORY: Sequence[tuple[str, Mapping[str, Any]]] = [
    ("crm_whoami", {}),
    ("crm_upsert_user", {"email": "cem@example.com", "name": "Cem Aydin", "roles": ["sales"]}),
    ("crm_define_pipeline", {"name": "Partners", "stages": STAGES}),
    (
        "crm_define_property",
        {"object_type": "contact", "name": "lead_score", "type": "number", "label": "Lead score"},
    ),
    ("crm_list_properties", {"object_type": "contact", "query": "lead score"}),
    (
        "crm_upsert_company",
        {"name": "Lund Optics", "domain": "lund-optics.example", "city": "Berlin", "employees": 40},
    ),
    (
        "crm_upsert_contact",
        {
            "first_name": "Ada",
            "last_name": "Lund",
            "email": "ada@lund-optics.example",
            "phone": "+49 30 1234567",
            "city": "Berlin",
            "company_id": LUND,
        },
    ),
    (
        "crm_set_property",
        {"record_id": ADA, "properties": [{"name": "lead_score", "value": 87}]},
    ),
    (
        "crm_create_deal",
        {
            "name": "Lenses",
            "pipeline": "Partners",
            "amount": "12500.00",
            "currency": "EUR",
            "close_date": "2030-06-28",
            "company_id": LUND,
            "contact_ids": [ADA],
        },
    ),
    ("crm_update_deal", {"deal_id": DEAL, "amount": "14000.00", "description": "Two hundred lenses."}),
    ("crm_update_pipeline", {"deal_id": DEAL, "stage": "Offer sent"}),
    ("crm_list_pipelines", {"pipeline": "Partners"}),
    ("crm_create_note", {"body": "Asked for a quote.", "record_ids": [ADA, DEAL]}),
    (
        "crm_create_task",
        {"title": "Send the offer", "due": "2030-03-29", "priority": "high", "record_ids": [DEAL]},
    ),
    ("crm_list_tasks", {"record_id": DEAL}),
    (
        "crm_complete_task",
        {"task_id": Ref("crm_create_task", "task", "id"), "outcome_note": "Sent by e-mail."},
    ),
    (
        "crm_log_call",
        {
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
        {
            "subject": "Kick-off",
            "starts_at": "2026-01-30T10:00:00Z",
            "ends_at": "2026-01-30T11:00:00Z",
            "location": "Berlin",
            "attendees": [{"email": "ada@lund-optics.example"}],
        },
    ),
    (
        "crm_log_email_engagement",
        {
            "message_id": "<a1@lund-optics.example>",
            "direction": "in",
            "from": "Ada Lund <ada@lund-optics.example>",
            "to": ["sales@example.org"],
            "subject": "Offer",
            "body": "Please send it.",
            "sent_at": "2026-01-31T08:00:00Z",
        },
    ),
    ("crm_get_timeline", {"record_id": ADA, "kinds": ["call", "meeting", "email"]}),
    ("crm_get_record", {"id": ADA}),
    ("crm_lookup_customer", {"query": "ada@lund-optics.example"}),
    ("crm_search_customers", {"query": "lund"}),
    (
        "crm_search_advanced",
        {
            "type": "contact",
            "filter": {"all": [IN_BERLIN, {"field": "lead_score", "op": "gte", "value": 50}]},
            "sorts": [{"field": "name"}],
            "explain": True,
        },
    ),
    (
        "crm_create_segment",
        {"key": "visit", "name": "To be visited", "type": "contact", "kind": "static", "add": [ADA]},
    ),
    ("crm_list_segments", {"type": "contact"}),
    ("crm_segment_members", {"segment": "visit"}),
    (
        "crm_link_entities",
        {"pairs": [{"from_id": DEAL, "to_id": ADA}], "labels": ["decision maker"]},
    ),
    ("crm_list_associations", {"record_id": DEAL}),
    ("crm_delete_record", {"id": NOTE}),
    ("crm_restore_record", {"id": NOTE}),
    ("crm_find_duplicates", {}),
    ("crm_merge_contacts", {"winner_id": ADA, "loser_ids": [TWIN]}),
    ("crm_unmerge_contacts", {"contact_id": TWIN}),
    ("crm_assign_owner", {"owner": "cem@example.com", "record_ids": [DEAL]}),
    ("crm_import_contacts_csv", {"csv": LIST}),
    ("crm_import_status", {"operation_id": IMPORTED}),
    ("crm_export_contacts_csv", {"columns": ["email", "company"]}),
    ("crm_import_revert", {"operation_id": IMPORTED}),
    (
        "crm_create_api_key",
        {
            "name": "Inbox agent",
            "kind": "agent",
            "roles": ["sales"],
            "per_minute": 60,
        },
    ),
    ("crm_revoke_api_key", {"id": Ref("crm_create_api_key", "key", "id")}),
]


def resolved(value: Any, told: Told) -> Any:
    """Arguments with what earlier calls answered in the place of each reference."""
    if isinstance(value, Ref):
        return reduce(getitem, value, told)
    if isinstance(value, Mapping):
        return {name: resolved(each, told) for name, each in value.items()}
    return [resolved(each, told) for each in value] if isinstance(value, list) else value


async def told_anew(
    tenant: Tenant, agent: McpClient, admin: McpClient, approver: EdgeClient, person: EdgeClient
) -> AsyncIterator[Example]:
    """Lives through the story; agents ask, and a person approves what needs it."""
    levelled, told = Levelled(tenant.slug), Told()
    for tool, arguments in STORY:
        if tool == "crm_find_duplicates":
            twin = {"name": "Lund, Ada", "email": "ada.lund@home.example", "phone": "+49 30 1234567"}
            told["twin"] = await person.do("/crm/upsert_contact", twin | {"match_on": ["email"]})
        given = resolved(arguments, told)
        asking = admin if tool in ADMINISTERED else agent
        result = await asking.call(tool, **given)
        told[tool] = content_of(result)
        if told[tool].get("code") == "approval_required":
            told[tool] = await let_through(asking, approver, told[tool], tool, **given)
        assert "code" not in told[tool], (tool, told[tool])
        yield levelled.example(tool, given, told[tool])


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
