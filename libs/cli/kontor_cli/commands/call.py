"""`kontor call`."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from mcp.client.session import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult
from rich.markup import escape
from rich.prompt import Confirm

from kontor_cli.commands.options import As, AsJson, Key, Tenant, Url
from kontor_cli.commands.tools import named
from kontor_cli.console import err, out
from kontor_cli.settings import read_settings
from kontor_cli.stack.home import Home
from kontor_cli.talk import render
from kontor_cli.talk.arguments import parse_arguments
from kontor_cli.talk.edge import edge_client
from kontor_cli.talk.gateway import Answer, Gateway, connected
from kontor_cli.talk.keys import Caller, caller

Words = Annotated[
    list[str] | None, typer.Argument(metavar="[key=value ...]", help="key=text, key:=JSON, outer.inner=text")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approves without asking.")]
DecideAs = Annotated[str, typer.Option("--decide-as", help="Whose key of credentials.json approves.")]
DecideKey = Annotated[str, typer.Option("--decide-key", envvar="KONTOR_DECIDE_KEY", help="The API key that approves.")]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants done, and how they want to be asked."""

    tool: str
    words: list[str]
    decider: Caller | None
    yes: bool
    interactive: bool


def call(
    tool: Annotated[str, typer.Argument(help="The tool, as crm_create_deal or crm.create_deal.")],
    words: Words = None,
    key: Key = "",
    as_: As = "agent",
    tenant: Tenant = "demo",
    url: Url = "",
    yes: Yes = False,
    decide_as: DecideAs = "operator",
    decide_key: DecideKey = "",
    as_json: AsJson = False,
) -> None:
    """Calls a tool over MCP; where it needs an approval, shows what would change and asks you."""
    home = Home.at(read_settings().data_dir)
    who = caller(home, key=key, name=as_, tenant=tenant, url=url)
    # The keys of credentials.json are of no use at a gateway elsewhere.
    elsewhere = bool(url and key and not decide_key)
    decider = None if elsewhere else caller(home, key=decide_key, name=decide_as, tenant=tenant, url=url)
    interactive = not as_json and sys.stdin.isatty()
    answer = asyncio.run(carried_out(who, Wish(tool, words or [], decider, yes, interactive)))
    show(answer, as_json=as_json)
    if answer.refused:
        raise typer.Exit(1)


async def carried_out(who: Caller, wish: Wish) -> Answer:
    """Calls, lets the person decide where that is asked, and calls again."""
    ask = Elicited(wish) if wish.interactive or wish.yes else None
    async with connected(who, elicitation=ask) as gateway:
        # What this caller does not find, the gateway refuses with its reason: a missing role, or a near name.
        tool = named(await gateway.tools(), wish.tool)
        arguments = parse_arguments(wish.words, tool.input_schema if tool else {})
        answer = await gateway.call(wish.tool, arguments)
        return await decided(gateway, arguments, answer, wish) if answer.needs_approval else answer


async def decided(gateway: Gateway, arguments: Mapping[str, Any], asked: Answer, wish: Wish) -> Answer:
    """Shows what would change, has it decided, and repeats the call."""
    approval = str(asked.content["approval_id"])
    err.print(render.approval(wish.tool, asked.content))
    if wish.decider is None or not (wish.yes or wish.interactive):
        how = f"Another key decides: POST /approvals/{approval}/decide; then repeat with approval_id={approval}"
        err.print(how, soft_wrap=True)
        return asked
    approve = wish.yes or await asyncio.to_thread(Confirm.ask, f"Approve as {wish.decider.name}?", console=err)
    async with edge_client(wish.decider.edge_url, wish.decider.key) as edge:
        await edge.decide(approval, "approve" if approve else "deny", "" if approve else "Denied at the prompt.")
    err.print(f"[good]✓[/] approved by {wish.decider.name}" if approve else f"[warn]denied by {wish.decider.name}[/]")
    return await gateway.call(wish.tool, {**arguments, "approval_id": approval})


class Elicited:
    """Answers the gateway's own question to an interactive client."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        """Shows the question and answers what the person says."""
        err.print(escape(params.message))
        approve = self._wish.yes or await asyncio.to_thread(Confirm.ask, "Approve?", console=err)
        return ElicitResult(action="accept", content={}) if approve else ElicitResult(action="decline")


def show(answer: Answer, *, as_json: bool) -> None:
    """Prints the answer; a refusal goes to standard error."""
    if as_json:
        out.print_json(json.dumps(answer.content))
    elif answer.refused:
        err.print(render.refusal(answer.content))
    else:
        out.print(render.shown(answer.content))
        if answer.replayed:
            err.print("[soft]This call had run before; the first answer is shown.[/]")
