"""The members of a segment in the order they joined, and why a record is one or is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import segments_pb as pb
from protobuf.wkt import Timestamp
from sqlalchemy import text

from kontor_crm_core.advanced.rows import NAMES
from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.record.redirects import present, redirected_from
from kontor_crm_core.refs import live_refs
from kontor_crm_core.segment.filters import Meant
from kontor_crm_core.segment.rules import Kind
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.filters.ordering import orders
from kontor_platform.data.records.filters.search import searching
from kontor_platform.data.records.filters.selecting import met
from kontor_platform.data.records.filters.tree import Group, Leaf, Member, Node
from kontor_platform.data.records.filters.wording import words
from kontor_platform.runtime.call import Call

JOINED = text("SELECT joined_at FROM segment_member WHERE tenant_id = :tenant AND segment_id = :id AND record_id = :of")
READ_MS = 900


@dataclass(frozen=True, slots=True)
class MemberPage:
    """A page of members."""

    members: Sequence[pb.SegmentMember]
    positions: Sequence[Sequence[JSON]]
    more: bool
    total: int


@dataclass(slots=True)
class Members:
    """The members of one segment; those kept of a dynamic one are asked again whether they meet its filter."""

    call: Call
    row: Mapping[Any, Any]
    meant: Meant

    async def page(self, size: int, start: Sequence[JSON] | None) -> MemberPage:
        """One page in the order of joining."""
        search = searching(self.call, self.meant.checked, self.meant.knowledge)
        kind = KINDS[self.row["object_type"]]
        values: dict[str, Any] = {"segment": self.row["id"], "limit": size + 1}
        behind = ""
        if start is not None:
            values |= {"at": start[0], "id": start[1]}
            behind = "AND (m.joined_at, m.record_id) > (%(at)s::timestamptz, %(id)s::uuid)"
        asked = search.predicate("t") if self.row["kind"] == Kind.DYNAMIC else "true"
        found = await search.statements.rows(
            f"SELECT m.record_id, m.joined_at, t.{NAMES.get(kind.name, 'name')} FROM segment_member m "
            f"JOIN {kind.table} t ON t.id = m.record_id WHERE m.tenant_id = %(tenant)s AND m.segment_id = %(segment)s "
            f"AND {kind.conditions('t')} AND {asked} {behind} ORDER BY m.joined_at, m.record_id LIMIT %(limit)s",
            {**search.parameters.values, **values},
        )
        return MemberPage(
            members=[member(*row) for row in found[:size]],
            positions=[[row[1].isoformat(), str(row[0])] for row in found[:size]],
            more=len(found) > size,
            total=await self.total(),
        )

    async def total(self) -> int:
        """How many members there are: as counted for a segment that is kept, else by its filter."""
        if self.row["kind"] != Kind.DYNAMIC:
            return int(self.row["size"])
        search = searching(self.call, self.meant.checked, self.meant.knowledge)
        page = await search.page(orders((), self.meant.checked.object_type, self.meant.knowledge), 1, None)
        return page.total if not page.is_estimate or self.row["state"] != "ready" else int(self.row["size"])


def member(id: UUID, joined_at: datetime, name: str) -> pb.SegmentMember:
    """A member as callers see it."""
    return pb.SegmentMember(id=str(id), name=name, joined_at=Timestamp.from_datetime(joined_at))


async def membership(call: Call, row: Mapping[Any, Any], meant: Meant, record: UUID) -> pb.Membership:
    """Whether a record is in a segment, and which conditions say so; raises NotFound or Gone."""
    asked, record = record, (await present(call, [record]))[record]
    kinds = ("activity", "task") if row["object_type"] == "activity" else (row["object_type"],)
    ref = (await live_refs(call, [record], kinds))[record]
    root = meant.checked.node
    parts = list(conditions(root)) if row["kind"] == Kind.DYNAMIC else []
    answers = await met(call, meant.checked, meant.knowledge, [*([root] if root else []), *parts], record)
    joined = (
        await call.session.execute(JOINED, {"tenant": call.actor.tenant, "id": row["id"], "of": record})
    ).scalar_one_or_none()
    told = [
        pb.MetCondition(path=each.path, reading=words(each), met=answer)
        for each, answer in zip(parts, answers[1:], strict=False)
    ]
    is_member = bool(answers and answers[0])
    return pb.Membership(
        record=pb.SegmentMember(
            id=str(record), name=ref.name, joined_at=Timestamp.from_datetime(joined) if joined and is_member else None
        ),
        is_member=is_member,
        conditions=told,
        reason=reason(row, ref.name, is_member, told),
        redirected_from=redirected_from(str(asked), record),
    )


def conditions(node: Node | None) -> Sequence[Leaf]:
    """The conditions of a filter, those of dynamic segments inside it too."""
    match node:
        case None:
            return []
        case Group(_, children):
            return [leaf for child in children for leaf in conditions(child)]
        case Member(filter=inner) if inner is not None:
            return [node, *conditions(inner)]
    return [node]


def reason(row: Mapping[Any, Any], name: str, is_member: bool, told: Sequence[pb.MetCondition]) -> str:
    """What decides, in one sentence."""
    where = f"{name} is {'in' if is_member else 'not in'} {row['name']}"
    if row["kind"] != Kind.DYNAMIC:
        return f"{where}: it {'was added' if is_member else 'was not added, or was taken out'}."
    unmet = [each.reading for each in told if not each.met]
    if is_member:
        return f"{where}: it meets the filter now."
    return f"{where}. Not met: {'; '.join(unmet[:5])}." if unmet else f"{where}: it meets what the filter excludes."
