"""What is counted; labels carry no tenant, no actor and no id."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("kontor_calls_total", "Calls by operation, face and outcome.", ["operation", "face", "outcome"])
SECONDS = Histogram(
    "kontor_call_seconds",
    "Seconds a call took in the service.",
    ["operation", "face"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
JOBS = Counter("kontor_jobs_total", "Runs of jobs by kind and outcome.", ["job", "outcome"])
JOB_SECONDS = Histogram(
    "kontor_job_seconds",
    "Seconds a run of a job took.",
    ["job"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
)
STALLED = Counter("kontor_jobs_stalled_total", "Jobs taken from a worker that died.")
TICK_SECONDS = Histogram("kontor_tick_seconds", "Seconds a tick of the worker took.", ["name"])
TICK_FAILURES = Counter("kontor_tick_failures_total", "Ticks of the worker that failed.", ["name"])
NUMBERED = Counter("kontor_outbox_numbered_total", "Events that got their number.")
NUMBER_LAG = Gauge(
    "kontor_outbox_number_lag_seconds", "Age of the oldest event of the last round when it was numbered."
)
