"""The Inspector's command line, as a person tries an installation: with a key, over the edge, in both eras."""

import json
from typing import Any

import pytest

from support.node import npx
from support.stack import Stack
from support.tenants import Tenant

INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
NEEDS_A_KEY = 3


def inspected(stack: Stack, key: str, era: str, *command: str) -> Any:
    """The result that the Inspector prints; the process itself where it fails."""
    told = ["--cli", stack.credentials.mcp_url, "--transport", "http", "--protocol-era", era]
    told += ["--header", f"Authorization: Bearer {key}", "--format", "json", "-q", *command]
    done = npx(INSPECTOR, ["mcp-inspector", *told])
    return json.loads(done.stdout)["result"] if done.returncode == 0 else done


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_inspector_lists_and_calls(stack: Stack, tenant: Tenant, era: str) -> None:
    """It finds every schema portable, and calls a tool."""
    key = tenant.key("agent")
    listed = inspected(stack, key, era, "--method", "tools/list", "--strict")
    names = {each["name"] for each in listed["tools"]}
    assert {"crm_whoami", "crm_upsert_contact"} <= names
    called = inspected(stack, key, era, "--method", "tools/call", "--tool-name", "crm_whoami")
    assert called["structuredContent"]["tenant"] == tenant.slug


def test_inspector_is_told_that_a_key_is_missing(stack: Stack) -> None:
    """A wrong key is told apart from everything else that can go wrong."""
    refused = inspected(stack, "kontor_nobody", "modern", "--method", "tools/list")
    assert refused.returncode == NEEDS_A_KEY, refused.stdout + refused.stderr
