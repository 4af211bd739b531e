"""Reads what happened to a record, from the places that keep it, on one cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text

from kontor_crm_core.timeline.rules import ACTIVITIES, CHANGES, LINKS, MERGES
from kontor_platform.data.records.answers import changes_json

LONGEST_BODY = 500
# What a source gives of each entry. `tie` tells entries apart that have time and id in common; `record` and `version`
# lead to the change, `other` is a link's far end.
COLUMNS = "at, id, tie, kind, actor_id, actor_kind, on_behalf_of, record, version, other, label, changes"
ACTIVITY = """
SELECT l.occurred_at, l.activity_id, '', l.kind, l.actor_id, l.actor_kind, NULL::uuid, l.record_id, 0, NULL::uuid,
    NULL::text, NULL::jsonb
FROM activity_link l
WHERE l.tenant_id = :tenant AND l.record_id = :record AND l.live
"""
# A record that ends or returns says so in its change log, as the field `deleted`.
LIFE = """
CASE WHEN c.version = 1 THEN 'change'
    WHEN c.changes @> '[{"field": "deleted", "after": true}]' THEN 'delete'
    WHEN c.changes @> '[{"field": "deleted", "after": false}]' THEN 'restore' ELSE 'change' END
"""
# What a merge writes of the contact that becomes part of another is told by the merge itself.
PARTED = """(c.changes @> '[{"field": "merged_into"}]' AND jsonb_array_length(c.changes) = 1)"""
CHANGE = f"""
SELECT c.at, c.operation_id, c.version::text COLLATE "C", {LIFE}, c.actor_id, c.actor_kind, c.on_behalf_of, c.record_id,
    c.version, NULL::uuid, NULL::text, c.changes
FROM record_change c
WHERE c.tenant_id = :tenant AND c.record_id {{near}} AND NOT {PARTED} AND (c.version = 1 OR NOT EXISTS (
    SELECT FROM deal_stage_interval s
    WHERE s.tenant_id = c.tenant_id AND s.deal_id = c.record_id AND s.version = c.version))
"""
STAGE = """
SELECT s.entered_at, s.id, '', 'stage', s.actor_id, s.actor_kind, s.on_behalf_of, s.deal_id, s.version, NULL::uuid,
    s.reason, NULL::jsonb
FROM deal_stage_interval s
WHERE s.tenant_id = :tenant AND s.deal_id {near} AND s.version > 1
"""
LINK = """
SELECT x.created_at, x.{far}_id, 'link{mark}' || x.type_key, 'link', x.created_by,
    x.created_by_kind, x.on_behalf_of, x.{near}_id, 0,
    x.{far}_id, (SELECT t.{label} FROM association_type t
        WHERE t.tenant_id = x.tenant_id AND t.type_key = x.type_key), NULL::jsonb
FROM association x
WHERE x.tenant_id = :tenant AND x.{near}_id = :record
    AND (SELECT r.deleted_at IS NULL FROM record r WHERE r.tenant_id = :tenant AND r.id = x.{far}_id)
"""
LINK_LOG = """
SELECT g.at, g.other_id, g.tie, g.kind, g.actor_id, g.actor_kind, g.on_behalf_of, g.record_id, 0, g.other_id, g.label,
    g.changes
FROM link_log g
WHERE g.tenant_id = :tenant AND g.record_id {near}
"""
# A merge or its undoing, seen from either contact; `label` tells which one. One within the record is seen once.
MERGE = """
SELECT m.{at}, m.{operation}, m.loser_id::text COLLATE "C", '{kind}', m.{by}actor_id, m.{by}actor_kind,
    m.{by}on_behalf_of, m.{near}_id, 0, m.{far}_id, '{near}', NULL::jsonb
FROM merge_log m
WHERE m.tenant_id = :tenant AND m.{near}_id {{near}} AND m.{at} IS NOT NULL{once}
"""
SEEN_ONCE = " AND NOT m.winner_id {near}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where entries of some kinds come from: a statement, and its columns by which it is narrowed and ordered."""

    kinds: tuple[str, ...]
    statement: str
    at: str
    id: str
    tie: str
    kind: str
    actor_id: str
    actor_kind: str


def present_links(near: str, far: str, label: str, mark: str) -> Source:
    """Links that stand, seen from one end."""
    return Source(
        ("link",),
        LINK.format(near=near, far=far, label=label, mark=mark),
        "x.created_at",
        f"x.{far}_id",
        f"('link{mark}' || x.type_key)",
        "'link'",
        "x.created_by",
        "x.created_by_kind",
    )


def merges(kind: str, near: str, far: str) -> Source:
    """Merges, or those undone, seen from one contact."""
    at, operation, by = ("at", "operation_id", "") if kind == "merge" else ("undone_at", "undone_by", "undone_")
    once = SEEN_ONCE if near == "loser" else ""
    names = {"at": at, "operation": operation, "kind": kind, "by": by, "near": near, "far": far}
    return Source(
        (kind,),
        MERGE.format(**names, once="{once}").replace("{once}", once),
        f"m.{at}",
        f"m.{operation}",
        'm.loser_id::text COLLATE "C"',
        f"'{kind}'",
        f"m.{by}actor_id",
        f"m.{by}actor_kind",
    )


SOURCES = (
    Source(ACTIVITIES, ACTIVITY, "l.occurred_at", "l.activity_id", "''::text", "l.kind", "l.actor_id", "l.actor_kind"),
    Source(
        CHANGES, CHANGE, "c.at", "c.operation_id", 'c.version::text COLLATE "C"', LIFE, "c.actor_id", "c.actor_kind"
    ),
    Source(("stage",), STAGE, "s.entered_at", "s.id", "''::text", "'stage'", "s.actor_id", "s.actor_kind"),
    Source(LINKS, LINK_LOG, "g.at", "g.other_id", "g.tie", "g.kind", "g.actor_id", "g.actor_kind"),
    present_links("from", "to", "label", ">"),
    present_links("to", "from", "reverse_label", "<"),
    *(merges(kind, *ends) for kind in MERGES for ends in (("winner", "loser"), ("loser", "winner"))),
)
DETAILS = f"""
SELECT page.at, page.id, page.tie, json_build_object(
    'id', page.id, 'kind', page.kind, 'occurred_at', page.at, 'actor_id', page.actor_id, 'actor_kind', page.actor_kind,
    'on_behalf_of', coalesce(page.on_behalf_of, a.on_behalf_of), 'version', page.version,
    'title', coalesce(a.subject, page.label, ''),
    'body', coalesce(left(a.body, {LONGEST_BODY}), CASE page.kind WHEN 'stage' THEN page.label END),
    'truncated', coalesce(length(a.body) > {LONGEST_BODY}, false),
    'direction', a.direction, 'outcome', a.outcome, 'thread_id', a.thread_id,
    'changes', (SELECT {changes_json("held")} FROM (
        SELECT CAST(:tenant AS uuid) AS tenant_id, CASE page.kind WHEN 'stage' THEN (
            SELECT c.changes FROM record_change c
            WHERE c.tenant_id = :tenant AND c.record_id = page.record AND c.version = page.version)
            ELSE page.changes END AS changes) AS held),
    'linked', CASE WHEN r.id IS NOT NULL THEN json_build_object(
        'id', r.id, 'type', r.object_type, 'name', coalesce(p.name, o.name, d.name, v.subject, '')) END)::text AS told
FROM page
LEFT JOIN activity a ON a.tenant_id = :tenant AND a.id = page.id AND page.kind = ANY(:activities)
LEFT JOIN record r ON r.tenant_id = :tenant AND r.id = page.other
LEFT JOIN contact p ON p.tenant_id = :tenant AND p.id = r.id
LEFT JOIN company o ON o.tenant_id = :tenant AND o.id = r.id
LEFT JOIN deal d ON d.tenant_id = :tenant AND d.id = r.id
LEFT JOIN activity v ON v.tenant_id = :tenant AND v.id = r.id
ORDER BY page.at DESC, page.id DESC, page.tie DESC
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; None leaves a condition out. `merged` are ids that became part of the record."""

    record: UUID
    kinds: Sequence[str]
    actor_id: UUID | None = None
    actor_kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    merged: Sequence[UUID] = ()

    def values(self, tenant: UUID) -> dict[str, object]:
        """The conditions as parameters."""
        given: dict[str, object] = {
            "actor_id": self.actor_id,
            "actor_kind": self.actor_kind,
            "since": self.since,
            "until": self.until,
            "records": [self.record, *self.merged] if self.merged else None,
        }
        named = {name: value for name, value in given.items() if value is not None}
        return {"tenant": tenant, "record": self.record, **named}


def narrowed(source: Source, wanted: Wanted) -> str:
    """A source with every condition but kind and place."""
    near = "= ANY(:records)" if wanted.merged else "= :record"
    conditions = [source.statement.replace("{near}", near)]
    if wanted.actor_id:
        conditions.append(f"{source.actor_id} = :actor_id")
    if wanted.actor_kind:
        conditions.append(f"{source.actor_kind} = :actor_kind")
    if wanted.since:
        conditions.append(f"{source.at} >= :since")
    if wanted.until:
        conditions.append(f"{source.at} < :until")
    return " AND ".join(conditions)


def page(wanted: Wanted, *, continued: bool) -> TextClause:
    """A page of entries, newest first; parameters `rows`, and `at`, `id` and `tie` of the last entry before."""
    parts = [paged(each, wanted, continued=continued) for each in SOURCES if set(each.kinds) & set(wanted.kinds)]
    whole = " UNION ALL ".join(parts) or f"{narrowed(SOURCES[0], wanted)} AND false"
    order = "ORDER BY at DESC, id DESC, tie DESC LIMIT :rows"
    newest = f"SELECT * FROM ({whole}) AS entry ({COLUMNS}) {order}"
    return text(f"WITH page AS ({newest}) {DETAILS}")


def paged(source: Source, wanted: Wanted, *, continued: bool) -> str:
    """The newest entries of a source, as many as a page holds."""
    conditions = [narrowed(source, wanted)]
    if continued:
        conditions.append(f"{source.at} <= :at AND ({source.at}, {source.id}, {source.tie}) < (:at, :id, :tie)")
    if not set(source.kinds) <= set(wanted.kinds):
        conditions.append(f"{source.kind} = ANY(:kinds)")
    order = f"ORDER BY {source.at} DESC, {source.id} DESC, {source.tie} DESC LIMIT :rows"
    return f"({' AND '.join(conditions)} {order})"


def page_values(wanted: Wanted, rows: int) -> dict[str, object]:
    """The parameters of a page besides its conditions and place."""
    partly = any(set(each.kinds) & set(wanted.kinds) and not set(each.kinds) <= set(wanted.kinds) for each in SOURCES)
    return {"rows": rows, "activities": list(ACTIVITIES)} | ({"kinds": list(wanted.kinds)} if partly else {})


def counts(wanted: Wanted) -> TextClause:
    """How many entries there are of each kind, whatever kinds are asked for."""
    parts = [
        f"SELECT kind, count(*) AS entries FROM ({narrowed(each, wanted)}) AS entry ({COLUMNS}) GROUP BY kind"
        for each in SOURCES
    ]
    return text(
        f"SELECT kind, sum(entries)::int AS entries FROM ({' UNION ALL '.join(parts)}) AS counted GROUP BY kind"
    )


MEANT = text(
    """
    WITH meant AS (
        SELECT coalesce((SELECT present_id FROM redirect WHERE tenant_id = :tenant AND old_id = :record), :record) AS id
    )
    SELECT meant.id, ARRAY(
        SELECT old_id FROM redirect WHERE tenant_id = :tenant AND present_id = meant.id ORDER BY old_id) AS merged
    FROM meant
    """
)
