"""The file `server.yaml`: policy by tenant, static tokens and service addresses, watched and swapped whole."""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from kontor_platform.runtime.tenant_policy import Limits, Mode, TenantPolicy

__all__ = ["ConfigInvalid", "Limits", "ServerConfig", "StaticToken", "TenantPolicy"]

log = structlog.get_logger(__name__)

Role = Literal["admin", "manager", "sales", "support", "marketing", "auditor", "integration", "viewer"]
LimitClass = Literal["read", "write", "destructive", "open_world"]
ToolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class ConfigInvalid(ValueError):
    """The file cannot be used; the message names the line of each fault."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Limits(_Section):
    every: PositiveInt | None = None
    tenant: PositiveInt | dict[LimitClass, PositiveInt] | None = None
    actor: PositiveInt | None = None
    key: PositiveInt | None = None
    roles: Mapping[Role, PositiveInt] = {}
    tools: dict[ToolName, PositiveInt] = {}


class _Tools(_Section):
    allow: frozenset[ToolName] | None = None
    deny: frozenset[ToolName] = frozenset()


class _Off(_Section):
    tenant: bool = False
    actors: frozenset[UUID] = frozenset()
    tools: frozenset[ToolName] = frozenset()


class _Tenant(_Section):
    mode: Mode | None = None
    limits: _Limits = _Limits()
    tools: _Tools = _Tools()
    roles: dict[ToolName, frozenset[Role]] = {}
    switched_off: _Off = _Off()
    catalog_search: bool | None = None


class _Token(_Section):
    token: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
    tenant: Slug
    actor: Annotated[str, Field(min_length=1)]
    kind: Literal["user", "agent", "service"] = "agent"
    roles: Annotated[frozenset[Role], Field(min_length=1)]


class _File(_Section):
    defaults: _Tenant = _Tenant()
    tenants: dict[Slug, _Tenant] = {}
    tokens: list[_Token] = []
    services: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], Annotated[str, Field(min_length=1)]] = {}


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A token from the file and the principal it stands for; crm-governance alone resolves it."""

    source: str
    tenant: str
    actor: str
    kind: str
    roles: frozenset[str]
    base: Path

    def digest(self, environment: Mapping[str, str] = os.environ) -> str:
        """SHA-256 in hex of the token, empty if the variable or file it names is not there."""
        scheme, _, rest = self.source.partition(":")
        if scheme == "sha256":
            return rest
        secret = environment.get(rest, "") if scheme == "env" else _content(self.base / rest)
        return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    defaults: TenantPolicy = field(default_factory=TenantPolicy)
    tenants: Mapping[str, TenantPolicy] = field(default_factory=dict)
    tokens: tuple[StaticToken, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)


class ServerConfig:
    """The policy in force; readers ask it anew for each call, since a changed file is swapped in whole.

    `problem` is what is wrong with the file on disk while an older one stays in force, else empty.
    """

    def __init__(self, path: Path | None, snapshot: _Snapshot, seen: tuple[int, ...]) -> None:
        self.path = path
        self.problem = ""
        self._snapshot = snapshot
        self._seen = seen

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Reads the file, or the defaults without one; raises ConfigInvalid naming the lines at fault."""
        if path is None:
            return cls(None, _Snapshot(), ())
        seen = _stamp(path)
        return cls(path, _read(path), seen)

    def tenant(self, slug: str) -> TenantPolicy:
        """Answers the policy of a tenant, the defaults for one that the file does not name."""
        return self._snapshot.tenants.get(slug, self._snapshot.defaults)

    @property
    def slugs(self) -> frozenset[str]:
        """The tenants that the file names."""
        return frozenset(self._snapshot.tenants)

    @property
    def tokens(self) -> tuple[StaticToken, ...]:
        """The static tokens."""
        return self._snapshot.tokens

    @property
    def services(self) -> Mapping[str, str]:
        """The gRPC addresses of services by name."""
        return self._snapshot.services

    def reload_if_changed(self) -> bool:
        """Swaps in a changed file and says whether it did; a faulty one is reported and the old one stays."""
        if self.path is None or (seen := _stamp(self.path)) == self._seen:
            return False
        self._seen = seen
        try:
            self._snapshot = _read(self.path)
        except ConfigInvalid as invalid:
            self.problem = str(invalid)
            log.error("server_config_kept", problem=self.problem)
            return False
        self.problem = ""
        log.info("server_config_loaded", tenants=len(self._snapshot.tenants))
        return True

    async def watch(self, every_s: float = 1.0) -> None:
        """Looks for a changed file until it is cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.reload_if_changed()


def _read(path: Path) -> _Snapshot:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: cannot be read: {error}") from error
    return _compiled(_parsed(text, path.name), path.parent)


def _parsed(text: str, name: str) -> _File:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        repeated = _repeated(root)
        value = yaml.safe_load(text) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigInvalid(f"{name} line {line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigInvalid(f"{name}: {error}") from error
    if repeated:
        raise ConfigInvalid(f"{name} line {repeated.start_mark.line + 1}: {repeated.value} stands twice")
    try:
        return _File.model_validate(value)
    except ValidationError as invalid:
        faults = (
            f"{name} line {_line(root, error['loc'])}: {_told(error['loc'], error['msg'])}"
            for error in invalid.errors()
        )
        raise ConfigInvalid("; ".join(faults)) from invalid


def _repeated(node: yaml.Node | None) -> yaml.ScalarNode | None:
    if isinstance(node, yaml.SequenceNode):
        return next((found for each in node.value if (found := _repeated(each))), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    names: set[str] = set()
    for key, value in node.value:
        if key.value in names:
            return key if isinstance(key, yaml.ScalarNode) else None
        names.add(key.value)
        if found := _repeated(value):
            return found
    return None


def _line(root: yaml.Node | None, where: tuple[str | int, ...]) -> int:
    node, line = root, 1
    for step in where:
        found = _child(node, step)
        if found is not None:
            key, node = found
            line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _told(where: tuple[str | int, ...], message: str) -> str:
    return f"{'.'.join(str(step) for step in where)}: {message}"


def _compiled(file: _File, base: Path) -> _Snapshot:
    tokens = (StaticToken(each.token, each.tenant, each.actor, each.kind, each.roles, base) for each in file.tokens)
    return _Snapshot(
        defaults=_policy(file.defaults, _Tenant()),
        tenants={slug: _policy(tenant, file.defaults) for slug, tenant in file.tenants.items()},
        tokens=tuple(tokens),
        services=file.services,
    )


def _policy(own: _Tenant, base: _Tenant) -> TenantPolicy:
    allow = [each for each in (own.tools.allow, base.tools.allow) if each is not None]
    return TenantPolicy(
        mode=own.mode or base.mode or "verified",
        limits=_limits(own.limits, base.limits),
        allowed=frozenset.intersection(*allow) if allow else None,
        denied=own.tools.deny | base.tools.deny,
        narrowed=_narrowed(own.roles, base.roles),
        off=own.switched_off.tenant or base.switched_off.tenant,
        actors_off=own.switched_off.actors | base.switched_off.actors,
        tools_off=own.switched_off.tools | base.switched_off.tools,
        catalog_search=bool(base.catalog_search if own.catalog_search is None else own.catalog_search),
    )


def _narrowed(own: Mapping[str, frozenset[Role]], base: Mapping[str, frozenset[Role]]) -> dict[str, frozenset[str]]:
    both = {tool: own[tool] & base[tool] for tool in own.keys() & base.keys()}
    return {**base, **own, **both}


def _limits(own: _Limits, base: _Limits) -> Limits:
    if own.every:
        base = _Limits()
    return Limits(
        every=own.every or base.every or 0,
        classes={**_classes(base), **_classes(own)},
        per_actor=own.actor or base.actor or 0,
        per_key=own.key or base.key or 0,
        roles={str(role): number for role, number in [*base.roles.items(), *own.roles.items()]},
        tools={**base.tools, **own.tools},
    )


def _classes(limits: _Limits) -> Mapping[str, int]:
    if isinstance(limits.tenant, int):
        return dict.fromkeys(("read", "write", "destructive", "open_world"), limits.tenant)
    return {str(name): number for name, number in (limits.tenant or {}).items()}


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        seen = path.stat()
    except OSError:
        return ()
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
