"""The edge over REST: as a frontend calls it, and as a person decides."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

from kontor_cli.failure import Failure

SECONDS = 30.0
Verdict = Literal["approve", "deny"]


@dataclass(frozen=True, slots=True)
class EdgeClient:
    """REST calls with one key."""

    http: httpx2.AsyncClient

    async def get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Reads; raises Failure with the problem's own words."""
        return _understood(await self.http.get(path, params=dict(query)))

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Calls an operation; raises Failure with the problem's own words."""
        return _understood(await self.http.post(path, json=dict(body)))

    async def decide(self, approval: str, verdict: Verdict, reason: str = "") -> dict[str, Any]:
        """Decides an approval as the person whose key this is."""
        return await self.post(f"/approvals/{approval}/decide", {"decision": verdict, "reason": reason})


@asynccontextmanager
async def edge_client(url: str, key: str) -> AsyncIterator[EdgeClient]:
    """A client for as long as the block; raises Failure where the edge cannot be reached."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=SECONDS, trust_env=False) as http:
        try:
            yield EdgeClient(http)
        except httpx2.TransportError as error:
            raise Failure(f"The edge at {url} does not answer.", "kontor status shows what runs.") from error


def _understood(answer: httpx2.Response) -> dict[str, Any]:
    if "json" not in answer.headers.get("content-type", ""):
        raise Failure(f"{answer.request.url} answered {answer.status_code} without JSON.")
    told: dict[str, Any] = answer.json()
    if answer.is_error:
        message = told.get("message") or told.get("detail") or told.get("title", "")
        raise Failure(f"{answer.request.method} {answer.request.url.path}: {told.get('code', '')}: {message}")
    return told
