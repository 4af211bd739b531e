"""What the gateway counts; labels carry no tenant, no actor and no id."""

from functools import cache

from prometheus_client import Counter, Histogram

CALLS = Counter(
    "mcp_tool_calls_total", "Calls of tools by tool, class and outcome.", ["tool", "limit_class", "outcome"]
)
SECONDS = Histogram(
    "mcp_tool_call_seconds",
    "Seconds a call took at the gateway.",
    ["tool"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
UNKNOWN = "unknown"


@cache
def calls_of(tool: str, limit_class: str, outcome: str) -> Counter:
    """The counter of a tool's calls that ended so."""
    return CALLS.labels(tool, limit_class, outcome)


@cache
def seconds_of(tool: str) -> Histogram:
    """The histogram of a tool's calls."""
    return SECONDS.labels(tool)
