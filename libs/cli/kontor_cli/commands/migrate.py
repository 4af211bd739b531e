"""`kontor migrate`."""

from contextlib import nullcontext
from typing import Annotated

import typer

from kontor_cli.console import step
from kontor_cli.failure import Failure
from kontor_cli.settings import read_settings
from kontor_cli.stack.database import DatabaseServer, check, database_of, embedded_at, migrate_service, plain_url
from kontor_cli.stack.home import Home
from kontor_cli.stack.services import InstalledService, installed_services
from kontor_cli.stack.up import running_database

Only = Annotated[str, typer.Option("--service", help="Only this service.")]


def migrate(service: Only = "") -> None:
    """Brings every service's schema up to date, as the administrator of DATABASE_URL or of the embedded server."""
    settings = read_settings()
    home = Home.at(settings.data_dir)
    chosen = chosen_services(service)
    home.prepare()
    present = bool(settings.admin_url) or embedded_at(home).running()
    if settings.admin_url:
        check(plain_url(settings.admin_url))
    with nullcontext(database_of(settings, home)) if present else running_database(settings, home) as server:
        run(chosen, server, home)


def run(services: list[InstalledService], server: DatabaseServer, home: Home) -> None:
    """Migrates one after the other."""
    for each in services:
        with step(each.name) as remarks:
            remarks.append(migrate_service(each, server, home))


def chosen_services(name: str) -> list[InstalledService]:
    """The service of that name, or all; raises Failure naming those there are."""
    services = installed_services()
    chosen = [each for each in services if name in ("", each.name)]
    if not chosen:
        raise Failure(f"There is no service {name!r}.", f"There are: {', '.join(each.name for each in services)}.")
    return chosen
