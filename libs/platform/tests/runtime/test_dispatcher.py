"""What every call goes through, in one order, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from kontor_protos.kontor.crm.v1.deals_pb import CreateDealRequest, CreateDealResponse
from sqlalchemy import text

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Approval, Operation
from kontor_platform.contract.problem import (
    ApprovalInvalid,
    ApprovalRequired,
    IdempotencyReused,
    IdempotencyRunning,
    Internal,
    InvalidField,
    Refusal,
    RoleRequired,
    Unauthenticated,
)
from kontor_platform.data.database import Database
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.audit import Audit
from kontor_platform.runtime.call import Call, Change, Event, Incoming, Outcome
from kontor_platform.runtime.dispatcher import Dispatcher, Guards
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.read_log import ReadLog
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.strangers import Strangers
from kontor_platform.runtime.tokens import (
    Grant,
    GrantSigner,
    GrantVerifier,
    KeySet,
    PassportSigner,
    PassportVerifier,
    generate_key_pair,
)

DEAL = next(operation for operation in own_image().operations() if operation.name == "crm_create_deal")
PERSON = Principal(uuid4(), "demo", uuid4(), "user", frozenset({"sales"}), "edge", "key-1")
REQUEST = CreateDealRequest(name="Renewal")


@dataclass
class Rig:
    """A dispatcher whose one method writes a thing, and what signs tokens for it."""

    dispatcher: Dispatcher
    passports: PassportSigner
    grants: GrantSigner
    admin_url: str
    log: ReadLog

    async def call(
        self, principal: Principal | None, request: CreateDealRequest = REQUEST, **extras: object
    ) -> Outcome:
        """Dispatches one call."""
        passport = self.passports.sign(principal) if principal else ""
        return await self.dispatcher.dispatch(Incoming(DEAL, "rpc", passport, lambda: request, **extras))  # type: ignore[arg-type]

    def sql(self, statement: str, tenant: UUID) -> list[tuple[object, ...]]:
        """Rows as the administrator sees them."""
        with psycopg.connect(self.admin_url) as admin:
            return admin.execute(statement.encode(), {"tenant": tenant}).fetchall()

    def things(self, tenant: UUID) -> int:
        """How often the method took effect."""
        return len(self.sql("SELECT FROM sample.thing WHERE tenant_id = %(tenant)s", tenant))

    def audits(self, tenant: UUID) -> list[tuple[object, ...]]:
        """Outcome and reason of each audit row."""
        select = "SELECT data->>'outcome', data->>'reason' FROM sample.outbox"
        return self.sql(f"{select} WHERE kind = 'audit' AND tenant_id = %(tenant)s ORDER BY n", tenant)


class Deals:
    """Writes a thing and tells of it; fails or waits where the name says so."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def create_deal(self, request: CreateDealRequest, call: Call) -> CreateDealResponse:
        thing = uuid4()
        await call.session.execute(
            text("INSERT INTO thing (tenant_id, id, name) VALUES (:tenant, :id, :name)"),
            {"tenant": call.actor.tenant, "id": thing, "name": request.name},
        )
        version = 8 if request.name == "moved" else 4
        call.emit(Event("deal.created", "deal", UUID(int=7), version, [Change("name", None, request.name)]))
        if request.name == "breaks":
            raise ZeroDivisionError
        if request.name == "waits":
            self.entered.set()
            await self.go_on.wait()
        return CreateDealResponse(summary=f"made {thing}")


@pytest.fixture
async def rig(app_url: str, admin_url: str, tmp_path: Path) -> AsyncIterator[Callable[[Deals], Rig]]:
    """Builds a rig around a method."""
    for name in ("passport", "grant"):
        generate_key_pair(tmp_path / f"{name}.private.jwk", tmp_path / f"{name}.jwks", f"{name}-1")
    database = Database(app_url)
    await database.open()
    guards = Guards(
        PassportVerifier(KeySet(tmp_path / "passport.jwks")),
        GrantVerifier(KeySet(tmp_path / "grant.jwks"), "sample"),
        ServerConfig.load(None),
    )
    log = ReadLog(database, tmp_path / "spool")

    def build(deals: Deals) -> Rig:
        dispatcher = Dispatcher(
            {DEAL.rpc: deals.create_deal},
            database=database,
            guards=guards,
            cursors=Cursors(b"s" * 32),
            audit=Audit(database, log, Strangers(database)),
        )
        return Rig(
            dispatcher,
            PassportSigner(tmp_path / "passport.private.jwk"),
            GrantSigner(tmp_path / "grant.private.jwk"),
            admin_url,
            log,
        )

    yield build
    await database.close()


@pytest.fixture
def principal() -> Principal:
    """A person of a tenant of the test's own."""
    return replace(PERSON, tenant=uuid4(), actor=uuid4())


def agent(principal: Principal) -> Principal:
    """An agent of the same tenant at the gateway."""
    return replace(principal, kind="agent", door="gateway", actor=uuid4())


def grant_for(principal: Principal, request: CreateDealRequest, **changes: object) -> Grant:
    """The grant of an approval of exactly this call."""
    whole = Grant(
        jti=str(uuid4()),
        audience="sample",
        tenant=principal.tenant,
        actor=principal.actor,
        tool="crm_create_deal",
        arguments=arguments_hash(request),
        fingerprint="f",
        level=3,
        records=(),
        idempotency_key="",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


Build = Callable[[Deals], Rig]


async def test_a_write_commits_with_its_event_and_its_audit_row(rig: Build, principal: Principal) -> None:
    """One transaction holds the effect and everything that tells of it."""
    built = rig(Deals())
    outcome = await built.call(principal)
    rows = built.sql(
        "SELECT kind, type, operation_id FROM sample.outbox WHERE tenant_id = %(tenant)s ORDER BY n", principal.tenant
    )
    assert rows == [("event", "deal.created", outcome.call_id), ("audit", "crm_create_deal", outcome.call_id)]
    assert built.things(principal.tenant) == 1


async def test_refusals_are_audited_and_change_nothing(rig: Build, principal: Principal) -> None:
    """Wrong role, no evidence and a failing method each leave one row and no effect."""
    built = rig(Deals())
    refused: list[tuple[Principal, CreateDealRequest, type[Refusal]]] = [
        (replace(principal, roles=frozenset({"viewer"})), REQUEST, RoleRequired),
        (replace(principal, kind="agent"), REQUEST, ApprovalRequired),
        (principal, CreateDealRequest(name="breaks"), Internal),
    ]
    for caller, request, kind in refused:
        with pytest.raises(kind):
            await built.call(caller, request)
    assert built.things(principal.tenant) == 0
    reasons = [reason for _, reason in built.audits(principal.tenant)]
    assert reasons == ["role_required", "approval_required", "internal"]


async def test_without_a_passport_nothing_runs(rig: Build) -> None:
    """Authentication has no off switch."""
    built = rig(Deals())
    with pytest.raises(Unauthenticated):
        await built.call(None)


async def test_the_role_is_checked_before_the_request_is_read(rig: Build, principal: Principal) -> None:
    """A caller without the role learns nothing about the request."""
    built = rig(Deals())
    passport = built.passports.sign(replace(principal, roles=frozenset({"viewer"})))

    def unreadable() -> CreateDealRequest:
        raise InvalidField("never told")

    with pytest.raises(RoleRequired, match="needs one of: admin, manager, sales"):
        await built.dispatcher.dispatch(Incoming(DEAL, "rest", passport, unreadable))


async def test_a_repeat_with_its_key_answers_the_first_answer(rig: Build, principal: Principal) -> None:
    """One effect, one event, and the caller is told that it is a replay."""
    built = rig(Deals())
    first = await built.call(principal, idempotency_key="k")
    again = await built.call(principal, idempotency_key="k")
    assert again.replayed
    assert again.message == first.message
    assert built.things(principal.tenant) == 1
    assert [outcome for outcome, _ in built.audits(principal.tenant)] == ["ok", "replayed"]


async def test_a_key_is_used_for_one_payload(rig: Build, principal: Principal) -> None:
    """Another body under the key is refused and changes nothing."""
    built = rig(Deals())
    await built.call(principal, idempotency_key="k")
    with pytest.raises(IdempotencyReused):
        await built.call(principal, CreateDealRequest(name="Other"), idempotency_key="k")
    assert built.things(principal.tenant) == 1


async def test_a_running_key_is_a_conflict(rig: Build, principal: Principal) -> None:
    """The second of two calls at once is told to wait; afterwards it gets the first one's answer."""
    deals = Deals()
    built = rig(deals)
    request = CreateDealRequest(name="waits")
    running = asyncio.create_task(built.call(principal, request, idempotency_key="k"))
    await deals.entered.wait()
    with pytest.raises(IdempotencyRunning):
        await built.call(principal, request, idempotency_key="k")
    deals.go_on.set()
    first = await running
    again = await built.call(principal, request, idempotency_key="k")
    assert (again.replayed, again.message) == (True, first.message)


async def test_keys_are_the_actors_own(rig: Build, principal: Principal) -> None:
    """The same key of another person is another call."""
    built = rig(Deals())
    await built.call(principal, idempotency_key="k")
    other = await built.call(replace(principal, actor=uuid4()), idempotency_key="k")
    assert not other.replayed


async def test_a_failed_call_leaves_no_key(rig: Build, principal: Principal) -> None:
    """What failed may be tried again under its key."""
    built = rig(Deals())
    with pytest.raises(Internal):
        await built.call(principal, CreateDealRequest(name="breaks"), idempotency_key="k")
    outcome = await built.call(principal, idempotency_key="k")
    assert not outcome.replayed


async def test_a_dry_run_answers_and_changes_nothing(rig: Build, principal: Principal) -> None:
    """It needs no consent, stores no key and shows the events it would have written."""
    built = rig(Deals())
    trial = await built.call(agent(principal), dry_run=True, idempotency_key="k")
    assert [event.type for event in trial.events] == ["deal.created"]
    assert built.things(principal.tenant) == 0
    outcome = await built.call(principal, idempotency_key="k")
    assert not outcome.replayed


async def test_an_agent_writes_with_a_grant_for_exactly_this_call(rig: Build, principal: Principal) -> None:
    """The grant is the evidence, and its id the idempotency key: a second use answers the first answer."""
    built, caller = rig(Deals()), agent(principal)
    grant = built.grants.sign(grant_for(caller, REQUEST))
    first = await built.call(caller, grant=grant)
    again = await built.call(caller, grant=grant)
    assert (first.replayed, again.replayed) == (False, True)
    assert built.things(principal.tenant) == 1


@pytest.mark.parametrize(
    "change",
    [{"arguments": "0" * 64}, {"tool": "crm_create_note"}, {"actor": uuid4()}, {"tenant": uuid4()}],
    ids=lambda change: next(iter(change)),
)
async def test_a_grant_for_another_call_is_refused(rig: Build, principal: Principal, change: dict[str, object]) -> None:
    """Arguments, tool, actor and tenant are all bound."""
    built, caller = rig(Deals()), agent(principal)
    with pytest.raises(ApprovalInvalid):
        await built.call(caller, grant=built.grants.sign(grant_for(caller, REQUEST, **change)))
    assert built.things(principal.tenant) == 0


async def test_a_record_that_moved_since_its_preview_voids_the_grant(rig: Build, principal: Principal) -> None:
    """What was approved was the change of a certain version."""
    built, caller = rig(Deals()), agent(principal)
    moved = CreateDealRequest(name="moved")
    grant = grant_for(caller, moved, records=((str(UUID(int=7)), 3),))
    with pytest.raises(ApprovalInvalid, match="changed since"):
        await built.call(caller, moved, grant=built.grants.sign(grant))
    assert built.things(principal.tenant) == 0
    unmoved = grant_for(caller, REQUEST, records=((str(UUID(int=7)), 3),))
    await built.call(caller, grant=built.grants.sign(unmoved))


async def test_a_passport_of_the_gateway_is_no_evidence(rig: Build, principal: Principal) -> None:
    """A person's key at the agents' door asks like an agent's."""
    built = rig(Deals())
    with pytest.raises(ApprovalRequired, match="/mcp/crm/create_deal"):
        await built.call(replace(principal, door="gateway"))


async def test_an_operators_approval_is_asked_of_a_person_too(rig: Build, principal: Principal) -> None:
    """At the edge a person's own call is evidence for `user` and for nothing more."""
    built = rig(Deals())
    policy = replace(DEAL.policy, approval=Approval.OPERATOR)
    guarded: Operation = replace(DEAL, policy=policy)
    with pytest.raises(ApprovalRequired):
        await built.dispatcher.dispatch(Incoming(guarded, "rest", built.passports.sign(principal), lambda: REQUEST))


async def test_parallel_calls_with_one_key_have_one_effect(rig: Build, principal: Principal) -> None:
    """Ten at once, ten times over: one row each, the rest replayed or told to wait."""
    built = rig(Deals())
    for round_number in range(10):
        calls = (built.call(principal, idempotency_key=f"k{round_number}") for _ in range(10))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, Outcome | IdempotencyRunning) for each in outcomes)
        assert sum(isinstance(each, Outcome) and not each.replayed for each in outcomes) == 1
    assert built.things(principal.tenant) == 10


async def test_reads_tried_at_the_edge_are_noted_and_survive_a_kill(rig: Build, principal: Principal) -> None:
    """A dry run is a read: it lies in the spool before the answer and in the table after the next flush."""
    built = rig(Deals())
    await built.call(principal, dry_run=True)
    count = "SELECT operation FROM sample.read_log WHERE tenant_id = %(tenant)s"
    assert built.sql(count, principal.tenant) == []
    await built.log.flush()
    assert built.sql(count, principal.tenant) == [("crm_create_deal",)]
