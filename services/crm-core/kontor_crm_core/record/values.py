"""Lists of values a record has several of, and how a wish changes them."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class MultiValueMode(StrEnum):
    """What happens to the values given."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


def combined(present: Sequence[T], given: Sequence[T], mode: MultiValueMode, key: Callable[[T], object]) -> list[T]:
    """The values after the wish, in order and each once; what there is keeps its place and its spelling."""
    if not present:
        return [] if mode is MultiValueMode.REMOVE else list({key(each): each for each in given}.values())
    held = {key(each): each for each in present}
    told = {key(each): each for each in given}
    if mode is MultiValueMode.ADD:
        return [*held.values(), *(each for name, each in told.items() if name not in held)]
    if mode is MultiValueMode.REMOVE:
        return [each for name, each in held.items() if name not in told]
    return [held.get(name, each) for name, each in told.items()] if told else list(present)
