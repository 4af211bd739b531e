"""Profiles: what a client may have its catalogue narrowed to, whatever its key may do."""

from dataclasses import dataclass

from kontor_platform.contract.operation import Operation


@dataclass(frozen=True, slots=True)
class Profile:
    """The classes of operations, as limits know them, that exist for a connection."""

    name: str
    classes: frozenset[str]

    def offers(self, operation: Operation) -> bool:
        """Whether an operation exists in it."""
        return operation.limit_class in self.classes


WHOLE = Profile("", frozenset({"read", "write", "destructive", "open_world"}))
# What reads and stays inside; and with it what can be taken back.
PROFILES = {
    each.name: each for each in (Profile("read", frozenset({"read"})), Profile("write", frozenset({"read", "write"})))
}
