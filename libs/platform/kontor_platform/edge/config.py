"""What the edge is told: where it listens, where the services are, where its files lie."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

# A piece of Envoy's configuration, in the field names of its protobuf API.
Config: TypeAlias = dict[str, Any]

GATEWAY = "gateway"
AUTHZ = "authz"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service's addresses: `http` is host:port or unix:<path>, `rpc` what a gRPC client dials.

    Where there are several replicas, `http` has the address of each, with commas between.
    """

    http: str
    rpc: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge; addresses are host:port or unix:<path>, `trusted_hops` counts the proxies in front of it.

    `gateway`, `gateway_health` and `authz` too are lists with commas where there are several replicas.

    The gateway answers `/readyz` on another listener than agents use, at `gateway_health`; without that address
    Envoy only looks whether the gateway accepts connections.
    """

    directory: Path
    listen: str
    services: Mapping[str, Upstream]
    gateway: str
    authz: str
    secret_file: Path
    admin_socket: Path
    gateway_health: str = ""
    concurrency: int = 1
    trusted_hops: int = 0

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads `edge.json`; a file named in it without a directory lies beside it.

        Raises OSError if it cannot be read, KeyError, TypeError or ValueError if it has another shape.
        """
        value = json.loads(path.read_text())
        directory = path.parent
        services = {name: Upstream(**addresses) for name, addresses in value.pop("services").items()}
        secret, admin = directory / value.pop("secret_file"), directory / value.pop("admin_socket", "admin.sock")
        return cls(directory=directory, services=services, secret_file=secret, admin_socket=admin, **value)

    @property
    def bootstrap_file(self) -> Path:
        """The file Envoy starts from; it holds the edge's secret."""
        return self.directory / "bootstrap.yaml"

    @property
    def routes_file(self) -> Path:
        """The file Envoy watches for routes."""
        return self.directory / "routes.yaml"

    @property
    def images_directory(self) -> Path:
        """Where the last description of each service is kept."""
        return self.directory / "images"


def address(text: str) -> Config:
    """Puts `host:port`, `[host]:port` or `unix:<path>` into Envoy's words; raises ValueError for another text."""
    if text.startswith("unix:"):
        return {"pipe": {"path": text.removeprefix("unix:")}}
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def typed(type_name: str, **fields: object) -> Config:
    """A message packed as Any."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def extension(name: str, type_name: str, **fields: object) -> Config:
    """A named extension with its settings."""
    return {"name": name, "typed_config": typed(type_name, **fields)}
