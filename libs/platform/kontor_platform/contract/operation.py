"""What an rpc says about itself: the operation that every face, limit and audit row is derived from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from protobuf import DescMessage, Message

ALL_ROLES = "all"
ADMIN = "admin"


class Effect(StrEnum):
    """What a call does to the data."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class Approval(StrEnum):
    """Whose consent a call needs."""

    NONE = "none"
    USER = "user"
    OPERATOR = "operator"


class Content(StrEnum):
    """What the bodies over HTTP hold: messages, or the bytes of a file one way or the other."""

    MESSAGE = "message"
    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call an operation, how it is classed and how often it may run."""

    tool: str
    aliases: tuple[str, ...]
    effect: Effect
    open_world: bool
    approval: Approval
    roles: frozenset[str]
    per_actor_per_minute: int
    cost: int
    preview: bool
    internal: bool
    example: str = ""
    content: Content = Content.MESSAGE


@dataclass(frozen=True, slots=True)
class Route:
    """Where an operation answers over HTTP; the path may hold `{field}` segments."""

    method: str
    path: str

    @property
    def path_fields(self) -> list[str]:
        """Fields taken from the path."""
        return re.findall(r"{(\w+)}", self.path)


@dataclass(frozen=True, slots=True)
class Operation:
    """One rpc with its policy, its route and its words."""

    rpc: str
    service: str
    method: str
    request: DescMessage
    response: DescMessage
    request_type: type[Message]
    response_type: type[Message]
    description: str
    policy: Policy
    route: Route | None

    @property
    def name(self) -> str:
        """The tool's name, or the rpc's path for an internal operation."""
        return self.policy.tool or self.rpc

    @property
    def alias(self) -> str:
        """The dotted name: the first underscore after the domain becomes a dot."""
        return self.policy.tool.replace("_", ".", 1)

    @property
    def aliases(self) -> Sequence[str]:
        """Every further name accepted on call."""
        return (self.alias, *self.policy.aliases) if self.policy.tool else ()

    @property
    def attribute(self) -> str:
        """The Python method that runs the operation."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.method).lower()

    @property
    def title(self) -> str:
        """The rpc's name as words."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", self.method).capitalize()

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return re.split(r"(?<=\.)\s", self.description, maxsplit=1)[0]

    @property
    def is_write(self) -> bool:
        """Whether the call changes data."""
        return self.policy.effect is not Effect.READ

    @property
    def is_streamed(self) -> bool:
        """Whether bytes of any length go over HTTP and nothing over gRPC."""
        return self.policy.content is not Content.MESSAGE

    @property
    def limit_class(self) -> str:
        """The class in which calls are counted: read, write, destructive or open_world."""
        return "open_world" if self.policy.open_world else self.policy.effect.value

    def allows(self, roles: frozenset[str]) -> bool:
        """Whether one of the roles may call the operation; an admin may call every one."""
        return ALL_ROLES in self.policy.roles or ADMIN in roles or not self.policy.roles.isdisjoint(roles)
