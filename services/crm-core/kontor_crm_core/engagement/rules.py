"""Decisions about calls, meetings and e-mail."""

import re
from collections.abc import Iterable

MOST_IDS = 200
LONGEST_ID = 998
BRACKETED = re.compile(r"<([^<>\s]+)>")
NO_SUBJECT = "(no subject)"


def call_subject(direction: str, names: list[str]) -> str:
    """The line that stands for a call."""
    side = "to" if direction == "out" else "from"
    return f"Call {side} {', '.join(names[:3])}" if names else f"Call {'made' if direction == 'out' else 'received'}"


def message_ids(header: str) -> list[str]:
    """The message ids in a mail header (RFC 5322, section 3.6.4), also where the angle brackets are missing."""
    return BRACKETED.findall(header) or header.replace("<", " ").replace(">", " ").split()


def referred(own: str, headers: Iterable[str]) -> list[str]:
    """The ids that a message refers to, each once and without its own; of too many the last."""
    found = dict.fromkeys(each for header in headers for each in message_ids(header))
    return [each for each in found if each != own and len(each) <= LONGEST_ID][-MOST_IDS:]
