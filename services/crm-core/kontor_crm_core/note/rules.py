"""Decisions about notes."""

LONGEST_LINE = 100


def subject_of(body: str) -> str:
    """The line that stands for a text: its first one, cut at a word."""
    line = next((line.strip() for line in body.splitlines() if line.strip()), "")
    if len(line) <= LONGEST_LINE:
        return line
    head = line[: LONGEST_LINE - 1]
    return f"{head.rpartition(' ')[0] or head}…"
