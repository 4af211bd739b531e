"""Decisions about properties: names that are taken, what each type can do, what people read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_PER_TYPE = 500
MOST_OPTIONS = 500
# Values gone through within one call; more are a job's (DECISIONS 10, long work).
MOST_IN_CALL = 1_000
# Values whose conversion is tried before a job is begun, so that a hopeless one is refused at once.
MOST_TRIED = 20_000
SAMPLES = 5
SELECTS = ("select", "multi_select")
MEASURED = ("number", "money", "date", "datetime")
WRITTEN = ("text", "long_text", "email", "phone", "url")
PATTERNED = ("text", "email", "phone", "url")
UNIQUE = ("text", "number", "date", "datetime", "email", "phone", "url", "user", "reference")
SEARCHABLE = ("text", "long_text", "number", "select", "multi_select", "email", "phone", "url")
RULES_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(MEASURED, ("min", "max")),
    **dict.fromkeys(WRITTEN, ("min_length", "max_length")),
    **dict.fromkeys(PATTERNED, ("min_length", "max_length", "pattern")),
    "reference": ("reference_type",),
}


@dataclass(frozen=True, slots=True)
class Standard:
    """A field that every record of a type has; `filterable` ones are named so in filters, others in answers alone."""

    name: str
    type: str
    label: str
    options: tuple[str, ...] = ()
    filterable: bool = True


def answered(name: str, type: str, label: str) -> Standard:
    """A field of answers that filters reach another way."""
    return Standard(name, type, label, filterable=False)


CATEGORIES = ("pipeline", "best_case", "most_likely", "commit", "closed", "omitted")
COMMON = (
    Standard("id", "reference", "Id"),
    Standard("owner_id", "user", "Owner"),
    Standard("created_at", "datetime", "Created"),
    Standard("updated_at", "datetime", "Last changed"),
    answered("version", "number", "Version"),
)
KNOWN = (
    Standard("external_id", "text", "Id in another system"),
    Standard("last_activity_at", "datetime", "Last activity"),
    answered("external_ids", "text", "Ids in other systems"),
    *COMMON,
)
PLACE = (Standard("city", "text", "City"), Standard("country", "text", "Country"))
STANDARD: Mapping[str, Sequence[Standard]] = {
    "contact": (
        Standard("name", "text", "Name"),
        Standard("first_name", "text", "First name"),
        Standard("last_name", "text", "Last name"),
        Standard("title", "text", "Job title"),
        Standard("email", "email", "E-mail address"),
        Standard("phone", "phone", "Phone number"),
        Standard("opted_out", "bool", "Refused mail"),
        Standard("bounced", "bool", "Mail came back"),
        answered("emails", "email", "E-mail addresses"),
        answered("phones", "phone", "Phone numbers"),
        answered("company", "reference", "Company"),
        *PLACE,
        *KNOWN,
    ),
    "company": (
        Standard("name", "text", "Name"),
        Standard("domain", "text", "Domain"),
        Standard("industry", "text", "Industry"),
        Standard("employees", "number", "Employees"),
        Standard("phone", "phone", "Phone number"),
        Standard("description", "long_text", "Description"),
        answered("domains", "text", "Domains"),
        *PLACE,
        *KNOWN,
    ),
    "deal": (
        Standard("name", "text", "Name"),
        Standard("pipeline", "select", "Pipeline"),
        Standard("stage", "select", "Stage"),
        Standard("stage_kind", "select", "Kind of stage", ("open", "won", "lost")),
        Standard("amount", "money", "Amount"),
        Standard("currency", "text", "Currency"),
        Standard("probability", "number", "Probability in percent"),
        Standard("probability_source", "select", "Who set the probability", ("stage", "manual")),
        Standard("forecast_category", "select", "Forecast category", CATEGORIES),
        Standard("forecast_category_source", "select", "Who set the forecast category", ("stage", "manual")),
        Standard("close_date", "date", "Close date"),
        Standard("stage_entered_at", "datetime", "In the stage since"),
        Standard("opened_at", "datetime", "Opened"),
        Standard("closed_at", "datetime", "Closed"),
        Standard("lost_reason", "long_text", "Reason of the loss"),
        Standard("description", "long_text", "Description"),
        answered("days_in_stage", "number", "Days in the stage"),
        answered("company", "reference", "Company"),
        answered("contacts", "reference", "Contacts"),
        answered("pipeline_id", "reference", "Id of the pipeline"),
        answered("stage_id", "reference", "Id of the stage"),
        *KNOWN,
    ),
    "activity": (
        Standard("kind", "select", "Kind", ("note", "call", "meeting", "email", "task")),
        Standard("subject", "text", "Subject of a note, call, meeting or e-mail"),
        Standard("title", "text", "Title of a task"),
        Standard("body", "long_text", "Text"),
        Standard("occurred_at", "datetime", "Happened"),
        Standard("direction", "select", "Direction of a call or e-mail", ("in", "out")),
        Standard("status", "select", "Status of a task", ("open", "done")),
        Standard("priority", "select", "Priority of a task", ("low", "normal", "high", "urgent")),
        Standard("due", "datetime", "When a task is due"),
        Standard("due_date", "date", "Day a task is due"),
        Standard("due_at", "datetime", "Time a task is due"),
        Standard("completed_at", "datetime", "Completed"),
        Standard("author_id", "user", "Author"),
        Standard("external_id", "text", "Id in another system"),
        answered("completed_by", "user", "Who completed a task"),
        answered("overdue", "bool", "Whether a task is overdue"),
        answered("records", "reference", "Records it is about"),
        answered("truncated", "bool", "Whether the text is cut"),
        answered("recurrence", "text", "How a task recurs"),
        answered("follows_id", "reference", "The task that this one follows"),
        Standard("outcome", "text", "Outcome of a call or meeting"),
        Standard("duration_s", "number", "Length of a call in seconds"),
        Standard("ended_at", "datetime", "End of a meeting"),
        answered("starts_at", "datetime", "Begin of a meeting"),
        answered("ends_at", "datetime", "End of a meeting"),
        Standard("location", "long_text", "Place of a meeting"),
        answered("attendees", "reference", "Who is at a meeting"),
        answered("participants", "reference", "Who takes part in a call or e-mail"),
        answered("left_out", "number", "People left out"),
        answered("sent_at", "datetime", "When an e-mail was sent"),
        answered("message_id", "text", "Message-ID of an e-mail"),
        answered("thread_id", "reference", "Thread of an e-mail"),
        answered("thread_size", "number", "E-mails in the thread"),
        *COMMON,
    ),
}
# Words that requests, filters and files of records use for something else.
RESERVED = frozenset(
    (
        *("all", "any", "none", "assoc", "changed", "clear", "company_id", "contact_ids", "deleted_at", "in_segment"),
        *("include", "kind", "labels", "match_on", "merged_into", "owner", "properties", "property", "record_id"),
        *("records", "segment", "tenant_id", "type", "version"),
    )
)


def is_reserved(object_type: str, name: str) -> bool:
    """Tells whether a name belongs to a standard field or is used for something else."""
    return name in RESERVED or any(name == each.name for each in STANDARD[object_type])


def label_of(name: str) -> str:
    """What people read for a name: its words, the first with a capital."""
    return name.replace("_", " ").strip().capitalize()


def can_do(type: str, *, unique: bool, searchable: bool, restricted: bool) -> list[tuple[str, str]]:
    """What a property of a type cannot be, each with its field."""
    faults = []
    if unique and type not in UNIQUE:
        faults.append(("unique", f"Values of type {type} cannot be unique; these can: {', '.join(UNIQUE)}."))
    if searchable and type not in SEARCHABLE:
        faults.append(("searchable", f"Values of type {type} have no words; these have: {', '.join(SEARCHABLE)}."))
    if searchable and restricted:
        faults.append(("searchable", "A restricted property cannot be searched, since a hit would tell its value."))
    return faults


def uses(segments: int, stages: int) -> list[str]:
    """What uses a property, in words."""
    told = [f"in {segments} segment{'s' * (segments != 1)}"] if segments else []
    return told + ([f"in {stages} pipeline rule{'s' * (stages != 1)}"] if stages else [])
