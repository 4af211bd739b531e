"""The edge: Envoy's configuration, made from the operations that services describe."""

from kontor_platform.edge.admin import is_ready
from kontor_platform.edge.config import Edge, Upstream
from kontor_platform.edge.files import BadEdge, envoy_binary, envoy_command, validate, write_edge
from kontor_platform.edge.routes import PathTaken

__all__ = [
    "BadEdge",
    "Edge",
    "PathTaken",
    "Upstream",
    "envoy_binary",
    "envoy_command",
    "is_ready",
    "validate",
    "write_edge",
]
