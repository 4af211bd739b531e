"""Schemathesis holds each service's OpenAPI document against the edge."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from support.stack import Stack

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
EXAMPLES = 8


@pytest.mark.parametrize("service", ["crm-core", "crm-governance"])
def test_a_service_answers_as_its_document_says(stack: Stack, tmp_path: Path, service: str) -> None:
    """Generated calls with a valid key meet no 5xx, no status the document lacks and no ignored authentication."""
    hold(stack, tmp_path, httpx2.get(f"{stack.http(service)}/openapi.json", trust_env=False).json())


def test_the_gateway_answers_as_the_merged_document_says(stack: Stack, tmp_path: Path) -> None:
    """The same for the paths that the gateway adds at the edge."""
    document = httpx2.get(f"{stack.edge_url}/openapi.json", trust_env=False).json()
    own = ("/mcp/", "/approvals", "/catalogue", "/health")
    document["paths"] = {path: found for path, found in document["paths"].items() if path.startswith(own)}
    assert len(document["paths"]) >= len(own)
    hold(stack, tmp_path, document)


def hold(stack: Stack, tmp_path: Path, document: dict[str, object]) -> None:
    """Runs Schemathesis on a document; fails with what it found."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", str(file), "--url", stack.edge_url]
    command += ["--header", f"Authorization: Bearer {stack.credentials.demo.key('admin')}", "--checks", CHECKS]
    command += [
        "--max-examples",
        str(EXAMPLES),
        "--phases",
        "examples,coverage,fuzzing",
        "--workers",
        "1",
        "--seed",
        "7",
    ]
    command += ["--generation-database", "none", "--no-color", "--request-timeout", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]
