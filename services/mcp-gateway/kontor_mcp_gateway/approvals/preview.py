"""What a person is shown before deciding: made from what the call would do, never from a model's words."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_EVENTS = 20
MAX_CHANGES = 20
MAX_TEXT = 200
MAX_LINE = 80
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call would change, and the versions of the records it would change it in."""

    told: dict[str, Any]
    records: Sequence[tuple[str, int]] = ()

    @property
    def touched(self) -> int | None:
        """How many records it would change or make; None where that is not known."""
        return self.told.get("records")


def of_events(title: str, data: bytes) -> Preview:
    """The preview in what a dry run told; raises ValueError if it cannot be read."""
    events: list[dict[str, Any]] = json.loads(data)["events"] if data else []
    shown = [_event(each) for each in events[:MAX_EVENTS]]
    records = {str(each["record_id"]) for each in events}
    told = {"summary": f"{title}: {_counted(len(records))}", "records": len(records), "changes": shown}
    return Preview(told | ({"more": len(events) - MAX_EVENTS} if len(events) > MAX_EVENTS else {}), versions(events))


def of_arguments(title: str, arguments: Mapping[str, Any]) -> Preview:
    """The preview of a call that cannot be tried: what it was given."""
    given = {name: shortened(value) for name, value in list(arguments.items())[:MAX_CHANGES]}
    return Preview({"summary": f"{title}: cannot be tried, shown by its arguments", "arguments": given})


def unavailable(title: str) -> Preview:
    """What is shown where the trial took too long."""
    return Preview({"summary": f"{title}: preview unavailable", "unavailable": True})


def versions(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Each existing record's version before the call; what the call creates has none."""
    before: dict[str, int] = {}
    for each in events:
        before.setdefault(str(each["record_id"]), int(each["version"]) - 1)
    return [(record, version) for record, version in before.items() if version > 0]


def message(told: Mapping[str, Any]) -> str:
    """The preview as plain lines for a prompt; values are quoted and shortened, since records hold foreign text."""
    lines = [plain(str(told["summary"])) + "."]
    for event in told.get("changes", ()):
        lines.append(f"- {plain(event['type'])} {plain(event['record_id'])}")
        lines += [
            f"    {plain(each['field'])}: {quoted(each['before'])} -> {quoted(each['after'])}"
            for each in event["changes"]
        ]
    lines += [f"- {plain(name)}: {quoted(value)}" for name, value in told.get("arguments", {}).items()]
    if "more" in told:
        lines.append(f"- and {told['more']} more changes")
    return "\n".join([*lines, "Do you approve this call?"])


def shortened(value: Any) -> Any:
    """A JSON value that fits a preview."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def plain(text: str) -> str:
    """Text in one line, without characters that steer a terminal or turn the direction of reading."""
    clean = _UNSAFE.sub(" ", text).strip()
    return clean if len(clean) <= MAX_LINE else clean[: MAX_LINE - 1] + "…"


def quoted(value: Any) -> str:
    """A value in quotes, so that where it ends is plain."""
    return (
        "nothing"
        if value is None
        else json.dumps(plain(value if isinstance(value, str) else json.dumps(value)), ensure_ascii=False)
    )


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    changes = event.get("changes", ())[:MAX_CHANGES]
    return {
        "type": event["type"],
        "record_type": event["record_type"],
        "record_id": str(event["record_id"]),
        "changes": [
            {"field": each["field"], "before": shortened(each["before"]), "after": shortened(each["after"])}
            for each in changes
        ],
    }


def _counted(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records"
