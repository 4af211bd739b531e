"""Runs jobs: takes them from the queue, tries again what may succeed later, and takes over those of dead workers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Status

from kontor_platform.contract.problem import Refusal
from kontor_platform.data.refusals import DATABASE_ERRORS, refusal_for
from kontor_platform.runtime.metrics import JOB_SECONDS, JOBS, STALLED
from kontor_platform.runtime.ticks import pause
from kontor_platform.runtime.work import GaveUp, JobHandler, JobOver, Stopping, Tick, Work

AT_ONCE = 4
CONNECTIONS = 4
ATTEMPTS = 50
LONGEST_WAIT_S = 60
POLL_S = 1.0
HEARTBEAT_S = 10.0
STALLED_S = 30.0
LOOK_FOR_STALLED_S = 5.0
GRACE_S = 15.0
KEPT_HOURS = 30 * 24
HOUR_S = 3600.0
log = structlog.get_logger(__name__)


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

    def __init__(self, work: Work, url: str, handlers: Mapping[str, JobHandler], gave_up: GaveUp | None) -> None:
        self._work, self._gave_up, self._patience = work, gave_up, Patience()
        self._app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=CONNECTIONS))
        for name, handler in handlers.items():
            self._app.task(name=name, retry=self._patience, pass_context=True)(self._task(handler))

    @property
    def ticks(self) -> list[Tick]:
        """What keeps the queue in order."""
        return [
            Tick("stalled-jobs", LOOK_FOR_STALLED_S, self._recover),
            Tick("old-jobs", HOUR_S, self._forget),
        ]

    async def run(self, ready: Callable[[], None]) -> None:
        """Runs jobs until the worker is to stop; while the database is away it waits for it."""
        async with self._app.open_async():
            ready()
            while not self._work.stopping.is_set():
                try:
                    await self._until_stopped()
                except ConnectorException as error:
                    log.warning("jobs_wait", error=type(error.__cause__ or error).__name__)
                await pause(self._work, POLL_S)

    async def _until_stopped(self) -> None:
        worker = asyncio.create_task(
            self._app.run_worker_async(
                concurrency=AT_ONCE,
                fetch_job_polling_interval=POLL_S,
                shutdown_graceful_timeout=GRACE_S,
                delete_jobs=DeleteJobCondition.SUCCESSFUL,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_S,
            )
        )
        stopping = asyncio.create_task(self._work.stopping.wait())
        await asyncio.wait((worker, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        # Cancelled it takes no more jobs, and waits for those it has.
        worker.cancel()
        await asyncio.wait([worker])
        if not worker.cancelled() and (error := worker.exception()) is not None:
            raise error

    def _task(self, handler: JobHandler) -> Callable[..., Awaitable[None]]:
        async def run(context: JobContext, *, tenant: str, id: str) -> None:
            name, began = context.job.task_name, time.monotonic()
            outcome = "stopped"
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

    async def _recover(self, _: Work) -> None:
        """Queues again what the workers that no longer tell they live had begun."""
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
            STALLED.inc()
            log.warning("job_stalled", kind=job.task_name, count=job.attempts)
            if job.attempts < ATTEMPTS:
                await manager.retry_job(job)
            else:
                await manager.finish_job(job, Status.FAILED, delete_job=False)
                told = {name: UUID(str(value)) for name, value in job.task_kwargs.items()}
                await self._give_up(told["tenant"], told["id"], Killed())

    async def _forget(self, _: Work) -> None:
        """Deletes jobs that ended long ago."""
        await self._app.job_manager.delete_old_jobs(
            KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )


class Killed(Exception):
    """The worker died each time it was at this job."""
