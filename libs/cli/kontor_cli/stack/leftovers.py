"""What a supervisor that was killed left running."""

from kontor_cli.stack.home import Home
from kontor_platform.dev.processes import end, is_alive


def end_leftovers(home: Home) -> list[str]:
    """Ends the recorded processes that still run, and no other, and answers their names."""
    run = home.run()
    left = [entry for entry in run.processes if is_alive(entry)] if run else []
    for entry in reversed(left):
        end(entry)
    return [entry.name for entry in left]
