"""The work of the demo: companies, then deals, then the pipeline; every step may be repeated."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kontor_cli.demo.agent import Agent
from kontor_cli.demo.salesforce import Account, Opportunity
from kontor_cli.demo.stages import ForeignStage, PipelineStage, stage_for
from kontor_cli.talk.gateway import Answer

AT_ONCE = 8
TAKEN = "identity_taken"
T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[], None]


@dataclass(slots=True)
class Tally:
    """What became of the records of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)

    def add(self, name: str, answer: Answer) -> None:
        """Counts an answer."""
        if answer.refused:
            self.refusals.append(f"{name}: {answer.content.get('message', answer.code)}")
        self.outcomes["refused" if answer.refused else str(answer.content["outcome"])] += 1


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal as it is here, and the stage it belongs in."""

    id: str
    name: str
    stage: str
    wanted: str


@dataclass(slots=True)
class Work:
    """Does the work with one agent and keeps count."""

    agent: Agent
    companies: Tally = field(default_factory=Tally)
    deals: Tally = field(default_factory=Tally)
    moves: Tally = field(default_factory=Tally)

    async def stages(self) -> list[PipelineStage]:
        """The stages of the default pipeline, which a new tenant gets by this call."""
        answer = await self.agent.read("crm_list_pipelines", {})
        first = answer["pipelines"][0]["stages"]
        return [PipelineStage(each["label"], each["kind"], each["probability"]) for each in first]

    async def bring_companies(self, accounts: Sequence[Account], tick: Tick) -> None:
        """Creates or updates every company."""

        async def bring(account: Account) -> None:
            self.companies.add(account.name, await self.agent.write("crm_upsert_company", account.arguments))
            tick()

        await at_once(bring, accounts)

    async def bring_deals(
        self, opportunities: Sequence[Opportunity], stages: Sequence[PipelineStage], tick: Tick
    ) -> list[Deal]:
        """Creates the deals that are not here yet: open ones in the first stage, closed ones where they ended."""

        async def bring(opportunity: Opportunity) -> Deal | None:
            deal = await self._bring_deal(opportunity, stage_for(foreign(opportunity), stages).label)
            tick()
            return deal

        return [deal for deal in await at_once(bring, opportunities) if deal is not None]

    async def _bring_deal(self, opportunity: Opportunity, wanted: str) -> Deal | None:
        ended = {"stage": wanted, **opportunity.closing} if opportunity.is_closed else {}
        answer = await self.agent.write("crm_create_deal", {**opportunity.arguments, **ended})
        if answer.code == TAKEN:
            known = await self.agent.read("crm_get_record", {"id": answer.content["ids"][0]})
            answer = Answer(refused=False, content={"outcome": "unchanged", "deal": known["deal"]})
        self.deals.add(opportunity.name, answer)
        return None if answer.refused else deal_of(answer.content["deal"], wanted)

    async def move(self, deals: Sequence[Deal], tick: Tick) -> None:
        """Moves every deal that is not in its stage yet."""

        async def to_stage(deal: Deal) -> None:
            arguments = {"deal_id": deal.id, "stage": deal.wanted}
            self.moves.add(deal.name, await self.agent.write("crm_update_pipeline", arguments))
            tick()

        await at_once(to_stage, deals)


def deal_of(told: Mapping[str, Any], wanted: str) -> Deal:
    """A deal as a tool tells of it."""
    return Deal(told["id"], told["name"], told["stage"], wanted)


def foreign(opportunity: Opportunity) -> ForeignStage:
    """The stage of an opportunity in its own system."""
    return ForeignStage(opportunity.stage, opportunity.probability, opportunity.is_closed, opportunity.is_won)


async def at_once(work: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """The results in order, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: T) -> R:
        async with gate:
            return await work(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]
