"""A worker of the schema `sample` as a process of its own: its jobs write things in chunks, one each transaction."""

import asyncio
import os
import signal
from uuid import UUID

import uvloop
from sqlalchemy import text

from kontor_platform.contract.problem import Unavailable
from kontor_platform.data.database import Database
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.jobs import Jobs, Pace
from kontor_platform.runtime.principal import TenantSettings
from kontor_platform.runtime.ticks import tick_for_ever
from kontor_platform.runtime.work import Tenant, Work

CHUNKS = 30
CHUNK_S = 0.05
PACE = Pace(poll_s=0.1, heartbeat_s=0.2, look_s=0.1, dead_s=0.5, stalled_s=3.0)
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
COUNT = text("SELECT count(*) FROM thing WHERE tenant_id = :tenant AND name LIKE :name || ' %'")
WRITE = text("INSERT INTO thing (tenant_id, id, name) VALUES (:tenant, gen_random_uuid(), :name)")


def tenant_of(id: UUID) -> Tenant:
    """A tenant by its id."""
    return Tenant(id, "t", TenantSettings())


async def chunk(call: Call, id: UUID) -> bool:
    """Writes the next thing of a job; False when there is none."""
    await call.session.execute(LOCK, {"name": str(id)})
    done = (await call.session.execute(COUNT, {"tenant": call.actor.tenant, "name": str(id)})).scalar_one()
    if done == CHUNKS:
        return False
    await asyncio.sleep(CHUNK_S)
    await call.session.execute(WRITE, {"tenant": call.actor.tenant, "name": f"{id} {done}"})
    return True


async def write_things(work: Work, tenant: UUID, id: UUID) -> None:
    """Writes thirty things, in so many transactions."""
    more = True
    while more:
        async with work.chore("write", tenant_of(tenant)) as call:
            more = await chunk(call, id)


async def fail_twice(work: Work, tenant: UUID, id: UUID) -> None:
    """Notes that it ran, and says the first two times that something is away."""
    async with work.chore("fail", tenant_of(tenant)) as call:
        await call.session.execute(WRITE, {"tenant": tenant, "name": f"{id} run"})
    async with work.chore("fail", tenant_of(tenant)) as call:
        if (await call.session.execute(COUNT, {"tenant": tenant, "name": str(id)})).scalar_one() < 3:
            raise Unavailable


async def break_down(work: Work, tenant: UUID, id: UUID) -> None:
    """Meets what nobody foresaw."""
    raise ZeroDivisionError


async def gave_up(work: Work, tenant: UUID, id: UUID, error: Exception) -> None:
    """Notes what a job failed of."""
    async with work.chore("gave_up", tenant_of(tenant)) as call:
        await call.session.execute(WRITE, {"tenant": tenant, "name": f"{id} {type(error).__name__}"})


async def main() -> None:
    """Works until SIGTERM."""
    database, finder = Database(os.environ["APP_URL"]), Database(os.environ["WORKER_URL"])
    work = Work(database, finder, Cursors(b"secret"), {})
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.stopping.set)
    handlers = {"write": write_things, "fail": fail_twice, "break": break_down}
    jobs = Jobs(work, os.environ["WORKER_URL"], handlers, gave_up, PACE)
    ticks = [tick_for_ever(work, each) for each in jobs.ticks]
    await asyncio.gather(jobs.run(lambda: print("ready", flush=True)), *ticks)  # noqa: T201
    await finder.close()
    await database.close()


if __name__ == "__main__":
    uvloop.run(main())
