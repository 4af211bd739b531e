"""One call as a method sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar, cast
from uuid import UUID

from protobuf import Message
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.operation import Operation
from kontor_platform.data.database import Database, Row, Values
from kontor_platform.data.files import FileWriter
from kontor_platform.data.outbox import Change, Event
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.peers import Peers
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import Grant

__all__ = ["Call", "Change", "Event", "Incoming", "Outcome"]
M = TypeVar("M", bound=Message)

AUTHORS = {"user": "user", "agent": "agent", "service": "api"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call as it came through a face, nothing of it believed yet.

    `prepare` is what the face has to do once the caller is admitted and before the transaction, as reading a body that
    is no message.
    """

    operation: Operation
    face: str
    passport: str
    read: Callable[[], Message]
    idempotency_key: str = ""
    dry_run: bool = False
    grant: str = ""
    call_id: str = ""
    address: str = ""
    prepare: Prepare | None = None


class Closing(Protocol):
    """What is put off to the end of a call, because it locks what many calls share."""

    async def close(self, call: Call) -> None:
        """Does it, after the method and before the commit."""


C = TypeVar("C", bound=Closing)


@dataclass(slots=True)
class Call:
    """What a method knows and may do: who calls, the tenant's transaction, and a place for its events.

    `author_kind` is what the change log says made the change where that is not the actor: import, merge or system.
    `upload` is the file whose bytes came with the call, written and not yet finished.
    """

    operation: Operation
    actor: Principal
    call_id: UUID
    database: Database
    cursors: Cursors
    dry_run: bool = False
    grant: Grant | None = None
    author_kind: str = ""
    peers: Peers | None = None
    upload: FileWriter | None = None
    events: list[Event] = field(default_factory=list)
    subjects: set[UUID] = field(default_factory=set)
    _closings: dict[type[Closing], Closing] = field(default_factory=dict)
    _session: AsyncSession | None = None
    _now: datetime | None = None

    def enter(self, session: AsyncSession, now: datetime) -> None:
        """Gives the call its transaction."""
        self._session, self._now = session, now

    @property
    def session(self) -> AsyncSession:
        """The session in the tenant's transaction; the dispatcher commits it, a method never does."""
        if self._session is None:
            raise RuntimeError(f"{self.operation.name} is a single read: use Call.read, or take the mark away")
        return self._session

    @property
    def now(self) -> datetime:
        """The database's time when the transaction began, in UTC."""
        if self._now is None:
            raise RuntimeError(f"{self.operation.name} is a single read and has no time")
        return self._now

    async def ask(self, rpc: str, request: Message, answer: type[M], *, keep_s: float = 0.0) -> M:
        """The answer of another service to an internal read, `service/full.name.Service/Method`, in the call's tenant.

        An answer of the last `keep_s` seconds will do. Raises the peer's refusal, or Unavailable.
        """
        if self.peers is None:
            raise RuntimeError(f"{self.operation.name} asks {rpc}, and this service was given no peers")
        return await self.peers.ask(rpc, request, answer, tenant=self.actor.tenant, keep_s=keep_s)

    async def read(self, statement: str, values: Values, *, by_key: bool = False) -> list[Row]:
        """Rows of one SQL statement (psycopg placeholders) in one round trip, outside any other transaction.

        `by_key` is for a statement that reads by keys alone: it is planned once and not at every call.
        """
        actor = self.actor
        return await self.database.read(
            actor.tenant, statement, values, by_key=by_key, restricted=actor.sees_restricted
        )

    @property
    def author(self) -> str:
        """What made the changes of this call, as the change log names it."""
        return self.author_kind or AUTHORS[self.actor.kind]

    def emit(self, event: Event) -> None:
        """Tells of a change; the row is written in this transaction, after the method returned."""
        self.events.append(event)

    def closing(self, kind: type[C]) -> C:
        """The one such work of this call, made when first asked for."""
        if kind not in self._closings:
            self._closings[kind] = kind()
        return cast(C, self._closings[kind])

    async def close(self) -> None:
        """Does the work put off to the end."""
        for each in self._closings.values():
            await each.close(self)
        self._closings.clear()

    def concerns(self, *subjects: UUID) -> None:
        """Names the people whose data the call holds, so that erasure finds what is kept of it."""
        self.subjects.update(subjects)


Prepare: TypeAlias = Callable[[Call, Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a call and what a face tells beside it."""

    message: Message
    call_id: UUID
    events: Sequence[Event] = ()
    replayed: bool = False
    secret_withheld: bool = False
