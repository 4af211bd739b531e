"""Owners are active users of the tenant, named by id or e-mail address; nobody else is taken."""

from typing import Any

import pytest

from kontor_platform.data.ids import new_id
from support.tenants import Tenant, create_tenant

SETTERS = ("crm_create_deal", "crm_create_task")
NAMES = {"crm_create_deal": "name", "crm_create_task": "title"}
ANSWERS = {"crm_create_deal": "deal", "crm_create_task": "task"}


def made(crm: Any, tool: str, owner: str) -> str:
    """The owner of what a tool made."""
    return str(crm.do(tool, **{NAMES[tool]: "Widgets"}, owner_id=owner)[ANSWERS[tool]]["owner_id"])


@pytest.mark.parametrize("tool", SETTERS)
def test_an_owner_is_named_by_id_or_address(crm: Any, tenant: Tenant, colleague: str, tool: str) -> None:
    """Both mean the same person, whatever the case of the letters."""
    address = f"BEA@{tenant.slug}.example"
    assert made(crm, tool, colleague) == colleague
    assert made(crm, tool, address) == made(crm, tool, address.lower()) == str(tenant.actor("approver"))


@pytest.mark.parametrize("tool", SETTERS)
def test_strangers_own_nothing(crm: Any, stack: Any, tenant: Tenant, tool: str) -> None:
    """An unknown id looks like another tenant's, and a mistyped address is met with the nearest there is."""
    theirs, nobody = str(create_tenant(stack).actor("admin")), str(new_id())
    told = [crm.refused(tool, **{NAMES[tool]: "x"}, owner_id=each) for each in (theirs, nobody)]
    assert {(each["code"], each["field"]) for each in told} == {("owner_not_found", "owner_id")}
    assert told[0]["message"].replace(theirs, nobody) == told[1]["message"]
    near = crm.refused(tool, **{NAMES[tool]: "x"}, owner_id=f"baa@{tenant.slug}.example")
    assert (near["code"], near["did_you_mean"]) == ("owner_not_found", f"bea@{tenant.slug}.example")


def test_who_was_deactivated_owns_nothing_new(crm: Any, stack: Any, tenant: Tenant) -> None:
    """The refusal says who it is."""
    address = f"bea@{tenant.slug}.example"
    with stack.sql("crm-governance") as connection:
        connection.execute(
            "UPDATE users SET active = false WHERE tenant_id = %s AND email_key = %s", (tenant.id, address)
        )
    refusal = crm.refused("crm_create_deal", name="x", owner_id=address)
    assert (refusal["code"], refusal["field"]) == ("owner_inactive", "owner_id")
    assert address in refusal["message"]
