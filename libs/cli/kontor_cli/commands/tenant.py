"""`kontor tenant`."""

import json
from typing import Annotated

import typer
from rich.table import Table

from kontor_cli.commands.options import AsJson
from kontor_cli.console import err, out
from kontor_cli.settings import read_settings
from kontor_cli.stack.database import database_of
from kontor_cli.stack.home import Home
from kontor_cli.stack.programs import Environments
from kontor_cli.stack.services import installed_services
from kontor_cli.stack.tenants import TenantKeys, TenantOffice, office

tenant = typer.Typer(name="tenant", help="Makes tenants and their first keys, on the host.", no_args_is_help=True)
Slug = Annotated[str, typer.Option(help="Short name, lower case; from the name if left out.")]


@tenant.command()
def create(
    name: Annotated[str, typer.Option(help="What the tenant is called.")],
    admin: Annotated[str, typer.Option(help="E-mail address of its first admin.")],
    approver: Annotated[str, typer.Option(help="E-mail address of the second person, who approves.")],
    slug: Slug = "",
    as_json: AsJson = False,
) -> None:
    """Makes a tenant with two people and prints their keys, once."""
    show(here().create(slug or slug_of(name), name, admin, approver, demo=False), as_json=as_json)


@tenant.command()
def keys(slug: Annotated[str, typer.Argument(help="The tenant.")], as_json: AsJson = False) -> None:
    """Revokes the keys made on the host and prints new ones, once."""
    show(here().renew(slug), as_json=as_json)


@tenant.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Names the tenants."""
    found = here().tenants()
    if as_json:
        out.print_json(json.dumps([{"tenant": each.id, "slug": each.slug, "name": each.name} for each in found]))
        return
    table = Table(box=None, pad_edge=False, header_style="soft")
    for column in ("slug", "name", "id"):
        table.add_column(column)
    for each in found:
        table.add_row(f"[name]{each.slug}[/]", each.name, f"[soft]{each.id}[/]")
    out.print(table)


def here() -> TenantOffice:
    """The office of this stack; raises Failure if its database does not run."""
    settings = read_settings()
    home = Home.at(settings.data_dir)
    services = installed_services()
    return office(Environments.of_one_each(settings, home, database_of(settings, home), services), services)


def slug_of(name: str) -> str:
    """A short name made from a long one."""
    letters = "".join(each if each.isascii() and each.isalnum() else "-" for each in name.lower())
    return "-".join(part for part in letters.split("-") if part)[:63]


def show(issued: TenantKeys, *, as_json: bool) -> None:
    """Prints a tenant's new keys."""
    if as_json:
        out.print_json(json.dumps({"tenant": issued.id, "slug": issued.slug, "keys": dict(issued.keys)}))
        return
    out.print(f"tenant [name]{issued.slug}[/] [soft]{issued.id}[/]")
    for name, key in issued.keys.items():
        out.print(f"  [soft]{name:16}[/] {key}", soft_wrap=True)
    err.print("[warn]![/] The keys are shown this once; only their hashes are kept.")
