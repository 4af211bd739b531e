"""The command `kontor` with all its parts."""

from typing import Any

import typer

from kontor_cli.commands.call import call
from kontor_cli.commands.demo import demo
from kontor_cli.commands.doctor import doctor
from kontor_cli.commands.down import down
from kontor_cli.commands.mcp import mcp
from kontor_cli.commands.migrate import migrate
from kontor_cli.commands.restart import restart
from kontor_cli.commands.status import status
from kontor_cli.commands.tenant import tenant
from kontor_cli.commands.tools import tools
from kontor_cli.commands.up import up
from kontor_cli.console import print_failure
from kontor_cli.failure import Failure


class App(typer.Typer):
    """A command that tells a person what went wrong in a sentence."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Runs the command; a failure ends it with its own exit code."""
        try:
            return super().__call__(*arguments, **options)
        except Failure as failure:
            print_failure(failure)
            raise SystemExit(failure.code) from failure


app = App(
    name="kontor",
    help="Kontor: a CRM backend that people and AI agents work in together.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
for each in (up, down, restart, status, doctor, demo, tools, call, migrate, mcp):
    app.command()(each)
app.add_typer(tenant)
