"""Reads what happened to a record, from the places that keep it, on one cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text

from kontor_platform.data.records.answers import changes_json

LONGEST_BODY = 500
KINDS = ("note", "task", "change", "stage", "link")
# What a source gives of each entry: `version` is the record's, `other` a link's far end, `label` its name or a reason.
COLUMNS = "at, id, kind, actor_id, actor_kind, on_behalf_of, version, other, label"
ACTIVITY = """
SELECT l.occurred_at, l.activity_id, l.kind, a.actor_id, a.actor_kind, a.on_behalf_of, 0,
    NULL::uuid, NULL::text
FROM activity_link l LEFT JOIN activity a ON a.tenant_id = l.tenant_id AND a.id = l.activity_id
WHERE l.tenant_id = :tenant AND l.record_id = :record AND l.live
"""
CHANGE = """
SELECT c.at, c.operation_id, 'change', c.actor_id, c.actor_kind, c.on_behalf_of, c.version, NULL::uuid, NULL::text
FROM record_change c
WHERE c.tenant_id = :tenant AND c.record_id = :record AND (c.version = 1 OR NOT EXISTS (
    SELECT FROM deal_stage_interval s
    WHERE s.tenant_id = c.tenant_id AND s.deal_id = c.record_id AND s.version = c.version))
"""
STAGE = """
SELECT s.entered_at, s.id, 'stage', s.actor_id, s.actor_kind, s.on_behalf_of, s.version, NULL::uuid, s.reason
FROM deal_stage_interval s
WHERE s.tenant_id = :tenant AND s.deal_id = :record AND s.version > 1
"""
LINK = """
SELECT x.created_at, x.{far}_id, 'link', x.created_by,
    CASE x.created_by_kind WHEN 'service' THEN 'api' ELSE x.created_by_kind END, x.on_behalf_of, 0,
    x.{far}_id, t.{label}
FROM association x JOIN association_type t ON t.tenant_id = x.tenant_id AND t.type_key = x.type_key
WHERE x.tenant_id = :tenant AND x.{near}_id = :record
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where entries come from: a statement, and its columns of time, id and actor by which it is narrowed."""

    kinds: tuple[str, ...]
    statement: str
    at: str
    id: str
    actor_id: str
    actor_kind: str


SOURCES = (
    Source(("note", "task"), ACTIVITY, "l.occurred_at", "l.activity_id", "a.actor_id", "a.actor_kind"),
    Source(("change",), CHANGE, "c.at", "c.operation_id", "c.actor_id", "c.actor_kind"),
    Source(("stage",), STAGE, "s.entered_at", "s.id", "s.actor_id", "s.actor_kind"),
    *(
        Source(
            ("link",),
            LINK.format(near=near, far=far, label=label),
            "x.created_at",
            f"x.{far}_id",
            "x.created_by",
            "x.created_by_kind",
        )
        for near, far, label in (("from", "to", "label"), ("to", "from", "reverse_label"))
    ),
)
DETAILS = f"""
SELECT page.at, page.id, page.kind, page.version, json_build_object(
    'id', page.id, 'kind', page.kind, 'occurred_at', page.at, 'actor_id', page.actor_id, 'actor_kind', page.actor_kind,
    'on_behalf_of', page.on_behalf_of, 'version', page.version,
    'title', coalesce(a.subject, page.label, ''),
    'body', coalesce(left(a.body, {LONGEST_BODY}), CASE page.kind WHEN 'stage' THEN page.label END),
    'truncated', coalesce(length(a.body) > {LONGEST_BODY}, false),
    'changes', {changes_json("c")},
    'linked', CASE WHEN r.id IS NOT NULL THEN json_build_object(
        'id', r.id, 'type', r.object_type, 'name', coalesce(p.name, o.name, d.name, '')) END)::text AS told
FROM page
LEFT JOIN activity a ON a.tenant_id = :tenant AND a.id = page.id AND page.kind IN ('note', 'task')
LEFT JOIN record_change c ON c.tenant_id = :tenant AND c.record_id = :record AND c.version = page.version
LEFT JOIN record r ON r.tenant_id = :tenant AND r.id = page.other
LEFT JOIN contact p ON p.tenant_id = :tenant AND p.id = r.id
LEFT JOIN company o ON o.tenant_id = :tenant AND o.id = r.id
LEFT JOIN deal d ON d.tenant_id = :tenant AND d.id = r.id
ORDER BY page.at DESC, page.id DESC
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; None leaves a condition out."""

    record: UUID
    kinds: Sequence[str]
    actor_id: UUID | None
    actor_kind: str | None
    since: datetime | None
    until: datetime | None

    def values(self, tenant: UUID) -> dict[str, object]:
        """The conditions as parameters."""
        given = {"actor_id": self.actor_id, "actor_kind": self.actor_kind, "since": self.since, "until": self.until}
        named = {name: value for name, value in given.items() if value is not None}
        return {"tenant": tenant, "record": self.record, **named}


def narrowed(source: Source, wanted: Wanted) -> str:
    """A source with every condition but kind and place."""
    conditions = [source.statement]
    if wanted.actor_id:
        conditions.append(f"{source.actor_id} = :actor_id")
    if wanted.actor_kind:
        own = f"CASE {source.actor_kind} WHEN 'service' THEN 'api' ELSE {source.actor_kind} END"
        conditions.append(f"{own} = :actor_kind")
    if wanted.since:
        conditions.append(f"{source.at} >= :since")
    if wanted.until:
        conditions.append(f"{source.at} < :until")
    return " AND ".join(conditions)


def page(wanted: Wanted, *, continued: bool) -> TextClause:
    """A page of entries, newest first; parameters `rows`, and `at` and `id` of the last entry of the page before."""
    parts = []
    for source in SOURCES:
        if not set(source.kinds) & set(wanted.kinds):
            continue
        place = f" AND ({source.at}, {source.id}) < (:at, :id)" if continued else ""
        kinds = " AND l.kind = ANY(:kinds)" if source.statement is ACTIVITY else ""
        order = f"ORDER BY {source.at} DESC, {source.id} DESC LIMIT :rows"
        parts.append(f"({narrowed(source, wanted)}{kinds}{place} {order})")
    whole = " UNION ALL ".join(parts)
    newest = f"SELECT * FROM ({whole}) AS entry ({COLUMNS}) ORDER BY at DESC, id DESC LIMIT :rows"
    return text(f"WITH page AS ({newest}) {DETAILS}")


def counts(wanted: Wanted) -> TextClause:
    """How many entries there are of each kind, whatever kinds are asked for."""
    parts = [
        f"SELECT kind, count(*) AS entries FROM ({narrowed(each, wanted)}) AS entry ({COLUMNS}) GROUP BY kind"
        for each in SOURCES
    ]
    return text(
        f"SELECT kind, sum(entries)::int AS entries FROM ({' UNION ALL '.join(parts)}) AS counted GROUP BY kind"
    )
