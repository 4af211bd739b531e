"""What a job knows and may do: the same calls as a method's, one transaction each, without a caller who waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from protobuf.wkt import Empty
from sqlalchemy import text

from kontor_platform.contract.operation import Approval, Effect, Operation, Policy
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.jobs import put_off
from kontor_platform.data.outbox import write_events
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.peers import Peers
from kontor_platform.runtime.principal import SYSTEM_ACTOR, Principal, TenantSettings

TENANTS = text("SELECT id, slug, settings FROM tenant ORDER BY id")


class Stopping(Exception):
    """The worker is to stop; the job goes on elsewhere, where it stands."""


class JobOver(Exception):
    """The job has nothing left to do: what it was for has ended already."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as the service last saw it."""

    id: UUID
    slug: str
    settings: TenantSettings

    @property
    def system(self) -> Principal:
        """The system itself, at work for the tenant."""
        return Principal(
            tenant=self.id,
            slug=self.slug,
            actor=SYSTEM_ACTOR,
            kind="service",
            roles=frozenset({"admin"}),
            door="internal",
            key="worker",
            settings=self.settings,
        )


@dataclass(slots=True)
class Work:
    """What every job of one worker process shares.

    `database` acts as the application in one tenant's transaction; `finder` is the worker's own role, which sees of all
    tenants only what its policies show. `operations` are the service's, by tool name.
    """

    database: Database
    finder: Database
    cursors: Cursors
    operations: Mapping[str, Operation]
    peers: Peers | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def call(
        self, operation: Operation, principal: Principal, operation_id: UUID, author_kind: str = ""
    ) -> AsyncIterator[Call]:
        """A call in one transaction of the principal's tenant, committed with its events at the end.

        An exception rolls it back. Raises Stopping once the worker is to stop, so that a job made of chunks ends
        between two of them.
        """
        if self.stopping.is_set():
            raise Stopping
        call = Call(operation, principal, operation_id, self.database, self.cursors, author_kind=author_kind)
        call.peers = self.peers
        entered = self.database.transaction(principal.tenant, restricted=principal.sees_restricted)
        async with entered as (session, now):
            call.enter(session, now)
            yield call
            await session.flush()
            await call.close()
            await write_events(session, principal.tenant, operation_id, call.events, ())
            await session.commit()

    def chore(self, name: str, tenant: Tenant) -> "CallContext":
        """A call of the system's own for a tenant, under an operation id of its own."""
        return self.call(chore_operation(name), tenant.system, new_id(), "system")

    async def tenants(self) -> Sequence[Tenant]:
        """Every tenant the service has seen."""
        async with self.finder.engine.connect() as connection:
            rows = (await connection.execute(TENANTS)).all()
        return [Tenant(row.id, row.slug, TenantSettings(**row.settings)) for row in rows]


CallContext: TypeAlias = "AbstractAsyncContextManager[Call]"
JobHandler: TypeAlias = Callable[[Work, UUID, UUID], Awaitable[None]]
GaveUp: TypeAlias = Callable[[Work, UUID, UUID, Exception], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tick:
    """Work done again and again, every so many seconds, by one worker at a time unless `alone` is false."""

    name: str
    every_s: float
    run: Callable[[Work], Awaitable[None]]
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Nightly:
    """Work done for each tenant once a day, soon after midnight in the tenant's time zone; it may be done twice."""

    name: str
    run: Callable[[Work, Tenant], Awaitable[None]]


async def defer(call: Call, job: str, id: UUID, *, lock: str = "") -> None:
    """Puts a job off in the call's transaction: it begins once that is committed, and never if it is rolled back.

    Two jobs with the same lock, by default the id, never run at once.
    """
    await put_off(call.session, job, call.actor.tenant, id, lock or str(id))


def chore_operation(name: str) -> Operation:
    """What work that nobody called for goes by, in logs and cursors."""
    policy = Policy(
        tool="",
        aliases=(),
        effect=Effect.WRITE,
        open_world=False,
        approval=Approval.NONE,
        roles=frozenset({"admin"}),
        per_actor_per_minute=0,
        cost=1,
        preview=False,
        internal=True,
    )
    described = Empty.desc()
    return Operation(name, "", name, described, described, Empty, Empty, name, policy, None)
