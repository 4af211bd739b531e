"""Records found, with their key fields and those asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import advanced_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf.wkt import Timestamp, Value

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.filters.faults import each_read, refused
from kontor_platform.data.records.filters.knowledge import Knowledge
from kontor_platform.data.records.objects import ObjectType
from kontor_platform.runtime.call import Call

EMPLOYER = (
    "(SELECT to_json(o.name) FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id "
    "WHERE a.tenant_id = {{}}.tenant_id AND a.from_id = {{}}.id AND a.type_key = '{}' AND a.is_primary "
    "AND o.deleted_at IS NULL)"
)
# What is told of a record beside its fields: the name of the company at the other end of its link.
BESIDE: Mapping[str, Mapping[str, str]] = {
    "contact": {"company": EMPLOYER.format("contact_company")},
    "deal": {"company": EMPLOYER.format("deal_company")},
}
TELLING: Mapping[str, Sequence[str]] = {
    "contact": ("title", "company", "email", "phone", "city"),
    "company": ("domain", "industry", "city"),
    "deal": ("stage", "stage_kind", "amount", "currency", "close_date", "company"),
    "task": ("status", "due_date", "priority"),
    "activity": ("kind", "occurred_at"),
}
NAMES: Mapping[str, str] = {"activity": "subject", "task": "subject"}


@dataclass(frozen=True, slots=True)
class Shown:
    """Fields to show: SQL of those in tables, and custom properties."""

    columns: Mapping[str, str]
    properties: Sequence[Definition]


def shown(kind: ObjectType, names: Sequence[str], knowledge: Knowledge) -> Shown:
    """What tells records of a type apart, and the fields asked for; raises InvalidField with every fault."""
    faults: list[FieldProblem] = []

    def read(name: str) -> str | Definition:
        """The SQL of a standard field, or a custom property."""
        return beside(kind, name) or knowledge.property(kind, name)

    found = {name: read(name) for name in TELLING[kind.name]}
    found |= dict(each_read("fields", names, lambda name: (name, read(name)), faults))
    if faults:
        raise refused(faults)
    return Shown(
        {name: told for name, told in found.items() if isinstance(told, str)},
        [told for told in found.values() if isinstance(told, Definition)],
    )


def beside(kind: ObjectType, name: str) -> str | None:
    """The SQL of a standard field's value; None for what is none."""
    if name in kind.by_name:
        return kind.by_name[name].shown
    return BESIDE.get(kind.name, {}).get(name)


async def rows(call: Call, kind: ObjectType, ids: Sequence[UUID], wanted: Shown) -> list[pb.FoundRecord]:
    """The records of the ids in their order."""
    if not ids:
        return []
    values = ", ".join(f"'{name}', {sql.replace('{}', 't')}" for name, sql in wanted.columns.items())
    type_ = (
        "CASE WHEN t.kind = 'task' THEN 'task' ELSE 'activity' END" if kind.table == "activity" else f"'{kind.name}'"
    )
    statement = (
        f"SELECT t.id, {type_}, t.{NAMES.get(kind.name, 'name')}, t.version, t.owner_id, t.created_at, t.updated_at, "
        f"json_build_object({values}), {'t.props' if wanted.properties else 'NULL'} FROM {kind.table} t "
        f"WHERE t.tenant_id = %(tenant)s AND t.id = ANY(%(ids)s)"
    )
    connection = await call.session.connection()
    found = await connection.exec_driver_sql(statement, {"tenant": call.actor.tenant, "ids": list(ids)})
    by_id = {row[0]: record(row, wanted) for row in found}
    return [by_id[each] for each in ids if each in by_id]


def record(row: Sequence[Any], wanted: Shown) -> pb.FoundRecord:
    """A record as callers see it."""
    id, kind, name, version, owner, created, updated, fields, props = row
    told = dict(fields)
    told |= {each.name: props.get(str(each.id)) for each in wanted.properties}
    return pb.FoundRecord(
        id=str(id),
        type=kind,
        name=name,
        version=version,
        owner_id=str(owner or ""),
        created_at=Timestamp.from_datetime(created),
        updated_at=Timestamp.from_datetime(updated),
        values=[value(name, held) for name, held in told.items() if held is not None],
    )


def value(name: str, held: JSON) -> pb.FoundValue:
    """A field's value."""
    return pb.FoundValue(name=name, value=Value.from_json(json.dumps(held)))
