"""Keeps the edge's routes in step with the services: `python -m kontor_platform.edge EDGE_JSON [--once]`."""

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from kontor_platform.edge.config import Edge
from kontor_platform.edge.files import BadEdge
from kontor_platform.edge.watch import Watcher
from kontor_platform.runtime.logs import configure_logs


def main() -> None:
    """Writes the files, then follows the services until told to stop; raises SystemExit with why it cannot."""
    parser = argparse.ArgumentParser(prog="python -m kontor_platform.edge", description=__doc__)
    parser.add_argument("config", type=Path, help="edge.json, as `kontor up` writes it")
    parser.add_argument("--once", action="store_true", help="write the files from the last known images and end")
    parser.add_argument("--log-level", default="info")
    arguments = parser.parse_args()
    configure_logs("edge", arguments.log_level)
    watcher = Watcher(edge_at(arguments.config))
    try:
        watcher.prepare()
    except (BadEdge, OSError) as error:
        raise SystemExit(f"the edge cannot be configured: {error}") from error
    if not arguments.once:
        asyncio.run(until_stopped(watcher))


def edge_at(path: Path) -> Edge:
    """The edge a file describes; raises SystemExit with a sentence if it describes none."""
    try:
        return Edge.read(path)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{path} does not describe an edge: {error!r}") from error


async def until_stopped(watcher: Watcher) -> None:
    """Runs the watcher until SIGTERM or SIGINT."""
    following = asyncio.ensure_future(watcher.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, following.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await following


if __name__ == "__main__":
    main()
