"""The gRPC channel from one service to another: retried, balanced over replicas, soon connected again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc.aio

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# What goes this way only reads or carries an idempotency key, so a service that was not there may be asked again.
SERVICE_CONFIG: Mapping[str, Any] = {
    # Each replica behind a name gets its share, and a call that one refuses goes to another.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}


def service_channel(
    address: str, config: Mapping[str, Any] | None = None, options: Sequence[tuple[str, Any]] = ()
) -> grpc.aio.Channel:
    """A channel to a service; `config` and `options` add to what every channel has."""
    usual = [
        ("grpc.service_config", json.dumps({**SERVICE_CONFIG, **(config or {})})),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
    return grpc.aio.insecure_channel(address, options=[*usual, *options])
