"""Pages of lists: how long one is and what its cursor is good for."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from protobuf import Message

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.runtime.call import Call

DEFAULT_PAGE = 10
# domain/crm.md 7: an answer other than a lookup has at most 25 KB.
BUDGET = 24_000

M = TypeVar("M", bound=Message)


class Paged(Protocol):
    """A request for a page of a list."""

    page_size: int
    cursor: str


def size(request: Paged) -> int:
    """How many rows the page holds."""
    return request.page_size or DEFAULT_PAGE


def scope(call: Call, request: Message) -> str:
    """What a cursor is bound to: the tool, the tenant and every condition of the request."""
    conditions = type(request).from_binary(request.to_binary())
    conditions.cursor, conditions.page_size = "", 0
    return f"{call.operation.name}:{call.actor.tenant}:{arguments_hash(conditions)}"


def fitting(messages: Sequence[M], budget: int = BUDGET) -> Sequence[M]:
    """The first messages that fit into an answer together, at least one of them."""
    used = 0
    for count, message in enumerate(messages):
        used += len(message.to_json())
        if used > budget and count:
            return messages[:count]
    return messages
