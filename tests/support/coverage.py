"""`@covers("crm_create_deal")`: says which tools a test calls through MCP, and holds it to that."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = ("libs/*/tests", "services/*/tests", "tests")


def covers(*tools: str) -> pytest.MarkDecorator:
    """Marks a test that calls these tools through MCP; one that does not call them fails."""
    return pytest.mark.covers(*tools)


def covered_tools(root: Path) -> set[str]:
    """Every tool that some test in the repository is marked with, whichever tests are run."""
    return {tool for file in test_files(root) for tool in marks_in(ast.parse(file.read_text()))}


def test_files(root: Path) -> Iterator[Path]:
    """Every file with tests."""
    for pattern in TESTS:
        for directory in root.glob(pattern):
            yield from directory.rglob("test_*.py")


test_files.__test__ = False  # type: ignore[attr-defined]


def marks_in(tree: ast.AST) -> Iterator[str]:
    """The tools named by decorators of one file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("covers"):
                    yield from (str(each.value) for each in decorator.args if isinstance(each, ast.Constant))
