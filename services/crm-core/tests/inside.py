"""Calls made inside the service's own database, as the application role: for what no face shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from kontor_cli.stack.database import DatabaseServer, application_url
from kontor_cli.stack.home import Home
from kontor_cli.stack.services import InstalledService
from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_events
from kontor_platform.data.pages import Cursors
from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import Principal

OPERATIONS: dict[str, Operation] = {each.name: each for each in own_image().operations()}
CRM_CORE = InstalledService("crm-core", Path("migrations"))


class Stack(Protocol):
    """What these calls need of the running stack."""

    @property
    def home(self) -> Home: ...


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[Database]:
    """The database as the service itself sees it."""
    server = DatabaseServer(EmbeddedPostgres(stack.home.postgres).url, None)
    database = Database(application_url(server, CRM_CORE, stack.home))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def calling(database: Database, principal: Principal) -> AsyncIterator[Call]:
    """One call in a transaction of its own, ended and committed as the dispatcher does it."""
    call = Call(OPERATIONS["crm_upsert_contact"], principal, new_id(), database, Cursors(b"x" * 32))
    async with database.transaction(principal.tenant) as (session, now):
        call.enter(session, now)
        yield call
        await call.close()
        await write_events(session, principal.tenant, call.call_id, call.events, ())
        await session.commit()
