"""`kontor demo`."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kontor_cli.commands.up import announce
from kontor_cli.demo import story
from kontor_cli.demo.agent import Agent
from kontor_cli.demo.counts import Asked, Counts, EdgeReader, counted, counted_by_sql
from kontor_cli.demo.salesforce import Export, read_export
from kontor_cli.demo.sample import write_sample
from kontor_cli.demo.work import Deal, Work
from kontor_cli.failure import Failure
from kontor_cli.settings import Settings, read_settings
from kontor_cli.stack.database import application_url, database_of
from kontor_cli.stack.detached import start_detached
from kontor_cli.stack.home import Home
from kontor_cli.stack.services import installed_services
from kontor_cli.talk.credentials import read_credentials
from kontor_cli.talk.edge import edge_client
from kontor_cli.talk.gateway import connected
from kontor_cli.talk.keys import Caller, caller

Accounts = Annotated[Path | None, typer.Option(help="Accounts of a Salesforce export, CSV in any encoding.")]
Opportunities = Annotated[Path | None, typer.Option(help="Its opportunities.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many deals, with their companies.")]
Start = Annotated[bool, typer.Option("--start", help="Starts the stack in the background if none runs.")]
TENANT = "demo"
OWNER = "crm-core"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: the agent that works, the operator who approves, the salesperson who looks."""

    agent: Caller
    operator: Caller
    sales: Caller

    @classmethod
    def of(cls, home: Home) -> "Cast":
        """The demo tenant's own; raises Failure if no stack runs."""
        return cls(*(caller(home, key="", name=name, tenant=TENANT) for name in ("agent", "operator", "sales")))


@dataclass(frozen=True, slots=True)
class Told:
    """What the demo found in the end."""

    asked: Asked
    by_mcp: Counts
    by_rest: Counts


def demo(
    accounts: Accounts = None, opportunities: Opportunities = None, limit: Limit = None, start: Start = False
) -> None:
    """Has an agent bring another CRM's companies and deals in over MCP, while an operator approves each write."""
    settings = read_settings()
    home = Home.at(settings.data_dir)
    if start and home.running() is None:
        announce(start_detached(home), home, "kontor down")
    cast = Cast.of(home)
    whole = read_export(*paths(accounts, opportunities, home))
    export = whole if limit is None else whole.limited(limit)
    story.tell_export(export)
    told = asyncio.run(perform(cast, export))
    by_sql = counted_by_sql(owner_url(settings, home), tenant_id(home), told.asked)
    if not story.tell_counts({"MCP": told.by_mcp, "REST": told.by_rest, "SQL": by_sql}):
        raise typer.Exit(1)


def paths(accounts: Path | None, opportunities: Path | None, home: Home) -> tuple[Path, Path]:
    """The files named, or a sample of our own; raises Failure if only one is named."""
    if accounts is not None and opportunities is not None:
        return accounts, opportunities
    if accounts is not None or opportunities is not None:
        raise Failure("The demo needs both files, or none.", "Name both: --accounts PATH --opportunities PATH")
    return write_sample(home.data_dir / "sample")


async def perform(cast: Cast, export: Export) -> Told:
    """Does the work and counts it over MCP and REST."""
    async with (
        connected(cast.agent) as gateway,
        edge_client(cast.operator.edge_url, cast.operator.key) as operator,
        edge_client(cast.sales.edge_url, cast.sales.key) as sales,
    ):
        agent = Agent(gateway, operator)
        work = Work(agent)
        deals = await do(work, export)
        story.tell_work(work, agent.approvals)
        if deals:
            shown = next((each for each in deals if each.stage != each.wanted), deals[0])
            story.tell_timeline(await sales.post("/crm/timeline", {"record_id": shown.id}))
        asked = asked_for(export, deals)
        with story.progress("counting over MCP, REST", 2) as tick:
            by_mcp = await counted(agent, asked)
            tick()
            by_rest = await counted(EdgeReader(sales), asked)
            tick()
        return Told(asked, by_mcp, by_rest)


async def do(work: Work, export: Export) -> list[Deal]:
    """Companies first, since deals are linked to them; then the deals; then the moves."""
    stages = await work.stages()
    story.tell_stages(export, stages)
    with story.progress("companies", len(export.accounts)) as tick:
        await work.bring_companies(export.accounts, tick)
    with story.progress("deals", len(export.opportunities)) as tick:
        deals = await work.bring_deals(export.opportunities, stages, tick)
    misplaced = [each for each in deals if each.stage != each.wanted]
    with story.progress("moving the pipeline", len(misplaced)) as tick:
        await work.move(misplaced, tick)
    return deals


def asked_for(export: Export, deals: list[Deal]) -> Asked:
    """What is counted in the end."""
    return Asked(
        companies=[each.id for each in export.accounts],
        deals=[each.id for each in export.opportunities],
        deal_ids=[each.id for each in deals],
    )


def owner_url(settings: Settings, home: Home) -> str:
    """The database as the service that owns companies and deals sees it; raises Failure."""
    for service in installed_services():
        if service.name == OWNER:
            return application_url(database_of(settings, home), service, home)
    raise Failure(f"{OWNER} is not installed here, so its rows cannot be counted.")


def tenant_id(home: Home) -> str:
    """The demo tenant."""
    return read_credentials(home.credentials).demo.tenant
