"""The demo, on the sample it makes itself, run as a person runs it."""

from support.stack import Stack


def test_the_demo_agrees_with_itself_and_changes_nothing_twice(stack: Stack) -> None:
    """MCP, REST and SQL count the same, and a second run leaves every record unchanged."""
    first, second = stack.kontor("demo"), stack.kontor("demo")
    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    for told in (first.stdout, second.stdout):
        assert "MCP, REST and SQL agree" in told
    assert "30 asked, 30 given" in first.stdout
    assert "0 asked, 0 given" in second.stdout
