"""Consent of two people, and consent given beforehand: what each lets through, and what it never does."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from kontor_platform.data.ids import new_id

from .test_approvals import WATER, code

pytestmark = pytest.mark.asyncio(loop_scope="session")

UPROOT = "garden_uproot_plant"
GRANTS = "/approvals/standing"


def actor(world: Any, key: str) -> str:
    """Who a key belongs to."""
    return str(world.governance.keys[key][0].actor)


async def given(world: Any, key: str, asking: str, **wanted: Any) -> dict[str, Any]:
    """A standing grant for the calls of an agent's key."""
    told = await world.post(key, GRANTS, {"tool": WATER, "agent": actor(world, asking), **wanted})
    assert told.status_code == 200, told.text
    return dict(told.json())


async def test_two_people_decide_where_the_tenant_is_strict(world: Any) -> None:
    """One approver's word is a vote; the call goes out after another's, and the same person has one."""
    people = world.governance.people("stern")
    second = world.governance.add(people.tenant, "stern", "user", "manager", "approver")
    arguments = {"id": await world.sow(people)}
    asked = await world.call(people.agent, UPROOT, arguments)
    approval = asked.structured_content["approval_id"]
    voted = (await world.decide(people.operator, approval)).json()
    assert (voted["status"], voted["votes_needed"], voted["approved_by"]) == (
        "pending",
        2,
        [actor(world, people.operator)],
    )
    waiting = await world.call(people.agent, UPROOT, arguments | {"approval_id": approval})
    assert code(waiting) == "approval_required"
    assert "1 of whom agreed" in waiting.structured_content["message"]
    twice = await world.decide(people.operator, approval)
    assert (twice.status_code, "second person" in twice.text) == (403, True)
    assert (await world.decide(second, approval)).json()["status"] == "approved"
    assert code(await world.call(people.agent, UPROOT, arguments | {"approval_id": approval})) == "ok"
    for step, times in (("approval.voted", 1), ("approval.approved", 1)):
        assert len(await world.audited(people.tenant, step)) == times


async def test_two_votes_at_once_of_one_person_are_one(world: Any) -> None:
    """However fast a person agrees twice, it is one vote."""
    people = world.governance.people("stern")
    asked = await world.call(people.agent, UPROOT, {"id": await world.sow(people)})
    approval = asked.structured_content["approval_id"]
    await asyncio.gather(*(world.decide(people.operator, approval) for _ in range(10)))
    shown = (await world.get(people.operator, f"/approvals/{approval}")).json()
    assert (shown["status"], shown["approved_by"]) == ("pending", [actor(world, people.operator)])


async def test_one_no_ends_a_call_that_needs_two(world: Any) -> None:
    """A denial needs no second vote, not even after a first yes."""
    people = world.governance.people("stern")
    second = world.governance.add(people.tenant, "stern", "user", "manager", "approver")
    arguments = {"id": await world.sow(people)}
    asked = await world.call(people.agent, UPROOT, arguments)
    await world.decide(people.operator, asked.structured_content["approval_id"])
    assert (await world.decide(second, asked.structured_content["approval_id"], "deny")).status_code == 200
    assert code(await world.call(people.agent, UPROOT, arguments)) == "approval_denied"


async def test_calls_that_fit_go_out_until_the_uses_are_gone(world: Any, people: Any) -> None:
    """The person behind an agent consents to two waterings of one plant; a third asks again."""
    plant = await world.sow(people)
    grant = await given(world, people.sales, people.agent, pinned={"id": plant}, uses=2)
    for litres in (1, 2):
        assert code(await world.call(people.agent, WATER, {"id": plant, "litres": litres})) == "ok"
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 3})) == "approval_required"
    assert await world.litres(people, plant) == 3
    (shown,) = (await world.get(people.sales, GRANTS)).json()["standing_grants"]
    assert (shown["id"], shown["status"], shown["uses_left"]) == (grant["id"], "used", 0)
    rows = await world.audited(people.tenant, WATER)
    assert [(row["outcome"], row["evidence"]) for row in rows] == [("ok", "E3"), ("ok", "E3"), ("asked", "E0")]
    steps = await world.audited(people.tenant, "approval.standing")
    assert [row["standing_grant"] for row in steps] == [grant["id"]] * 2


async def test_uses_are_counted_however_many_call_at_once(world: Any, people: Any) -> None:
    """Ten calls at once under five uses have five effects."""
    plant = await world.sow(people)
    await given(world, people.sales, people.agent, uses=5)
    answers = await asyncio.gather(
        *(world.call(people.agent, WATER, {"id": plant, "litres": litres}) for litres in range(1, 11))
    )
    assert sorted(map(code, answers)) == ["approval_required"] * 5 + ["ok"] * 5


@pytest.mark.parametrize(
    "narrower",
    [
        {"pinned": {"litres": 9}},
        {"pinned": {"note": "agreed"}},
        {"pinned": {"litres": None}},
        {"records": [str(uuid4())]},
        {"agent": str(uuid4())},
    ],
)
async def test_what_does_not_fit_asks(world: Any, people: Any, narrower: dict[str, Any]) -> None:
    """Another value, an argument that may not be there, another record, another agent: a person is asked."""
    plant = await world.sow(people)
    await given(world, people.sales, people.agent, **narrower)
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1})) == "approval_required"
    assert await world.litres(people, plant) == 0


async def test_records_named_are_the_only_ones_touched(world: Any, people: Any) -> None:
    """A grant for one record lets calls about it through."""
    plant, other = await world.sow(people), await world.sow(people)
    await given(world, people.sales, people.agent, records=[plant], uses=5)
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1})) == "ok"
    assert code(await world.call(people.agent, WATER, {"id": other, "litres": 1})) == "approval_required"


async def test_a_revoked_grant_ends_at_once(world: Any, people: Any) -> None:
    """The next call after the revocation asks; a stranger to the grant cannot revoke it, and nobody twice."""
    plant = await world.sow(people)
    grant = await given(world, people.sales, people.agent, uses=100)
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1})) == "ok"
    assert (await world.post(people.viewer, f"{GRANTS}/{grant['id']}/revoke")).status_code == 404
    assert (await world.post(people.operator, f"{GRANTS}/{grant['id']}/revoke")).json()["status"] == "revoked"
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 2})) == "approval_required"
    assert (await world.post(people.sales, f"{GRANTS}/{grant['id']}/revoke")).status_code == 409
    assert len(await world.audited(people.tenant, "standing.revoked")) == 1


@pytest.mark.parametrize(
    "change",
    ["expires_at = now()", "fingerprint = 'another'", "policy_version = 'another'"],
)
async def test_time_and_changes_of_the_tool_end_a_grant(world: Any, people: Any, change: str) -> None:
    """A grant is for the tool as it was, for its time."""
    plant = await world.sow(people)
    await given(world, people.sales, people.agent)
    await world.change(people.tenant, f"UPDATE standing_grants SET {change}")
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1})) == "approval_required"


async def test_outside_text_is_never_covered(world: Any, people: Any) -> None:
    """After outside text was read a person is asked, whatever was given beforehand."""
    plant = await world.sow(people)
    await given(world, people.sales, people.agent)
    tainted = await world.call(people.agent, WATER, {"id": plant, "litres": 1}, meta={"kontor/taint": True})
    assert code(tainted) == "approval_required"


async def test_a_giver_who_may_no_longer_enter_gives_nothing(world: Any, people: Any) -> None:
    """The word of somebody who was locked out, or is no approver any more, has ended."""
    plant, governance = await world.sow(people), world.governance
    await given(world, people.operator, people.lone_agent, uses=9)
    water = {"id": plant, "litres": 1}
    assert code(await world.call(people.lone_agent, WATER, water)) == "ok"
    principal = governance.keys[people.operator][0]
    world.directory.locked_out.add(principal.actor)
    assert code(await world.call(people.lone_agent, WATER, {"id": plant, "litres": 2})) == "approval_required"
    world.directory.locked_out.clear()
    governance.add(people.tenant, "usual", "user", "manager", actor=principal.actor)
    assert code(await world.call(people.lone_agent, WATER, {"id": plant, "litres": 3})) == "approval_required"
    assert await world.litres(people, plant) == 1


async def test_nobody_consents_for_an_agent_of_others(world: Any, people: Any) -> None:
    """A person who could not decide the call gives nothing by a grant."""
    plant = await world.sow(people)
    await given(world, people.viewer, people.agent)
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1})) == "approval_required"


async def test_an_operator_consents_to_named_records(world: Any, people: Any) -> None:
    """A call that an operator decides is covered by an approver's grant for its record, and by no other grant."""
    plant = await world.sow(people)
    wanted = {"tool": UPROOT, "agent": actor(world, people.agent)}
    assert (await world.post(people.sales, GRANTS, wanted | {"records": [plant]})).status_code == 403
    unbounded = await world.post(people.operator, GRANTS, wanted)
    assert (unbounded.status_code, unbounded.json()["field"]) == (422, "records")
    await given(world, people.operator, people.agent, tool=UPROOT, records=[plant])
    assert code(await world.call(people.agent, UPROOT, {"id": plant})) == "ok"
    assert (await world.audited(people.tenant, UPROOT))[-1]["evidence"] == "E4"


async def test_what_two_people_decide_cannot_be_given_beforehand(world: Any) -> None:
    """In strict mode an operator's call needs its two votes each time."""
    people = world.governance.people("stern")
    wanted = {"tool": UPROOT, "agent": actor(world, people.agent), "records": [str(new_id())]}
    refused = await world.post(people.operator, GRANTS, wanted)
    assert (refused.status_code, refused.json()["field"]) == (422, "tool")


async def test_agents_give_and_see_nothing(world: Any, people: Any) -> None:
    """Standing grants are for people; the attempt is audited, and a foreign grant does not exist."""
    wanted = {"tool": WATER, "agent": actor(world, people.agent)}
    assert (await world.post(people.agent, GRANTS, wanted)).status_code == 403
    assert (await world.get(people.agent, GRANTS)).status_code == 403
    assert [row["reason"] for row in await world.audited(people.tenant, "standing.give")] == ["permission_denied"]
    grant = await given(world, people.sales, people.agent)
    foreign = world.governance.people().operator
    assert (await world.get(foreign, GRANTS)).json()["standing_grants"] == []
    assert (await world.post(foreign, f"{GRANTS}/{grant['id']}/revoke")).status_code == 404
    assert (await world.get(people.operator, GRANTS)).json()["standing_grants"] == [grant]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tool": "garden_no_plant"}, "tool"),
        ({"tool": "garden_get_plant"}, "tool"),
        ({"agent": "somebody"}, "agent"),
        ({"uses": 0}, "uses"),
        ({"uses": 1_001}, "uses"),
        ({"minutes": 43_201}, "minutes"),
        ({"uses": "2"}, "uses"),
        ({"pinned": {"liters": 2}}, "liters"),
        ({"pinned": {"litres": "many"}}, "litres"),
        ({"records": ["fern"]}, "records.0"),
        ({"forever": True}, "forever"),
        ({"reason": "x" * 1_001}, "reason"),
    ],
)
async def test_a_faulty_grant_is_refused_with_its_field(
    world: Any, people: Any, body: dict[str, Any], field: str
) -> None:
    """Bad input names the field and gives nothing."""
    refused = await world.post(people.sales, GRANTS, {"tool": WATER, "agent": actor(world, people.agent), **body})
    told = refused.json()
    assert refused.status_code == 422, refused.text
    assert field in (told.get("field"), *(each["field"] for each in told.get("fields", [])))
    assert (await world.get(people.sales, GRANTS)).json()["standing_grants"] == []


async def test_the_audit_names_what_is_pinned_and_keeps_no_value(world: Any, people: Any) -> None:
    """Values may be personal, and the audit is kept for long."""
    grant = await given(world, people.sales, people.agent, pinned={"note": "for Ada Lovelace"})
    await world.post(people.sales, f"{GRANTS}/{grant['id']}/revoke")
    for step in ("standing.given", "standing.revoked"):
        (row,) = await world.audited(people.tenant, step)
        assert (row["id"], row["pinned"], row["given_by"]) == (grant["id"], ["note"], actor(world, people.sales))
    assert "Lovelace" not in repr(await world.rows(people.tenant, "SELECT * FROM outbox"))


async def test_secrets_are_not_pinned(world: Any, people: Any) -> None:
    """What is marked secret is kept nowhere, so it cannot be part of a pattern."""
    wanted = {"tool": "garden_sow_plant", "agent": actor(world, people.agent), "pinned": {"secret": "treasure"}}
    refused = await world.post(people.sales, GRANTS, wanted)
    assert (refused.status_code, refused.json()["field"]) == (422, "pinned.secret")
