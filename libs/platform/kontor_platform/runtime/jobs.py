"""Runs jobs: takes them from the queue, tries again what may succeed later, and takes over those of dead workers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.worker import Worker
from sqlalchemy.ext.asyncio import AsyncConnection

from kontor_platform.contract.problem import Refusal
from kontor_platform.data.jobs import ALIVE, GIVE_UP, ORPHANS, QUEUE_AGAIN
from kontor_platform.data.refusals import DATABASE_ERRORS, refusal_for
from kontor_platform.runtime.metrics import JOB_SECONDS, JOBS, STALLED
from kontor_platform.runtime.ticks import pause
from kontor_platform.runtime.work import GaveUp, JobHandler, JobOver, Stopping, Tick, Work

AT_ONCE = 4
CONNECTIONS = 4
ATTEMPTS = 50
LONGEST_WAIT_S = 60
GRACE_S = 15.0
KEPT_HOURS = 30 * 24
HOUR_S = 3600.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds, a worker looks for jobs, gives a sign of life, and looks for those of dead workers.

    A worker holds a lock that its death gives back: one without it is dead once its last sign is `dead_s` old. One that
    hangs holds its lock and is given up after `stalled_s`.
    """

    poll_s: float = 1.0
    heartbeat_s: float = 10.0
    look_s: float = 2.0
    dead_s: float = 5.0
    stalled_s: float = 30.0


class Patience(BaseRetryStrategy):
    """Tries again what may succeed later: at once if the worker only stopped, else after a growing while."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again; None where that would not help."""
        if isinstance(exception, Stopping | asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts < ATTEMPTS and may_pass(exception):
            return RetryDecision(retry_in={"seconds": min(LONGEST_WAIT_S, 2**job.attempts)})
        return None


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later."""
    if isinstance(error, DATABASE_ERRORS):
        error = refusal_for(error) or error
    return isinstance(error, Refusal) and error.status.retryable


class Jobs:
    """The jobs of one service: each kind with its handler; `gave_up` is told of a job that will not be tried again."""

    def __init__(
        self,
        work: Work,
        url: str,
        handlers: Mapping[str, JobHandler],
        gave_up: GaveUp | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._work, self._gave_up, self._patience, self._pace = work, gave_up, Patience(), pace or Pace()
        self._app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=CONNECTIONS))
        for name, handler in handlers.items():
            self._app.task(name=name, retry=self._patience, pass_context=True)(self._task(handler))

    @property
    def ticks(self) -> list[Tick]:
        """What keeps the queue in order."""
        return [Tick("orphans", self._pace.look_s, self._recover), Tick("old-jobs", HOUR_S, self._forget)]

    async def run(self, ready: Callable[[], None]) -> None:
        """Runs jobs until the worker is to stop; while the database is away it waits for it."""
        async with self._app.open_async():
            ready()
            while not self._work.stopping.is_set():
                try:
                    await self._until_stopped()
                except (ConnectorException, *DATABASE_ERRORS) as error:
                    log.warning("jobs_wait", error=type(error.__cause__ or error).__name__)
                await pause(self._work, self._pace.poll_s)

    async def _until_stopped(self) -> None:
        """Runs one registered worker until it is to stop, its lock is lost or the database refuses it."""
        worker = Worker(
            self._app,
            concurrency=AT_ONCE,
            fetch_job_polling_interval=self._pace.poll_s,
            shutdown_graceful_timeout=GRACE_S,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            update_heartbeat_interval=self._pace.heartbeat_s,
            stalled_worker_timeout=self._pace.stalled_s,
        )
        running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
        others = [asyncio.create_task(self._work.stopping.wait()), asyncio.create_task(self._stay_alive(worker))]
        try:
            await asyncio.wait((running, *others), return_when=asyncio.FIRST_COMPLETED)
            # Cancelled it takes no more jobs, and waits for those it has.
            running.cancel()
            await asyncio.wait([running])
        finally:
            for each in others:
                each.cancel()
        for each in (running, *others):
            if each.done() and not each.cancelled() and (error := each.exception()) is not None:
                raise error

    async def _stay_alive(self, worker: Worker) -> None:
        """Holds the lock that tells others this worker lives; raises a database error once it is lost."""
        while worker.worker_id is None:
            await pause(self._work, self._pace.dead_s / 50)
        async with self._connection() as connection:
            while True:
                await connection.execute(ALIVE, {"worker": worker.worker_id})
                await asyncio.sleep(self._pace.dead_s)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._work.finder.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                # Its lock must not outlive this worker in the pool.
                await connection.invalidate()

    def _task(self, handler: JobHandler) -> Callable[..., Awaitable[None]]:
        async def run(context: JobContext, *, tenant: str, id: str) -> None:
            name, began, outcome = context.job.task_name, time.monotonic(), "stopped"
            try:
                outcome = await self._run(handler, context.job, UUID(tenant), UUID(id))
            finally:
                JOBS.labels(name, outcome).inc()
                JOB_SECONDS.labels(name).observe(time.monotonic() - began)

        return run

    async def _run(self, handler: JobHandler, job: Job, tenant: UUID, id: UUID) -> str:
        try:
            await handler(self._work, tenant, id)
        except JobOver:
            return "over"
        except Exception as error:
            if self._patience.get_retry_decision(exception=error, job=job) is None:
                await self._give_up(tenant, id, error)
            raise
        return "done"

    async def _give_up(self, tenant: UUID, id: UUID, error: Exception) -> None:
        if self._gave_up is not None:
            try:
                await self._gave_up(self._work, tenant, id, error)
            except JobOver:
                return

    async def _recover(self, work: Work) -> None:
        """Queues again what dead workers had begun; what killed each of its workers is given up."""
        async with work.finder.engine.begin() as connection:
            limits = {"dead": self._pace.dead_s, "stalled": self._pace.stalled_s}
            orphans = (await connection.execute(ORPHANS, limits)).all()
            for job in orphans:
                last = job.attempts >= ATTEMPTS
                await connection.execute(GIVE_UP if last else QUEUE_AGAIN, {"id": job.id})
        for job in orphans:
            STALLED.inc()
            log.warning("job_orphaned", kind=job.task_name, count=job.attempts)
            if job.attempts >= ATTEMPTS:
                await self._give_up(UUID(job.args["tenant"]), UUID(job.args["id"]), Killed())

    async def _forget(self, _: Work) -> None:
        """Deletes jobs that ended long ago."""
        await self._app.job_manager.delete_old_jobs(
            KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )


class Killed(Exception):
    """The worker died each time it was at this job."""
