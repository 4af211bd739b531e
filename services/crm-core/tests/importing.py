"""Imports and exports made inside the service's own database, job by job and without its worker."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import exports_pb, imports_pb
from sqlalchemy import text

from kontor_crm_core.exports.service import Exports
from kontor_crm_core.imports.job import run_import
from kontor_crm_core.imports.options import ImportOptions
from kontor_crm_core.imports.reverting.starting import start_revert
from kontor_crm_core.imports.starting import start_import
from kontor_crm_core.operation.models import LongWork
from kontor_crm_core.operation.store import begin_within, read
from kontor_platform.contract.problem import JSON
from kontor_platform.data.files import Draft, FileWriter, pieces
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import Work
from support.waiting import wait_until_async

from . import inside

DEFINE = text(
    """
    INSERT INTO property_definition (
        tenant_id, id, object_type, name, label, type, options, required, is_unique, created_at, updated_at
    ) VALUES (
        :tenant, :id, 'contact', :name, :label, :type, CAST(:options AS jsonb), :required, :unique, now(), now()
    )
    """
)

SEGMENT = text(
    """
    INSERT INTO segment (tenant_id, id, key, name, object_type, kind, created_at, created_by, updated_at)
    VALUES (:tenant, :id, :key, :key, 'contact', 'static', now(), :actor, now())
    """
)
MEMBER = text(
    "INSERT INTO segment_member (tenant_id, segment_id, record_id, joined_at) VALUES (:tenant, :id, :record, now())"
)


@dataclass(frozen=True)
class Importer:
    """A person who imports and exports in a tenant."""

    work: Work
    person: Principal

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis tells of it when a test fails; by itself it tells every object of the service."""
        printer.text(f"Importer({self.person.tenant})")

    @asynccontextmanager
    async def call(self, tool: str = "crm_import_contacts_csv") -> AsyncIterator[Call]:
        """One call in a transaction of its own, committed at the end."""
        async with self.work.call(inside.OPERATIONS[tool], self.person, new_id()) as call:
            yield call

    async def tell(self, csv: str, **options: Any) -> imports_pb.ImportContactsCsvResponse:
        """Imports a small file."""
        async with self.call() as call:
            return await start_import(imports_pb.ImportContactsCsvRequest(csv=csv, **options), call)

    async def try_(self, csv: str, **options: Any) -> imports_pb.ImportContactsCsvResponse:
        """What importing a small file would do."""
        async with self.work.database.transaction(self.person.tenant) as (session, now):
            call = Call(
                inside.OPERATIONS["crm_import_contacts_csv"],
                self.person,
                new_id(),
                self.work.database,
                self.work.cursors,
                dry_run=True,
            )
            call.enter(session, now)
            return await start_import(imports_pb.ImportContactsCsvRequest(csv=csv, **options), call)

    async def begin(self, data: bytes, *, trial: bool = False, **options: Any) -> UUID:
        """Begins a large import that no worker knows of, for `run`."""
        async with self.call() as call:
            draft = Draft("list.csv", "text/csv", self.person.actor, call.call_id)
            writer = await FileWriter.create(call.session, self.person.tenant, draft)
            await writer.append(call.session, data)
            await writer.finish(call.session)
            plan: dict[str, JSON] = {
                "file": str(writer.id),
                "sha256": sha256(data).hexdigest(),
                "name": "list",
                "options": ImportOptions(**options).to_json(),
                "begun": "",
                "trial": trial,
            }
            return await begin_within(call, "import", plan, 0)

    async def run(self, operation: UUID) -> LongWork:
        """Does a large import to its end, as the worker would."""
        await run_import(self.work, self.person.tenant, operation)
        return await self.status(operation)

    async def ended(self, operation: UUID) -> LongWork:
        """Work that the worker does, once it has ended."""

        async def told() -> LongWork | None:
            row = await self.status(operation)
            return row if row.finished_at else None

        row = await wait_until_async(told, 60)
        assert row is not None
        return row

    async def status(self, operation: UUID) -> LongWork:
        """How long work stands."""
        async with self.call() as call:
            return await read(call, operation)

    async def revert(self, operation: str) -> imports_pb.RevertImportResponse:
        """Takes an import back."""
        async with self.call("crm_import_revert") as call:
            return await start_revert(imports_pb.RevertImportRequest(operation_id=operation), call)

    async def export(self, **request: Any) -> bytes:
        """An exported file."""
        async with self.call("crm_export_contacts_csv") as call:
            told = await Exports().export_contacts_csv(exports_pb.ExportContactsCsvRequest(**request), call)
        if told.state != "done":
            await self.ended(UUID(told.operation_id))
        return b"".join([each async for each in pieces(self.work.database, self.person.tenant, UUID(told.file_id))])

    async def file(self, id: str) -> str:
        """The text of a file."""
        found = [each async for each in pieces(self.work.database, self.person.tenant, UUID(id))]
        return b"".join(found).decode()

    async def define(self, name: str, type: str = "text", *, options: str = "[]", **marks: bool) -> None:
        """Defines a property of contacts."""
        values = {"tenant": self.person.tenant, "id": new_id(), "name": name, "label": name.title(), "type": type}
        flags = {"required": False, "unique": False} | marks
        async with self.call() as call:
            await call.session.execute(DEFINE, {**values, "options": options, **flags})

    async def segment(self, key: str, *members: str) -> None:
        """Makes a static segment of contacts."""
        values = {"tenant": self.person.tenant, "id": new_id(), "key": key, "actor": self.person.actor}
        async with self.call() as call:
            await call.session.execute(SEGMENT, values)
            for each in members:
                await call.session.execute(MEMBER, {**values, "record": each})

    async def rows(self, statement: str, **values: Any) -> Sequence[Mapping[Any, Any]]:
        """Rows of the tenant."""
        async with self.call() as call:
            found = await call.session.execute(text(statement), {"tenant": self.person.tenant, **values})
            return found.mappings().all()


def numbers(told: imports_pb.ImportContactsCsvResponse) -> dict[str, int]:
    """The outcomes of rows, those that occurred."""
    names = ("created", "updated", "unchanged", "failed", "skipped")
    return {name: getattr(told, name) for name in names if getattr(told, name)}
