"""An agent that asks before it writes, and the operator who answers it, one record at a time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kontor_cli.talk.edge import EdgeClient
from kontor_cli.talk.gateway import Answer, Gateway

PATIENCE = 5
WAITED_FOR = ("rate_limited", "unavailable", "idempotency_running")


@dataclass(slots=True)
class Approvals:
    """How many approvals were asked for and given."""

    asked: int = 0
    given: int = 0


@dataclass(frozen=True, slots=True)
class Agent:
    """Writes over MCP with an agent's key; every write waits for the operator's decision over REST."""

    gateway: Gateway
    operator: EdgeClient
    approvals: Approvals = field(default_factory=Approvals)

    async def read(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reading tool answers."""
        return (await self._call(tool, arguments)).content

    async def write(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Tries the call first; asks nobody where nothing would change or the trial is refused."""
        tried = await self._call(tool, {**arguments, "dry_run": True})
        if tried.refused or tried.content.get("outcome") == "unchanged":
            return tried
        asked = await self._call(tool, arguments)
        if not asked.needs_approval:
            return asked
        approval = str(asked.content["approval_id"])
        self.approvals.asked += 1
        await self.operator.decide(approval, "approve", f"{tool} as previewed")
        self.approvals.given += 1
        return await self._call(tool, {**arguments, "approval_id": approval})

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """A call, repeated when the gateway says that waiting helps."""
        for _ in range(PATIENCE):
            answer = await self.gateway.call(tool, arguments)
            if answer.code not in WAITED_FOR:
                break
            await asyncio.sleep(float(answer.content.get("retry_after_s") or 1))
        return answer
