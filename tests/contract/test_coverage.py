"""No tool without a test that calls it through MCP."""

from pathlib import Path

from kontor_platform.contract.image import own_image
from support.coverage import covered_tools


def test_every_tool_is_called_by_a_test(repository: Path) -> None:
    """`@covers` names each tool of the catalogue, and nothing that is not in it."""
    tools = {operation.name for operation in own_image().operations() if operation.policy.tool}
    assert covered_tools(repository) == tools
