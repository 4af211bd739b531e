"""What the packages say they need is what is pinned, and layers that an import contract cannot express."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = sorted([*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")])
RULES = sorted(ROOT.glob("services/*/kontor_*/**/rules.py"))
NAME = re.compile(r"^[A-Za-z0-9._-]+")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
OURS = "kontor-"
PYTHON_WITHOUT_ENSUREPIP = """#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
    *print*) echo python3.12 ;;
esac
"""


def normal(name: str) -> str:
    """The normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirement: str) -> str:
    """The distribution a requirement names."""
    found = NAME.match(requirement)
    assert found is not None, requirement
    return normal(found.group())


def needed(project: Path) -> set[str]:
    """What a package needs from elsewhere."""
    told = tomllib.loads(project.read_text())
    extras = told["project"].get("optional-dependencies", {}).values()
    requirements = chain(told["project"]["dependencies"], told["build-system"]["requires"], *extras)
    return {name for name in map(named, requirements) if not name.startswith(OURS)}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.parent.name)
def test_every_dependency_is_pinned(project: Path) -> None:
    """Our packages are installed without dependencies, so whatever they need stands in constraints.txt."""
    pinned = {normal(name) for name in PIN.findall((ROOT / "constraints.txt").read_text())}
    assert needed(project) <= pinned


def test_constraints_are_complete_and_name_no_place() -> None:
    """Every Python from 3.11 to 3.14 finds all it needs there, and no line names an index, host or path."""
    check = [sys.executable, str(ROOT / "tools" / "check_constraints.py"), str(ROOT / "constraints.txt")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", RULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_rules_import_the_standard_library_only(file: Path) -> None:
    """Decisions are pure: other rules of the same package aside, nothing but the standard library."""
    foreign = {name for name in imported(file) if name.partition(".")[0] not in sys.stdlib_module_names}
    assert not {name for name in foreign if not name.endswith(".rules")}


def imported(file: Path) -> Iterator[str]:
    """The modules a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_a_python_without_ensurepip_is_told_what_to_install(tmp_path: Path) -> None:
    """Debian's Python cannot make an environment until a package is installed, which the message names."""
    python = tmp_path / "python"
    python.write_text(PYTHON_WITHOUT_ENSUREPIP)
    python.chmod(0o755)
    environment = {"PYTHON": str(python), "PATH": os.environ["PATH"]}
    make = [str(ROOT / "tools" / "make-venv"), str(tmp_path / "venv")]
    done = subprocess.run(make, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "python3.12-venv" in done.stderr
