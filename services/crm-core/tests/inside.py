"""Calls made inside the service's own database, as the application role: for what no face shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

from psycopg.conninfo import conninfo_to_dict

from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.pages import Cursors
from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.peers import GOVERNANCE, Peers
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import Work

OPERATIONS: dict[str, Operation] = {each.name: each for each in own_image().operations()}


class Home(Protocol):
    """Where a stack keeps its things."""

    @property
    def postgres(self) -> Path: ...

    @property
    def secrets(self) -> Path: ...


class Stack(Protocol):
    """What these calls need of the running stack."""

    @property
    def home(self) -> Home: ...

    def rpc(self, service: str) -> str: ...


def application_url(stack: Stack, role: str = "crm_core_app") -> str:
    """The URL that the service itself connects with."""
    told = conninfo_to_dict(EmbeddedPostgres(stack.home.postgres).url)
    password = (stack.home.secrets / "db" / role).read_text().strip()
    return f"postgresql://{role}:{quote(password)}@/{told['dbname']}?host={quote(str(told['host']), safe='/')}"


@asynccontextmanager
async def working(stack: Stack) -> AsyncIterator[Work]:
    """What a job of the service works with."""
    database = Database(application_url(stack))
    await database.open()
    key = (stack.home.secrets / "service_keys" / "crm-core").read_text().strip()
    peers = Peers({GOVERNANCE: stack.rpc("crm-governance")}, key)
    try:
        yield Work(database, database, Cursors(b"x" * 32), OPERATIONS, peers=peers)
    finally:
        await peers.close()
        await database.close()


@asynccontextmanager
async def calling(work: Work, principal: Principal, operation_id: UUID | None = None) -> AsyncIterator[Call]:
    """One call in a transaction of its own, committed at the end."""
    async with work.call(OPERATIONS["crm_upsert_contact"], principal, operation_id or new_id()) as call:
        yield call
