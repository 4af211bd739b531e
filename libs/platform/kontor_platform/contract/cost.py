"""What a list of tools costs a model that is shown it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

# English text and JSON come to four characters a token and more with the tokenizers of 2024 and later.
CHARACTERS_A_TOKEN = 4
SHOWN = ("name", "description", "inputSchema")


def tokens(tools: Iterable[Mapping[str, Any]]) -> int:
    """An upper estimate of the tokens of tools as MCP lists them: what model APIs take of a tool, without spaces."""
    shown = [{name: each[name] for name in SHOWN} for each in tools]
    return -(-len(json.dumps(shown, ensure_ascii=False, separators=(",", ":"))) // CHARACTERS_A_TOKEN)
