"""JSON logs with an allow-list of fields: no bodies, no headers, no parameters, no secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "service",
        "operation",
        "call_id",
        "trace_id",
        "error",
        "reason",
        "code",
        "face",
        "outcome",
        "address",
        "http",
        "rpc",
        "problem",
        "tenants",
        "addresses",
        "tools",
        "upstream",
        "state",
        "name",
        "setting",
        "count",
        "seconds",
        "exception",
        "kind",
        "key",
        "door",
        "path",
        "status",
        "port",
    ]
)


def configure_logs(service: str, level: str) -> None:
    """Sends every log line, our own and the libraries', as one JSON object to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _, __, line: {"service": service} | allowed(line),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("uvicorn.access").disabled = True


def allowed(line: MutableMapping[str, Any]) -> dict[str, Any]:
    """The fields of a line that may be written."""
    return {name: value for name, value in line.items() if name in ALLOWED}
