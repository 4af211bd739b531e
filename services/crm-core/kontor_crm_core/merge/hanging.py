"""Reads what hangs on contacts as pieces, and puts pieces where a simulation of their merges says they belong."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.merge.settling import Ends, Piece, Settled, Step, moves, settled, stuck
from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

ACTIVITY, MEMBER = "activity", "member"
LINKS = text(
    """
    SELECT a.type_key, a.from_id, a.to_id, coalesce(a.from_origin, a.from_id) AS from_origin,
        coalesce(a.to_origin, a.to_id) AS to_origin, coalesce(a.was_primary, a.is_primary) AS was_primary,
        a.is_primary, a.labels, coalesce(a.own_labels, a.labels) AS own_labels,
        t.cardinality = 'one' AS single, t.reverse_cardinality = 'one' AS reverse_single
    FROM (
        SELECT * FROM association WHERE tenant_id = :tenant AND from_id = ANY(CAST(:ids AS uuid[]))
        UNION
        SELECT * FROM association WHERE tenant_id = :tenant AND to_id = ANY(CAST(:ids AS uuid[]))
    ) AS a
    JOIN association_type t ON t.tenant_id = :tenant AND t.type_key = a.type_key
    ORDER BY a.created_at, a.type_key, a.from_id, a.to_id
    """
)
OTHERS = text(
    f"""
    SELECT '{ACTIVITY}' AS kind, record_id, coalesce(origin_id, record_id) AS origin, activity_id AS other
    FROM activity_link WHERE tenant_id = :tenant AND record_id = ANY(CAST(:ids AS uuid[]))
    UNION ALL
    SELECT '{MEMBER}', record_id, coalesce(origin_id, record_id), segment_id
    FROM segment_member WHERE tenant_id = :tenant AND record_id = ANY(CAST(:ids AS uuid[]))
    """
)
PUT_LINKS = text(
    """
    UPDATE association a SET from_id = told.from_id, to_id = told.to_id, is_primary = told.is_primary,
        from_origin = nullif(told.from_origin, told.from_id), to_origin = nullif(told.to_origin, told.to_id),
        was_primary = CASE WHEN told.from_origin <> told.from_id OR told.to_origin <> told.to_id
            THEN told.was_primary END
    FROM unnest(CAST(:types AS text[]), CAST(:old_from AS uuid[]), CAST(:old_to AS uuid[]), CAST(:new_from AS uuid[]),
        CAST(:new_to AS uuid[]), CAST(:origin_from AS uuid[]), CAST(:origin_to AS uuid[]), CAST(:primary AS boolean[]),
        CAST(:was AS boolean[]))
        AS told(type_key, old_from, old_to, from_id, to_id, from_origin, to_origin, is_primary, was_primary)
    WHERE a.tenant_id = :tenant AND a.type_key = told.type_key AND a.from_id = told.old_from AND a.to_id = told.old_to
    """
)
PUT_LABELS = text(
    """
    UPDATE association a SET labels = CAST(:labels AS text[]), own_labels = CAST(:own AS text[]),
        version = a.version + 1
    WHERE a.tenant_id = :tenant AND a.type_key = :type AND a.from_id = :from AND a.to_id = :to
    """
)
PUT = {
    kind: text(
        f"""
        UPDATE {table} l SET record_id = told.record_id, origin_id = nullif(told.origin_id, told.record_id)
        FROM unnest(CAST(:others AS uuid[]), CAST(:old AS uuid[]), CAST(:new AS uuid[]), CAST(:origins AS uuid[]))
            AS told(other_id, old_id, record_id, origin_id)
        WHERE l.tenant_id = :tenant AND l.{other} = told.other_id AND l.record_id = told.old_id
        """
    )
    for kind, table, other in ((ACTIVITY, "activity_link", "activity_id"), (MEMBER, "segment_member", "segment_id"))
}
PARTICIPANTS = text(
    """
    UPDATE activity_participant SET contact_id = :loser, origin_id = nullif(origin_id, :loser)
    WHERE tenant_id = :tenant AND contact_id = :winner AND origin_id = ANY(CAST(:origins AS uuid[]))
    """
)
LATEST = text(
    """
    WITH latest AS (
        SELECT record_id, max(occurred_at) AS at FROM activity_link
        WHERE tenant_id = :tenant AND record_id IN (:winner, :loser) AND live GROUP BY record_id
    ),
    gone AS (
        DELETE FROM record_stat WHERE tenant_id = :tenant AND record_id IN (:winner, :loser)
            AND record_id NOT IN (SELECT record_id FROM latest)
    )
    INSERT INTO record_stat (tenant_id, record_id, last_activity_at) SELECT :tenant, record_id, at FROM latest
    ON CONFLICT (tenant_id, record_id) DO UPDATE SET last_activity_at = excluded.last_activity_at
    """
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels a link has, and those it has of its own."""

    shown: Sequence[str]
    own: Sequence[str]


@dataclass(frozen=True, slots=True)
class Hanging:
    """What hangs on contacts: pieces, the labels of links, and which are the main ones of their kind now."""

    pieces: Sequence[Piece]
    labels: Mapping[Piece, Labels]
    primary: frozenset[Piece]


@dataclass(frozen=True, slots=True)
class Parting:
    """A contact that leaves another: with it go the `origins` merged into it, with the other stay the `remaining`.

    Both are in the order of their coming. `before` and `after` are the merges that hold, in order, as loser and winner;
    `depth` tells how far each contact is from the winner.
    """

    loser: UUID
    winner: UUID
    origins: Sequence[UUID]
    remaining: Sequence[UUID]
    before: Sequence[Step]
    after: Sequence[Step]
    depth: Mapping[UUID, int]

    @property
    def everyone(self) -> list[UUID]:
        """All of them."""
        return [self.winner, *self.origins, *self.remaining]


async def hanging(call: Call, ids: Collection[UUID]) -> Hanging:
    """What hangs on contacts, hidden pieces too."""
    values = {"tenant": call.actor.tenant, "ids": array(ids)}
    pieces, labels, primary, looked_at = [], {}, set(), set(ids)
    for row in await call.session.execute(LINKS, values):
        piece = Piece(
            kind=row.type_key,
            origins=(row.from_origin, row.to_origin),
            starts=(
                row.from_origin if row.from_origin in looked_at else row.from_id,
                row.to_origin if row.to_origin in looked_at else row.to_id,
            ),
            lies=(row.from_id, row.to_id),
            single=(row.single, row.reverse_single),
            primary=row.was_primary,
        )
        pieces.append(piece)
        labels[piece] = Labels(row.labels, row.own_labels)
        if row.is_primary:
            primary.add(piece)
    for row in await call.session.execute(OTHERS, values):
        origins = row.origin, row.other
        pieces.append(Piece(row.kind, origins, origins, (row.record_id, row.other)))
    return Hanging(pieces, labels, frozenset(primary))


async def part(call: Call, parting: Parting) -> None:
    """Puts everything where the merges that hold without this one would have brought it."""
    held = await hanging(call, parting.everyone)
    before = settled(held.pieces, parting.before)
    pinned = stuck(held.pieces, before)
    after = settled(held.pieces, parting.after, pinned)
    moved = moves(after, {parting.loser, *parting.origins}, parting.depth)
    for group in moved:
        await put(call, group, after)
    seen = {piece for group in moved for piece, _ in group}
    await put(call, [(each, each.lies) for each in changed_primaries(held, after) if each not in seen], after)
    await put_labels(call, held, before, after)
    values = {"tenant": call.actor.tenant, "winner": parting.winner, "loser": parting.loser}
    await call.session.execute(PARTICIPANTS, values | {"origins": array(parting.origins)})
    await call.session.execute(LATEST, values)


def changed_primaries(held: Hanging, after: Settled) -> Iterable[Piece]:
    """Links that are or are no longer the main ones of their kind."""
    return (each for each in held.labels if (each in held.primary) != (each in after.primary))


async def put(call: Call, group: Sequence[tuple[Piece, Ends]], after: Settled) -> None:
    """Moves pieces, one statement a table."""
    links = [(piece, ends) for piece, ends in group if piece.kind not in PUT]
    if links:
        values = {
            "tenant": call.actor.tenant,
            "types": array(piece.kind for piece, _ in links),
            "old_from": array(piece.lies[0] for piece, _ in links),
            "old_to": array(piece.lies[1] for piece, _ in links),
            "new_from": array(ends[0] for _, ends in links),
            "new_to": array(ends[1] for _, ends in links),
            "origin_from": array(piece.origins[0] for piece, _ in links),
            "origin_to": array(piece.origins[1] for piece, _ in links),
            "primary": array(piece in after.primary for piece, _ in links),
            "was": array(piece.primary for piece, _ in links),
        }
        await call.session.execute(PUT_LINKS, values)
    for kind, statement in PUT.items():
        mine = [(piece, ends) for piece, ends in group if piece.kind == kind]
        if mine:
            values = {
                "tenant": call.actor.tenant,
                "others": array(piece.lies[1] for piece, _ in mine),
                "old": array(piece.lies[0] for piece, _ in mine),
                "new": array(ends[0] for _, ends in mine),
                "origins": array(piece.origins[0] for piece, _ in mine),
            }
            await call.session.execute(statement, values)


async def put_labels(call: Call, held: Hanging, before: Settled, after: Settled) -> None:
    """Gives links their own labels, those added since, and those of the links they keep out."""
    for piece, labels in held.labels.items():
        joined_before, joined_after = joined(piece, before, held), joined(piece, after, held)
        if not joined_before and not joined_after:
            continue
        added = [each for each in labels.shown if each not in joined_before]
        own = list(dict.fromkeys([*labels.own, *added]))
        ends = after.ends[piece]
        values = {
            "tenant": call.actor.tenant,
            "type": piece.kind,
            "from": ends[0],
            "to": ends[1],
            "labels": list(dict.fromkeys([*own, *joined_after])),
            "own": own if joined_after else None,
        }
        await call.session.execute(PUT_LABELS, values)


def joined(piece: Piece, where: Settled, held: Hanging) -> list[str]:
    """The labels of the links that a link keeps out."""
    return [label for each in where.under(piece) for label in held.labels[each].own]
