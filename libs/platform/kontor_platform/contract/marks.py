"""Fields marked secret or personal in the proto, and messages without them."""

import copy
from functools import cache
from typing import TypeVar

from kontor_protos.kontor.platform.v1 import policy_pb
from protobuf import DescField, DescFieldValueList, DescMessage, Extension, Message

M = TypeVar("M", bound=Message)
HIDDEN = "[hidden]"


@cache
def marked(described: DescField, mark: Extension) -> bool:  # type: ignore[type-arg]
    """Whether a field carries a mark."""
    options = described.proto.options
    return options is not None and mark in options and bool(options[mark])


def inner_message(described: DescField) -> DescMessage | None:
    """The message a field holds, alone or in a list."""
    kind = described.value
    held = kind.element if isinstance(kind, DescFieldValueList) else getattr(kind, "message", None)
    return held if isinstance(held, DescMessage) else None


@cache
def holds_secrets(described: DescMessage) -> bool:
    """Whether a message has a secret field at any depth."""
    return holds(described, policy_pb.ext_secret, ())


def holds(described: DescMessage, mark: Extension, above: tuple[str, ...]) -> bool:  # type: ignore[type-arg]
    """Whether a message has a marked field at any depth."""
    if described.type_name in above:
        return False
    inner = [held for each in described.fields if (held := inner_message(each)) is not None]
    return any(marked(each, mark) for each in described.fields) or any(
        holds(held, mark, (*above, described.type_name)) for held in inner
    )


def without_secrets(message: M) -> tuple[M, bool]:
    """A message whose secret fields are empty, and whether any of them held something."""
    if not holds_secrets(message.desc()):
        return message, False
    kept = copy.deepcopy(message)
    return kept, _clear(kept)


def _clear(message: Message) -> bool:
    cleared = False
    for described in list(message):
        if marked(described, policy_pb.ext_secret):
            del message[described]
            cleared = True
        elif inner_message(described) is not None:
            held = message[described]
            many = held if isinstance(described.value, DescFieldValueList) else [held]
            cleared = any([_clear(each) for each in many if isinstance(each, Message)]) or cleared
    return cleared


def hidden_names(described: DescMessage) -> frozenset[str]:
    """Names of fields, at any depth, that logs and previews may not show."""
    return frozenset(_hidden(described, ()))


def _hidden(described: DescMessage, above: tuple[str, ...]) -> list[str]:
    if described.type_name in above:
        return []
    names = [
        each.name
        for each in described.fields
        if marked(each, policy_pb.ext_secret) or marked(each, policy_pb.ext_personal)
    ]
    for each in described.fields:
        if (held := inner_message(each)) is not None:
            names += _hidden(held, (*above, described.type_name))
    return names


__all__ = ["HIDDEN", "hidden_names", "holds_secrets", "marked", "without_secrets"]
