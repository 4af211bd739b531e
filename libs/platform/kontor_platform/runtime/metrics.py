"""What is counted; labels carry no tenant, no actor and no id."""

from prometheus_client import Counter, Histogram

CALLS = Counter("kontor_calls_total", "Calls by operation, face and outcome.", ["operation", "face", "outcome"])
SECONDS = Histogram(
    "kontor_call_seconds",
    "Seconds a call took in the service.",
    ["operation", "face"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
