"""What may become of long work, decided without I/O."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """How far long work has come."""

    STARTED = "started"
    PROCESSING = "processing"
    CHECKED = "checked"
    DEFERRED = "deferred"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"
    REVERTING = "reverting"
    REVERTED = "reverted"


WAITING = frozenset({State.STARTED, State.DEFERRED})
RUNNING = frozenset({State.STARTED, State.PROCESSING})
ENDED = frozenset({State.CHECKED, State.DONE, State.FAILED, State.CANCELED, State.REVERTED})
# Of these a tenant runs so many at once; more of them wait.
AT_ONCE: Mapping[str, int] = {"import": 3}
UNDONE_BY: Mapping[str, str] = {"import": "crm_import_revert", "merge": "crm_unmerge_contacts"}
KEPT = frozenset({State.DONE, State.FAILED, State.CANCELED})
CODE = "code:"


def room(kind: str, running: int) -> int:
    """How many more of a kind may begin beside those that run; a large number where there is no limit."""
    return max(0, AT_ONCE[kind] - running) if kind in AT_ONCE else 1_000_000


def first_state(kind: str, running: int) -> State:
    """Whether new work begins or waits for its turn."""
    return State.STARTED if room(kind, running) else State.DEFERRED


def undo_tool(kind: str, state: str, position: int) -> str:
    """The tool that takes back what the work did; empty where nothing was done, or nothing can be taken back."""
    return UNDONE_BY.get(kind, "") if state in KEPT and position else ""


def share(position: int, total: int | None) -> int:
    """Whole percent of the way; 0 while the length is unknown."""
    return min(100, position * 100 // total) if total else 0
