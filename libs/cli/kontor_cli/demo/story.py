"""Tells a person what the demo does and did."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from kontor_cli.console import err, out
from kontor_cli.demo.agent import Approvals
from kontor_cli.demo.counts import Counts
from kontor_cli.demo.salesforce import Export
from kontor_cli.demo.stages import PipelineStage, stage_for
from kontor_cli.demo.work import Tally, Tick, Work, foreign

SHOWN_REFUSALS = 5
OUTCOMES = ("created", "updated", "unchanged", "refused")


def tell_export(export: Export) -> None:
    """What was read, and how."""
    for file in export.files:
        out.print(
            f"[soft]read[/] {escape(str(file.path))}  [soft]{len(file.rows)} rows,[/] {file.encoding}", soft_wrap=True
        )


def tell_stages(export: Export, stages: Sequence[PipelineStage]) -> None:
    """Which of our stages each of theirs means."""
    meant = {each.stage: stage_for(foreign(each), stages).label for each in export.opportunities}
    arrows = "   ".join(f"{escape(theirs)} [soft]→[/] [name]{escape(ours)}[/]" for theirs, ours in meant.items())
    out.print(f"[soft]stages[/] {arrows}\n")


@contextmanager
def progress(doing: str, total: int) -> Iterator[Tick]:
    """A bar that each tick moves on."""
    columns = (TextColumn("{task.description:24}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        task = bars.add_task(doing, total=total)
        yield lambda: bars.advance(task)


def tell_work(work: Work, approvals: Approvals) -> None:
    """What became of the records."""
    table = Table(box=None, pad_edge=False, header_style="soft")
    table.add_column("through MCP, as an agent")
    for outcome in OUTCOMES:
        table.add_column(outcome, justify="right")
    for name, tally in (("companies", work.companies), ("deals", work.deals), ("moved to their stage", work.moves)):
        table.add_row(name, *(number(tally, outcome) for outcome in OUTCOMES))
    out.print()
    out.print(table)
    out.print(f"\napprovals: {approvals.asked} asked, {approvals.given} given by the operator over REST, one by one")
    for refusal in [*work.companies.refusals, *work.deals.refusals, *work.moves.refusals][:SHOWN_REFUSALS]:
        out.print(f"  [warn]![/] {escape(refusal)}")


def number(tally: Tally, outcome: str) -> str:
    """A count, quiet if it is none."""
    count = tally.outcomes[outcome]
    return str(count) if count else "[soft]·[/]"


def tell_timeline(answer: Mapping[str, Any]) -> None:
    """What happened to one deal, as the edge tells it."""
    out.print(f"\n[soft]timeline of[/] [name]{escape(answer['record']['name'])}[/] [soft]read back through the edge[/]")
    table = Table.grid(padding=(0, 2))
    for entry in answer["entries"]:
        who = entry["actor_kind"]
        table.add_row(
            "", f"[soft]{entry['occurred_at'][:19]}[/]", entry["kind"], escape(entry["title"]), f"[soft]{who}[/]"
        )
    out.print(table)


def tell_counts(ways: Mapping[str, Counts]) -> bool:
    """The three counts side by side; says whether they agree."""
    table = Table(box=None, pad_edge=False, header_style="soft")
    table.add_column("counted")
    for way in ways:
        table.add_column(way, justify="right")
    table.add_column("")
    agreed = True
    for what in dict.fromkeys(name for counts in ways.values() for name in counts):
        found = [counts.get(what, 0) for counts in ways.values()]
        same = len(set(found)) == 1
        agreed = agreed and same
        table.add_row(what, *map(str, found), "[good]✓[/]" if same else "[bad]✗[/]")
    out.print()
    out.print(table)
    out.print("\n[good]✓[/] MCP, REST and SQL agree" if agreed else "\n[bad]✗[/] MCP, REST and SQL do not agree")
    return agreed
