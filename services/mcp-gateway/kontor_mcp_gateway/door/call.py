"""One call of a tool on its way through the gateway."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from protobuf import Message

from kontor_mcp_gateway.approvals.records import Bound, Terms
from kontor_mcp_gateway.approvals.rules import Level, level_needed, votes_needed
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.contract.canonical import fingerprint
from kontor_platform.contract.problem import InvalidField
from kontor_platform.runtime.tenant_policy import TenantPolicy

MAX_KEY = 255
CLIENT_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Control:
    """What a caller says about a call, as opposed to what the call is given."""

    user_approved: bool = False
    approval_id: UUID | None = None
    idempotency_key: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """Whether the client can ask its person by a form or open a link, and what the person answered when it did."""

    possible: bool = False
    opens_links: bool = False
    approval_id: UUID | None = None
    action: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call as a face hands it over: nothing decoded, nothing decided."""

    tool: Tool
    sent_as: str
    arguments: object
    controls: Mapping[str, Any]
    caller: Caller
    call_id: UUID
    face: str
    client_name: str = ""
    tainted: bool = False
    prompt: Prompt = field(default_factory=Prompt)


@dataclass(frozen=True)
class ToolCall:
    """A call whose request was decoded and validated."""

    ask: Ask
    caller: Caller
    policy: TenantPolicy
    control: Control
    request: Message

    @property
    def tool(self) -> Tool:
        """The tool called."""
        return self.ask.tool

    @cached_property
    def plain(self) -> dict[str, Any]:
        """What is sent to the service, as JSON without the values nobody set."""
        told: dict[str, Any] = json.loads(self.request.to_json())
        return told

    @cached_property
    def args_hash(self) -> str:
        """The hash of what is sent to the service, as `arguments_hash` has it there."""
        return fingerprint(self.plain)

    @cached_property
    def level(self) -> Level:
        """The evidence the call needs; a dry run needs none."""
        operation = self.tool.operation
        if self.control.dry_run:
            return Level.NONE
        return level_needed(
            operation.policy.approval.value,
            writes=operation.is_write,
            grave=operation.limit_class in ("destructive", "open_world"),
            mode=self.policy.mode,
            tainted=self.ask.tainted,
        )

    @property
    def votes_needed(self) -> int:
        """How many people must agree to it."""
        return votes_needed(self.tool.operation.policy.approval.value, self.policy.mode)

    @cached_property
    def bound(self) -> Bound:
        """What an approval for it is bound to."""
        principal = self.caller.principal
        return Bound(principal.tenant, principal.actor, principal.key, self.tool.name, self.args_hash)

    @cached_property
    def terms(self) -> Terms:
        """What must still hold when an approval for it is used."""
        return Terms(self.tool.fingerprint, self.tool.policy_version(self.policy), self.level)


def client_name(name: object) -> str:
    """What a client calls itself, for display only."""
    return name[:CLIENT_NAME_LENGTH] if isinstance(name, str) else ""


def taken_out(arguments: Mapping[str, Any], names: frozenset[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the call itself, and the control arguments among them."""
    own = {name: value for name, value in arguments.items() if name not in names}
    return own, {name: value for name, value in arguments.items() if name in names and value is not None}


def control_of(values: Mapping[str, Any]) -> Control:
    """The control arguments as a value; raises InvalidField."""
    return Control(
        user_approved=_flag(values, "user_approved"),
        approval_id=_id(values.get("approval_id")),
        idempotency_key=_key(values.get("idempotency_key", "")),
        dry_run=_flag(values, "dry_run"),
    )


def _flag(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        raise InvalidField(f"'{name}' must be true or false.", field=name)
    return value


def _id(value: Any) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidField(
            "'approval_id' must be a UUID, as `approval_required` told it.", field="approval_id"
        ) from error


def _key(value: Any) -> str:
    if value == "" or (isinstance(value, str) and len(value) <= MAX_KEY and value.isascii() and value.isprintable()):
        return str(value)
    raise InvalidField(
        f"'idempotency_key' must be at most {MAX_KEY} printable ASCII characters.", field="idempotency_key"
    )
