"""Clients as docs/clients.md sets them up."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from support.model import ModelApi, model_api
from support.node import NPX, environment_of_node
from support.plugin import ConnectEdge
from support.stack import Stack
from support.tenants import Tenant

SECONDS = 60
TASK = {"title": "Call Ada", "due": "2030-03-29"}


async def ran(repository: Path, stack: Stack, key: str, api: ModelApi) -> dict[str, Any]:
    """What the OpenAI agent of the documentation says, which is what its tool answered."""
    environment = os.environ | {
        "KONTOR_URL": stack.mcp_url,
        "KONTOR_KEY": key,
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": api.url,
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
    }
    program = repository / "docs" / "clients" / "openai_agent.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        "Do it",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        said, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    told: dict[str, Any] = json.loads(said)
    return told


async def test_an_openai_agent_asks_and_is_let_through(
    repository: Path, stack: Stack, tenant: Tenant, at_edge: ConnectEdge
) -> None:
    """The model is offered the catalogue; its write waits for a person, and is done once repeated with the approval."""
    key = tenant.key("agent")
    with model_api("crm_create_task", **TASK) as api:
        asked = await ran(repository, stack, key, api)
    offered = {each["name"] for each in api.requests[0]["tools"]}
    assert {"crm_whoami", "crm_create_task"} <= offered
    assert asked["code"] == "approval_required"
    async with at_edge(tenant.key("operator")) as operator:
        assert (await operator.decide(asked["approval_id"])).json()["status"] == "approved"
    with model_api("crm_create_task", **TASK, approval_id=asked["approval_id"]) as api:
        done = await ran(repository, stack, key, api)
    assert done["task"]["title"] == TASK["title"]


def fenced(page: str, heading: str, language: str) -> str:
    """The first block of a language under a heading."""
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None, heading
    return found[1]


async def test_claude_desktops_configuration_connects(repository: Path, stack: Stack, tenant: Tenant) -> None:
    """The program it starts speaks to the gateway with the key from its environment."""
    told = json.loads(fenced((repository / "docs" / "clients.md").read_text(), "Claude Desktop", "json"))
    server = told["mcpServers"]["kontor"]
    assert server["command"] == "npx"
    arguments = [each.replace("http://localhost:9000/mcp", stack.mcp_url) for each in server["args"]]
    environment = environment_of_node() | {"KONTOR_AUTH": f"Bearer {tenant.key('agent')}"}
    assert server["env"].keys() == {"KONTOR_AUTH"}
    started = StdioServerParameters(command=NPX[0], args=[*NPX[1:], *arguments], env=environment)
    async with Client(stdio_client(started), mode="legacy", read_timeout_seconds=SECONDS) as client:
        assert (await client.call_tool("crm_whoami", {})).structured_content["tenant"] == tenant.slug


async def test_the_python_program_says_who_it_is(repository: Path, stack: Stack, tenant: Tenant) -> None:
    """The program in the documentation runs as it stands there."""
    program = fenced((repository / "docs" / "clients.md").read_text(), "Python", "python")
    environment = os.environ | {"KONTOR_URL": stack.mcp_url, "KONTOR_KEY": tenant.key("agent")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await process.communicate()
    assert (process.returncode, tenant.slug in said.decode()) == (0, True)
