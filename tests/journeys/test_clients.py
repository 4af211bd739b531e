"""Clients as docs/clients.md sets them up."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from support.node import NPX, environment_of_node
from support.stack import Stack
from support.tenants import Tenant

SECONDS = 60


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
