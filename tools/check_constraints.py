"""Checks that constraints.txt holds what its packages need under every Python we support, and names no place."""

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (("Linux", "linux"), ("Darwin", "darwin"))
MACHINES = ("x86_64", "aarch64", "arm64")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
PLACE = re.compile(r"://|file:/|^-|/(?:opt|home|root|tmp|work)/", re.MULTILINE)


def main(path: Path) -> None:
    """Prints what is missing and raises SystemExit if anything is."""
    text = path.read_text()
    found = [*missing({canonicalize_name(name) for name in PIN.findall(text)}), *places(text)]
    if found:
        raise SystemExit("\n".join(sorted(set(found))))
    print(f"{path}: complete for Python {', '.join(PYTHONS)}")


def places(text: str) -> Iterator[str]:
    """Lines that name an index, a host or a path."""
    yield from (f"names a place: {match.group()}" for match in PLACE.finditer(text))


def missing(pinned: set[str]) -> Iterator[str]:
    """Requirements of installed pinned packages that are not pinned themselves."""
    environments = [environment(*each) for each in product(PYTHONS, SYSTEMS, MACHINES)]
    for distribution in importlib.metadata.distributions():
        if canonicalize_name(distribution.metadata["Name"]) in pinned:
            yield from lacking(distribution, environments, pinned)


def lacking(
    distribution: importlib.metadata.Distribution, environments: list[dict[str, str]], pinned: set[str]
) -> Iterator[str]:
    """What one package needs somewhere and is not pinned; extras aside, which the pins themselves name."""
    for text in distribution.requires or []:
        needed = Requirement(text)
        if canonicalize_name(needed.name) in pinned:
            continue
        if needed.marker is None or any(needed.marker.evaluate({**each, "extra": ""}) for each in environments):
            yield f"not pinned: {distribution.metadata['Name']} needs {text}"


def environment(python: str, system: tuple[str, str], machine: str) -> dict[str, str]:
    """A target in the words of PEP 508."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_system": system[0],
        "sys_platform": system[1],
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
