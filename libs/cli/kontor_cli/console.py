"""The two streams a person reads: answers on standard output, everything else on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.theme import Theme

from kontor_cli.failure import Failure

THEME = Theme(
    {
        "good": "green",
        "bad": "bold red",
        "warn": "yellow",
        "soft": "dim",
        "name": "bold",
        "link": "cyan",
    }
)

out = Console(theme=THEME, highlight=False)
err = Console(theme=THEME, highlight=False, stderr=True)


def print_failure(failure: Failure) -> None:
    """Says what went wrong and, on a line of its own, what to do."""
    err.print(f"[bad]✗[/] {escape(failure.message)}", soft_wrap=True)
    if failure.remedy:
        err.print(f"  {escape(failure.remedy)}", soft_wrap=True)
    if failure.details:
        err.print(f"[soft]{escape(failure.details)}[/]", soft_wrap=True)


@contextmanager
def step(doing: str) -> Iterator[list[str]]:
    """Shows that something is being done, then that it is done and how long it took; the block may add remarks."""
    began, remarks = time.monotonic(), list[str]()
    with err.status(f"{doing} …"):
        yield remarks
    taken = time.monotonic() - began
    told = f" [soft]{escape(', '.join(remarks))}[/]" if remarks else ""
    err.print(f"[good]✓[/] {doing}{told} [soft]{taken:.1f} s[/]", soft_wrap=True)
