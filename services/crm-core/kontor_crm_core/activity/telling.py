"""What an answer says of a saved activity."""

from collections.abc import Sequence

from kontor_protos.kontor.crm.v1.common_pb import RecordRef, Warning

SENTENCES = {
    "created": "Logged the {noun} {name}{about}.",
    "updated": "Changed the {noun} {name}{about}: {fields}.",
    "unchanged": "The {noun} {name}{about} was so already.",
}
SHOWN = 3


def told(outcome: str, noun: str, name: str, records: Sequence[RecordRef], changed: Sequence[str]) -> str:
    """What happened, in one sentence."""
    about = f" about {named([record.name for record in records])}" if records else ""
    return SENTENCES[outcome].format(noun=noun, name=repr(name), about=about, fields=", ".join(changed))


def named(names: Sequence[str]) -> str:
    """The first few names."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def left_out_sentence(number: int) -> str:
    """How many people were left out, if any."""
    if not number:
        return ""
    return f" {number} participant{' was' if number == 1 else 's were'} left out: on the blocklist."


def not_linked() -> Warning:
    """Tells that nobody will find an activity on a timeline."""
    message = "It is about no record yet and stands on no timeline; give record_ids, or create_missing."
    return Warning(code="not_linked", message=message, field="record_ids")
