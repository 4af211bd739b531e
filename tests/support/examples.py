"""Examples of calls and answers as `protos/examples/` keeps them: the same whenever and for whomever they were made."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAY, MOMENT = "2026-11-23", "2026-11-23T09:30:00Z"
SLUG = "acme"
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
TOKEN = re.compile(r"\b(?![0-9a-f]{8}-[0-9a-f]{4}-)[A-Za-z0-9_=-]{32,}")
ITEMS, CHARACTERS = 4, 400


@dataclass
class Example:
    """One call of a tool, and what it answered."""

    tool: str
    arguments: Mapping[str, Any]
    answer: Mapping[str, Any]

    def written(self) -> str:
        """The file of the example."""
        told = {"arguments": self.arguments, "answer": self.answer}
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"

    def path(self, examples: Path) -> Path:
        """Where it is kept."""
        return examples / f"{self.tool}.json"


@dataclass
class Levelled:
    """Takes out of calls and answers what another run would have otherwise.

    An id keeps one stand-in wherever it comes again, made from where it came first; times of this run become one
    moment, the tenant gets one name, and what is secret or only a mark is left out.
    """

    slug: str
    ids: dict[str, str] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def example(self, tool: str, arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> Example:
        """The call and its answer, levelled and shortened."""
        return Example(tool, self._level(arguments, tool), self._level(answer, tool))

    def _level(self, value: Any, place: str) -> Any:
        if isinstance(value, Mapping):
            return {name: self._level(each, f"{place}.{name}") for name, each in value.items()}
        if isinstance(value, list):
            return [self._level(each, f"{place}[{number}]") for number, each in enumerate(value[:ITEMS])]
        if not isinstance(value, str):
            return value
        text = ID.sub(lambda found: self._stand_in(found[0], place), value.replace(self.slug, SLUG))
        text = TIME.sub(self._moment, text).replace(self.began.date().isoformat(), DAY)
        text = TOKEN.sub("…", text)
        return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}…"

    def _stand_in(self, id: str, place: str) -> str:
        if id not in self.ids:
            self.ids[id] = f"019a0000-0000-7000-8000-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
        return self.ids[id]

    def _moment(self, found: "re.Match[str]") -> str:
        """One moment for all times since the run began; a time that was given stays."""
        is_given = datetime.fromisoformat(found[0].replace("Z", "+00:00")) < self.began.replace(microsecond=0)
        return found[0] if is_given or found[0][:4] > str(self.began.year + 1) else MOMENT
