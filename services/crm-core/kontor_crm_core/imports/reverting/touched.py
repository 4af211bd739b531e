"""What an import touched, and what others did with it since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_platform.contract.problem import JSON
from kontor_platform.runtime.call import Call

COUNT = text(
    """
    SELECT count(DISTINCT record_id) FROM record_change
    WHERE tenant_id = :tenant AND operation_id = :import AND record_type IN ('contact', 'company')
    """
)
NEXT = text(
    """
    SELECT record_id, version, changes FROM record_change
    WHERE tenant_id = :tenant AND operation_id = :import AND record_type = :type AND record_id > :after
    ORDER BY record_id, version LIMIT :limit
    """
)
LINKS = text(
    """
    SELECT record_id, link FROM import_row
    WHERE tenant_id = :tenant AND import_id = :import AND link IS NOT NULL AND record_id = ANY(
        SELECT DISTINCT record_id FROM import_row
        WHERE tenant_id = :tenant AND import_id = :import AND link IS NOT NULL AND record_id > :after
        ORDER BY record_id LIMIT :limit)
    ORDER BY record_id, line
    """
)
# By others is what another import did, an activity is about, or a link that no import made.
OTHERS = text(
    """
    SELECT told.id, 'changed_since' AS reason FROM unnest(CAST(:ids AS uuid[])) AS told(id)
    WHERE EXISTS (SELECT FROM import_row r WHERE r.tenant_id = :tenant AND r.record_id = told.id
        AND r.import_id <> :import AND r.is_done AND r.outcome IN ('created', 'updated'))
    UNION ALL
    SELECT told.id, 'has_activities' FROM unnest(CAST(:ids AS uuid[])) AS told(id)
    WHERE EXISTS (SELECT FROM activity_link l
        WHERE l.tenant_id = :tenant AND l.record_id = told.id AND l.live)
    UNION ALL
    SELECT told.id, 'has_links' FROM unnest(CAST(:ids AS uuid[])) AS told(id)
    WHERE EXISTS (SELECT FROM association a JOIN record r ON r.tenant_id = a.tenant_id AND r.id = a.to_id
            WHERE a.tenant_id = :tenant AND a.from_id = told.id AND r.deleted_at IS NULL
            AND (a.type_key <> 'contact_company' OR a.created_by_kind <> 'import'))
        OR EXISTS (SELECT FROM association a JOIN record r ON r.tenant_id = a.tenant_id AND r.id = a.from_id
            WHERE a.tenant_id = :tenant AND a.to_id = told.id AND r.deleted_at IS NULL)
    UNION ALL
    SELECT told.id, 'in_segment' FROM unnest(CAST(:ids AS uuid[])) AS told(id)
    WHERE EXISTS (SELECT FROM segment_member m JOIN segment s ON s.tenant_id = m.tenant_id AND s.id = m.segment_id
            WHERE m.tenant_id = :tenant AND m.record_id = told.id AND s.kind = 'static' AND s.deleted_at IS NULL)
        AND NOT EXISTS (SELECT FROM import_row r
            WHERE r.tenant_id = :tenant AND r.record_id = told.id AND r.import_id = :import AND r.joined)
    """
)


@dataclass(frozen=True, slots=True)
class Touched:
    """A record an import touched: whether it made it, its version afterwards, and fields before and after."""

    id: UUID
    is_new: bool
    version: int
    before: Mapping[str, JSON]
    after: Mapping[str, JSON]


async def touched_total(call: Call, import_id: UUID) -> int:
    """How many records an import touched."""
    return int((await call.session.execute(COUNT, {"tenant": call.actor.tenant, "import": import_id})).scalar_one())


async def touched_after(call: Call, import_id: UUID, kind: str, after: UUID, limit: int) -> list[Touched]:
    """The next records of a type behind an id, each with all that the import did to it."""
    values = {"tenant": call.actor.tenant, "import": import_id, "type": kind, "after": after, "limit": limit + 1}
    rows = (await call.session.execute(NEXT, values)).all()
    by_record: dict[UUID, list[tuple[int, list[Mapping[str, JSON]]]]] = {}
    for row in rows:
        by_record.setdefault(row.record_id, []).append((row.version, row.changes))
    if len(rows) > limit and len(by_record) > 1:
        # The last one may go on behind the limit.
        by_record.popitem()
    return [gathered(record, told) for record, told in by_record.items()]


def gathered(record: UUID, told: Sequence[tuple[int, list[Mapping[str, JSON]]]]) -> Touched:
    """All that an import did to a record, from before its first change to after its last."""
    before: dict[str, JSON] = {}
    after: dict[str, JSON] = {}
    for _, changes in told:
        for each in changes:
            before.setdefault(str(each["field"]), each["before"])
            after[str(each["field"])] = each["after"]
    return Touched(record, told[0][0] == 1, told[-1][0], before, after)


@dataclass(frozen=True, slots=True)
class Relinked:
    """What an import changed of the companies a present contact works for.

    `main` is the company it mainly worked for before, `now` the one afterwards, `made` those it was newly linked to.
    """

    id: UUID
    main: UUID | None
    now: UUID
    made: frozenset[UUID]


async def relinked_after(call: Call, import_id: UUID, after: UUID, limit: int) -> list[Relinked]:
    """The next contacts behind an id whose companies the import changed."""
    values = {"tenant": call.actor.tenant, "import": import_id, "after": after, "limit": limit}
    links: dict[UUID, list[Mapping[str, str]]] = {}
    for row in await call.session.execute(LINKS, values):
        links.setdefault(row.record_id, []).append(row.link)
    return [relinked(record, told) for record, told in links.items()]


def relinked(record: UUID, told: Sequence[Mapping[str, str]]) -> Relinked:
    """What several rows of a contact came to."""
    main = told[0]["main"]
    made = frozenset(UUID(each["company"]) for each in told if not each["was_linked"])
    return Relinked(record, UUID(main) if main else None, UUID(told[-1]["company"]), made)


async def touched_by_others(call: Call, import_id: UUID, ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Why created records are not the import's alone any more, by their ids."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    found = await call.session.execute(OTHERS, {"tenant": call.actor.tenant, "import": import_id, "ids": wanted})
    return {row.id: row.reason for row in found}
