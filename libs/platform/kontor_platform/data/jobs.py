"""The queue of jobs in the service's own schema: procrastinate's tables, and how a job is put off in a transaction."""

from pathlib import Path
from uuid import UUID

from alembic.operations import Operations
from procrastinate.schema import migrations_path
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.data.database import Database

# procrastinate keeps its own migrations; those up to this one make the tables of its version 3.10.
LAST_OF_V1 = "03.04.00_50"
TABLES = ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers", "procrastinate_periodic_defers")
DEFER = text(
    """
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
        current_schema(), CAST(:job AS varchar), 0, CAST(:lock AS text), NULL,
        jsonb_build_object('tenant', CAST(:tenant AS text), 'id', CAST(:id AS text)), NULL
    )]::procrastinate_job_to_defer_v1[])
    """
)
# A worker's lock: one space for each schema, in it the worker's number.
ALIVE = text("SELECT pg_try_advisory_lock(hashtext(current_schema()), CAST(CAST(:worker AS bigint) AS int))")
ORPHANS = text(
    """
    SELECT job.id, job.task_name, job.attempts, job.args
    FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND (
        worker.id IS NULL
        OR worker.last_heartbeat < clock_timestamp() - :stalled * interval '1 second'
        OR worker.last_heartbeat < clock_timestamp() - :dead * interval '1 second' AND NOT EXISTS (
            SELECT FROM pg_locks AS held
            WHERE held.locktype = 'advisory' AND held.objsubid = 2 AND held.granted
              AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND held.classid = CAST(CAST(hashtext(current_schema()) AS bigint) & 4294967295 AS oid)
              AND held.objid = CAST(worker.id AS oid)
        )
    )
    FOR UPDATE OF job SKIP LOCKED
    """
)
# Asked by the application: a worker holds its lock, and one has told within half a minute that it does not hang.
LIVES = text(
    """
    SELECT coalesce(max(last_heartbeat) > clock_timestamp() - interval '30 seconds', false) AND EXISTS (
        SELECT FROM pg_locks AS held
        WHERE held.locktype = 'advisory' AND held.objsubid = 2 AND held.granted
          AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND held.classid = CAST(CAST(hashtext(current_schema()) AS bigint) & 4294967295 AS oid)
    )
    FROM procrastinate_workers
    """
)
QUEUE_AGAIN = text("SELECT procrastinate_retry_job_v2(:id, clock_timestamp(), NULL, NULL, NULL)")
GIVE_UP = text("SELECT procrastinate_finish_job_v1(:id, 'failed', false)")


def jobs_v1(op: Operations) -> None:
    """Creates procrastinate's tables: the application may put jobs into them, the worker does everything else."""
    connection = op.get_bind()
    for script in sorted(Path(migrations_path).glob("*.sql")):
        if script.name[: len(LAST_OF_V1)] <= LAST_OF_V1:
            connection.exec_driver_sql(script.read_text(encoding="utf-8").replace("%", "%%"))
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    app, worker = f"{schema}_app", f"{schema}_worker"
    op.execute(f"REVOKE ALL ON {', '.join(TABLES)} FROM {app}")
    op.execute(f"GRANT INSERT, SELECT (id) ON procrastinate_jobs TO {app}")
    op.execute(f"GRANT INSERT ON procrastinate_events TO {app}")
    op.execute(f"GRANT SELECT (last_heartbeat) ON procrastinate_workers TO {app}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO {worker}")
    sequences = ("procrastinate_jobs_id_seq", "procrastinate_events_id_seq", "procrastinate_periodic_defers_id_seq")
    op.execute(f"GRANT USAGE ON {', '.join(sequences)} TO {worker}")


async def worker_lives(database: Database) -> bool:
    """Whether some worker of the service is at work; raises a database error."""
    async with database.engine.connect() as connection:
        return bool((await connection.execute(LIVES)).scalar_one())


async def put_off(session: AsyncSession, job: str, tenant: UUID, id: UUID, lock: str) -> None:
    """Queues a job that begins once the transaction is committed; of jobs with one lock one runs at a time."""
    await session.execute(DEFER, {"job": job, "lock": lock, "tenant": str(tenant), "id": str(id)})
