"""Approvals: given by people, for one exact call, used once. The probes of the protocol page, one test each."""

import asyncio
import unicodedata
from typing import Any
from uuid import uuid4

import pytest
from mcp import MCPError
from mcp_types import ElicitRequestURLParams, ElicitResult

pytestmark = pytest.mark.asyncio(loop_scope="session")

WATER = "garden_water_plant"


def code(result: Any) -> str:
    """The code of a refusal, `ok` for an answer."""
    return str(result.structured_content["code"]) if result.is_error else "ok"


async def test_write_waits_for_a_person_and_happens_once(world: Any, people: Any) -> None:
    """A write asks, shows what it would do, runs after the decision, and a repeat answers the first result."""
    plant = await world.sow(people)
    asked = await world.call(people.agent, WATER, {"id": plant, "litres": 2})
    told = asked.structured_content
    assert (told["code"], told["level"], told["preview"]["records"]) == ("approval_required", "user", 1)
    assert await world.litres(people, plant) == 0
    again = await world.call(people.agent, WATER, {"id": plant, "litres": 2})
    assert again.structured_content["approval_id"] == told["approval_id"]
    assert (await world.decide(people.other_sales_key, told["approval_id"])).json()["evidence"] == "E3"
    arguments = {"id": plant, "litres": 2, "approval_id": told["approval_id"]}
    done = await world.call(people.agent, WATER, arguments)
    assert done.structured_content["litres"] == 2
    repeated = await world.call(people.agent, WATER, arguments)
    assert repeated.structured_content == done.structured_content
    assert repeated.meta["kontor/replayed"] is True
    assert await world.litres(people, plant) == 2
    rows = await world.audited(people.tenant, WATER)
    assert [row["outcome"] for row in rows] == ["asked", "asked", "ok", "replayed"]
    assert rows[2]["evidence"] == "E3"
    for step in ("approval.asked", "approval.approved", "approval.consumed"):
        assert len(await world.audited(people.tenant, step)) == 1


async def test_alias_leads_to_the_same_approval(world: Any, people: Any) -> None:
    """The dotted name is resolved before anything is decided, and arguments in another order are the same call."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    done = await world.call(people.agent, "garden.water_plant", {"litres": 1, "id": plant, "approval_id": approval})
    assert code(done) == "ok"


@pytest.mark.parametrize("name", [WATER, "garden.water_plant"])
async def test_changed_argument_is_refused(world: Any, people: Any, name: str) -> None:
    """An approval is for its arguments, whatever name the tool is called by."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    assert (
        code(await world.call(people.agent, name, {"id": plant, "litres": 9, "approval_id": approval}))
        == "approval_invalid"
    )
    assert await world.litres(people, plant) == 0


async def test_other_unicode_form_is_another_call(world: Any, people: Any) -> None:
    """Text that only looks the same is another call."""
    plant = await world.sow(people)
    composed = {"id": plant, "litres": 1, "note": "caf\u00e9"}
    approval = await world.approved(people, WATER, composed)
    decomposed = composed | {"note": unicodedata.normalize("NFD", composed["note"]), "approval_id": approval}
    assert code(await world.call(people.agent, WATER, decomposed)) == "approval_invalid"


@pytest.mark.parametrize("who", ["lone_agent", "other_sales_key", "foreign"])
async def test_approval_of_another_caller_is_refused(world: Any, people: Any, who: str) -> None:
    """Another actor, another key of the person, another tenant: none can use the approval."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    used = await world.call(getattr(people, who), WATER, {"id": plant, "litres": 1, "approval_id": approval})
    assert code(used) == "approval_invalid"
    assert await world.litres(people, plant) == 0


async def test_unknown_approval_is_refused(world: Any, people: Any) -> None:
    """A guessed id is refused like a foreign one."""
    plant = await world.sow(people)
    used = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": str(uuid4())})
    assert code(used) == "approval_invalid"


async def test_expired_approval_asks_anew(world: Any, people: Any) -> None:
    """After its time an approval is worth nothing, and the call asks again."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    await world.change(people.tenant, "UPDATE approvals SET expires_at = now() - interval '1 second'")
    used = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": approval})
    assert code(used) == "approval_required"
    assert used.structured_content["approval_id"] != approval
    assert (await world.decide(people.operator, approval)).status_code == 409


async def test_denied_call_says_why(world: Any, people: Any) -> None:
    """A denial is told with the person's reason, with the id and without."""
    plant = await world.sow(people)
    asked = await world.call(people.agent, WATER, {"id": plant, "litres": 1})
    approval = asked.structured_content["approval_id"]
    assert (await world.decide(people.operator, approval, "deny", "It is raining.")).status_code == 200
    for more in ({}, {"approval_id": approval}):
        refused = await world.call(people.agent, WATER, {"id": plant, "litres": 1} | more)
        assert code(refused) == "approval_denied"
        assert "It is raining." in refused.structured_content["message"]


@pytest.mark.parametrize("column", ["fingerprint", "policy_version"])
async def test_changed_tool_or_policy_voids_the_approval(world: Any, people: Any, column: str) -> None:
    """An approval given for another form of the tool or under another policy is refused; asking again works."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    await world.change(people.tenant, f"UPDATE approvals SET {column} = 'another'")
    used = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": approval})
    assert code(used) == "approval_invalid"
    anew = await world.call(people.agent, WATER, {"id": plant, "litres": 1})
    assert anew.structured_content["approval_id"] != approval


async def test_revoked_approval_is_refused(world: Any, people: Any) -> None:
    """A revoked approval is refused."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    await world.change(people.tenant, "UPDATE approvals SET status = 'revoked'")
    used = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": approval})
    assert code(used) == "approval_invalid"


async def test_moved_record_voids_the_approval(world: Any, people: Any) -> None:
    """A record that changed since the preview is not written."""
    plant = await world.sow(people)
    first = await world.approved(people, WATER, {"id": plant, "litres": 1})
    second = await world.approved(people, WATER, {"id": plant, "litres": 2})
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 2, "approval_id": second})) == "ok"
    used = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": first})
    assert code(used) == "approval_invalid"
    assert await world.litres(people, plant) == 2


async def test_assertion_is_no_evidence_in_verified(world: Any, people: Any) -> None:
    """`user_approved` alone runs nothing by default."""
    plant = await world.sow(people)
    asserted = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "user_approved": True})
    assert code(asserted) == "approval_required"


async def test_assertion_is_believed_in_compat_and_shows_in_the_audit(world: Any) -> None:
    """Where the tenant accepts it a statement runs an ordinary write, as E1; it never replaces an operator."""
    people = world.governance.people("lax")
    plant = await world.sow(people)
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1})) == "approval_required"
    asserted = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "user_approved": True})
    assert asserted.structured_content["litres"] == 1
    assert (await world.audited(people.tenant, WATER))[-1]["evidence"] == "E1"
    uproot = await world.call(people.agent, "garden_uproot_plant", {"id": plant, "user_approved": True})
    assert code(uproot) == "approval_required"


async def test_agents_decide_nothing(world: Any, people: Any) -> None:
    """An agent's key gets 403 on every approvals path, and the attempt is audited."""
    plant = await world.sow(people)
    asked = await world.call(people.agent, WATER, {"id": plant, "litres": 1})
    approval = asked.structured_content["approval_id"]
    assert (await world.decide(people.lone_agent, approval)).status_code == 403
    assert (await world.get(people.agent, "/approvals")).status_code == 403
    assert (await world.get(people.agent, f"/approvals/{approval}")).status_code == 403
    assert [row["reason"] for row in await world.audited(people.tenant, "approval.decide")] == ["permission_denied"]


async def test_the_asking_key_does_not_decide(world: Any, people: Any) -> None:
    """A person may decide their own ordinary call, but with another key than the one that asked."""
    plant = await world.sow(people)
    asked = await world.call(people.sales, WATER, {"id": plant, "litres": 1})
    approval = asked.structured_content["approval_id"]
    assert (await world.decide(people.sales, approval)).status_code == 403
    assert (await world.decide(people.other_sales_key, approval)).status_code == 200


async def test_operator_is_a_second_person(world: Any, people: Any) -> None:
    """A destructive call needs an approver who is neither its actor nor whom it acts for."""
    plant = await world.sow(people)
    asked = await world.call(people.agent, "garden_uproot_plant", {"id": plant})
    told = asked.structured_content
    assert told["level"] == "operator"
    assert (await world.decide(people.other_sales_key, told["approval_id"])).status_code == 403
    assert (await world.decide(people.viewer, told["approval_id"])).status_code == 404
    assert (await world.decide(people.operator, told["approval_id"])).json()["evidence"] == "E4"
    done = await world.call(people.agent, "garden_uproot_plant", {"id": plant, "approval_id": told["approval_id"]})
    assert code(done) == "ok"


async def test_approver_does_not_decide_the_own_call(world: Any, people: Any) -> None:
    """Not even an approver gives an operator's consent to a call made for them."""
    governance = world.governance
    approver = governance.add(people.tenant, "usual", "user", "sales", "approver")
    person = governance.keys[approver][0].actor
    agent = governance.add(people.tenant, "usual", "agent", "sales", on_behalf_of=person)
    asked = await world.call(agent, "garden_uproot_plant", {"id": await world.sow(people)})
    assert (await world.decide(approver, asked.structured_content["approval_id"])).status_code == 403


async def test_an_agent_on_its_own_needs_an_approver(world: Any, people: Any) -> None:
    """Where nobody stands behind an agent, an approver decides its ordinary writes too."""
    plant = await world.sow(people)
    asked = await world.call(people.lone_agent, WATER, {"id": plant, "litres": 1})
    approval = asked.structured_content["approval_id"]
    assert (await world.decide(people.other_sales_key, approval)).status_code == 404
    assert (await world.decide(people.operator, approval)).status_code == 200


async def test_foreign_approval_is_not_found(world: Any, people: Any) -> None:
    """Another tenant's approval cannot be seen or decided, and looks like an unknown one."""
    asked = await world.call(people.agent, WATER, {"id": await world.sow(people), "litres": 1})
    stranger = world.governance.people().operator
    foreign = await world.get(stranger, f"/approvals/{asked.structured_content['approval_id']}")
    unknown = await world.get(stranger, f"/approvals/{uuid4()}")
    assert foreign.status_code == 404
    assert foreign.text == unknown.text


async def test_twenty_parallel_retries_have_one_effect(world: Any, people: Any) -> None:
    """However many repeat an approved call at once, it happens once, and each gets the answer or is told to wait."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 3})
    arguments = {"id": plant, "litres": 3, "approval_id": approval}
    answers = await asyncio.gather(*(world.call(people.agent, WATER, arguments) for _ in range(20)))
    assert {code(each) for each in answers} <= {"ok", "idempotency_running"}
    assert await world.litres(people, plant) == 3
    assert len(await world.audited(people.tenant, "approval.consumed")) == 1


async def test_crash_between_consuming_and_committing_is_repeated_safely(world: Any, people: Any) -> None:
    """A consumed approval without an effect can be used by the same call again."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 3})
    await world.change(people.tenant, "UPDATE approvals SET status = 'consumed', consumed_at = now()")
    arguments = {"id": plant, "litres": 3, "approval_id": approval}
    assert code(await world.call(people.agent, WATER, arguments)) == "ok"
    assert code(await world.call(people.agent, WATER, arguments)) == "ok"
    assert await world.litres(people, plant) == 3


async def test_repeats_end_after_a_quarter_of_an_hour(world: Any, people: Any) -> None:
    """A used approval cannot be repeated for ever."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 3})
    arguments = {"id": plant, "litres": 3, "approval_id": approval}
    assert code(await world.call(people.agent, WATER, arguments)) == "ok"
    await world.change(people.tenant, "UPDATE approvals SET consumed_at = now() - interval '16 minutes'")
    assert code(await world.call(people.agent, WATER, arguments)) == "approval_invalid"


async def test_outside_text_raises_every_write(world: Any, people: Any) -> None:
    """A run that read outside text needs the signed-in user for any write, even one that needs no consent else."""
    plant = await world.sow(people)
    assert code(await world.call(people.agent, "garden_visit_plant", {"id": plant})) == "ok"
    tainted = await world.call(people.agent, "garden_visit_plant", {"id": plant}, meta={"kontor/taint": True})
    assert code(tainted) == "approval_required"


async def test_secrets_are_not_shown(world: Any, people: Any) -> None:
    """An approval shows its arguments without what is marked secret."""
    asked = await world.call(people.agent, "garden_sow_plant", {"name": "oak", "secret": "treasure"})
    shown = await world.get(people.operator, f"/approvals/{asked.structured_content['approval_id']}")
    assert shown.json()["arguments"] == {"name": "oak", "secret": "[hidden]"}
    kept = await world.rows(people.tenant, "SELECT * FROM approvals")
    noted = await world.rows(people.tenant, "SELECT * FROM outbox")
    assert "treasure" not in repr(kept) + repr(noted)


async def test_pending_approvals_are_capped(world: Any, people: Any) -> None:
    """An actor cannot flood the inbox."""
    for number in range(20):
        assert (
            code(await world.call(people.agent, "garden_sow_plant", {"name": f"oak {number}"})) == "approval_required"
        )
    assert code(await world.call(people.agent, "garden_sow_plant", {"name": "one more"})) == "rate_limited"


async def test_list_shows_what_waits(world: Any, people: Any) -> None:
    """An approver sees the tenant's approvals, the person concerned their own, others none; pages follow each other."""
    for number in range(3):
        await world.call(people.agent, "garden_sow_plant", {"name": f"oak {number}"})
    await world.call(people.lone_agent, "garden_sow_plant", {"name": "elm"})
    first = (await world.get(people.operator, "/approvals?status=pending&page_size=3")).json()
    rest = (
        await world.get(people.operator, f"/approvals?status=pending&page_size=3&cursor={first['next_cursor']}")
    ).json()
    assert [len(first["approvals"]), len(rest["approvals"])] == [3, 1]
    assert len((await world.get(people.sales, "/approvals")).json()["approvals"]) == 3
    assert (await world.get(people.viewer, "/approvals")).json()["approvals"] == []


async def test_refused_trial_asks_nobody(world: Any, people: Any) -> None:
    """A call that would fail is answered with its failure."""
    refused = await world.call(people.agent, WATER, {"id": str(uuid4()), "litres": 1})
    assert code(refused) == "not_found"
    assert await world.rows(people.tenant, "SELECT * FROM approvals") == []


async def test_idempotency_key_of_the_caller_is_kept(world: Any, people: Any) -> None:
    """The key given when asking is the key under which the write runs."""
    plant = await world.sow(people)
    asked = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "idempotency_key": "mine"})
    approval = asked.structured_content["approval_id"]
    await world.decide(people.operator, approval)
    assert code(await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": approval})) == "ok"
    assert await world.garden_keys(people) == ["mine"]


def answering(action: str, seen: list[str]) -> dict[str, Any]:
    """A client whose person answers every question the same way, and opens every link."""

    async def answer(_: Any, params: Any) -> ElicitResult:
        if isinstance(params, ElicitRequestURLParams):
            return ElicitResult(action="accept")
        seen.append(params.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)  # type: ignore[arg-type]

    return {"client": {"elicitation_callback": answer}}


async def test_person_at_an_interactive_client_consents(world: Any, people: Any) -> None:
    """A person's interactive client asks them, with a text made from the preview, and the call goes on as E2."""
    plant = await world.sow(people)
    seen: list[str] = []
    done = await world.call(people.interactive, WATER, {"id": plant, "litres": 4}, **answering("accept", seen))
    assert done.structured_content["litres"] == 4
    assert "plant.watered" in seen[0]
    assert (await world.audited(people.tenant, WATER))[-1]["evidence"] == "E2"


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_person_at_an_interactive_client_declines(world: Any, people: Any, action: str) -> None:
    """A no is a denial."""
    plant = await world.sow(people)
    refused = await world.call(people.interactive, WATER, {"id": plant, "litres": 4}, **answering(action, []))
    assert code(refused) == "approval_denied"


@pytest.mark.parametrize("who", ["sales", "agent"])
async def test_other_clients_are_not_asked(world: Any, people: Any, who: str) -> None:
    """A key without the mark, and any agent's, gets the question by the other way."""
    plant = await world.sow(people)
    seen: list[str] = []
    refused = await world.call(getattr(people, who), WATER, {"id": plant, "litres": 4}, **answering("accept", seen))
    assert code(refused) == "approval_required"
    assert seen == []


async def test_consent_of_a_client_that_lost_its_mark_is_refused(world: Any, people: Any) -> None:
    """What is accepted at a client that is no longer on the list counts for nothing."""
    plant, governance = await world.sow(people), world.governance

    async def answer(_: Any, params: Any) -> ElicitResult:
        governance.keys[people.interactive] = (governance.keys[people.interactive][0], False)
        return ElicitResult(action="accept", content={})

    refused = await world.call(
        people.interactive, WATER, {"id": plant, "litres": 4}, client={"elicitation_callback": answer}
    )
    assert code(refused) == "approval_required"
    assert await world.litres(people, plant) == 0


async def test_forged_state_is_refused(world: Any, people: Any) -> None:
    """State that the gateway did not seal is refused before anything is decided."""
    plant = await world.sow(people)
    async with world.client(people.interactive) as client:
        with pytest.raises(MCPError) as refused:
            await client.session.call_tool(
                WATER,
                {"id": plant, "litres": 4},
                input_responses={"approval": ElicitResult(action="accept", content={})},
                request_state=str(uuid4()),
                allow_input_required=True,
            )
    assert refused.value.code == -32602


async def test_foreign_state_is_refused(world: Any, people: Any) -> None:
    """State sealed for one key is worth nothing with another, nor for other arguments."""
    plant = await world.sow(people)
    accepted = {"approval": ElicitResult(action="accept", content={})}
    capable = answering("accept", [])["client"]
    async with world.client(people.interactive, **capable) as client:
        asked = await client.session.call_tool(WATER, {"id": plant, "litres": 4}, allow_input_required=True)
        with pytest.raises(MCPError):
            await client.session.call_tool(
                WATER,
                {"id": plant, "litres": 5},
                input_responses=accepted,
                request_state=asked.request_state,
                allow_input_required=True,
            )
    async with world.client(people.other_sales_key, **capable) as client:
        with pytest.raises(MCPError):
            await client.session.call_tool(
                WATER,
                {"id": plant, "litres": 4},
                input_responses=accepted,
                request_state=asked.request_state,
                allow_input_required=True,
            )
    assert await world.litres(people, plant) == 0


async def test_strict_needs_more(world: Any) -> None:
    """In strict mode an interactive client's answer is not enough for an ordinary write."""
    people = world.governance.people("stern")
    seen: list[str] = []
    plant = await world.sow(people)
    refused = await world.call(people.interactive, WATER, {"id": plant, "litres": 4}, **answering("accept", seen))
    assert (code(refused), seen) == ("approval_required", [])


async def test_revoked_key_writes_nothing(world: Any, people: Any) -> None:
    """A key revoked a moment ago is asked about again before a guarded write."""
    plant = await world.sow(people)
    approval = await world.approved(people, WATER, {"id": plant, "litres": 1})
    kept = world.governance.keys.pop(people.agent)
    refused = await world.call(people.agent, WATER, {"id": plant, "litres": 1, "approval_id": approval})
    world.governance.keys[people.agent] = kept
    assert code(refused) == "unauthenticated"
    assert await world.litres(people, plant) == 0
