"""The queue of jobs in the service's own schema: procrastinate's tables, and how a job is put off in a transaction."""

from pathlib import Path
from uuid import UUID

from alembic.operations import Operations
from procrastinate.schema import migrations_path
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

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


async def put_off(session: AsyncSession, job: str, tenant: UUID, id: UUID, lock: str) -> None:
    """Queues a job that begins once the transaction is committed; of jobs with one lock one runs at a time."""
    await session.execute(DEFER, {"job": job, "lock": lock, "tenant": str(tenant), "id": str(id)})
