"""`kontor doctor`."""

import typer
from rich.markup import escape

from kontor_cli.console import out
from kontor_cli.settings import read_settings
from kontor_cli.stack.checks import Verdict, findings
from kontor_cli.stack.home import Home

SIGNS = {Verdict.GOOD: "[good]✓[/]", Verdict.WARN: "[warn]![/]", Verdict.BAD: "[bad]✗[/]"}


def doctor() -> None:
    """Checks what can be wrong with this machine and this stack, and says what to do."""
    settings = read_settings()
    bad = False
    for finding in findings(settings, Home.at(settings.data_dir)):
        bad = bad or finding.verdict is Verdict.BAD
        out.print(f"{SIGNS[finding.verdict]} {escape(finding.what)}", soft_wrap=True)
        if finding.remedy:
            out.print(f"  {escape(finding.remedy)}", soft_wrap=True)
    if bad:
        raise typer.Exit(1)
