"""Files through the edge: up and down as streams, and followed while somebody writes them."""

import hashlib
import http.client
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest

from kontor_cli.stack.secret_files import database_password
from kontor_platform.data.database import Database
from kontor_platform.data.files import MAX_UPLOAD_BYTES, Draft, FileWriter
from support.plugin import ConnectEdge
from support.stack import Stack
from support.tenants import Tenant, create_tenant

MIB = 1024 * 1024
BYTES = random.Random(7).randbytes(5 * MIB + 17)
SHA256 = hashlib.sha256(BYTES).hexdigest()
ROLE = "crm_core_app"


@asynccontextmanager
async def application(stack: Stack) -> AsyncIterator[Database]:
    """crm-core's database as its own processes open it."""
    with stack.sql("crm-core") as admin:
        host = admin.info.host
    opened = Database(f"postgresql://{ROLE}:{quote(database_password(stack.secrets, ROLE))}@/postgres?host={host}")
    await opened.open()
    yield opened
    await opened.close()


async def test_what_was_sent_comes_back(tenant: Tenant, at_edge: ConnectEdge) -> None:
    """Five megabytes, as the body itself and as the file of a form: hashed, kept, and answered byte for byte."""
    async with at_edge(tenant.key("admin")) as person:
        plain = await person.http.post("/crm/files", params={"name": "a b.csv", "sha256": SHA256}, content=BYTES)
        form = await person.http.post("/crm/files", files={"file": ("ü,x.csv", BYTES, "text/csv")})
        again = await person.http.get(f"/crm/files/{form.json()['id']}")
        known = await person.http.get(
            f"/crm/files/{form.json()['id']}", headers={"if-none-match": again.headers["etag"]}
        )
    for answer, name in ((plain, "a b.csv"), (form, "ü,x.csv")):
        assert answer.status_code == httpx2.codes.OK, answer.text
        told = answer.json()
        assert (told["sha256"], told["size"], told["name"], told["state"]) == (SHA256, len(BYTES), name, "finished")
    assert again.content == BYTES
    assert again.headers["content-length"] == str(len(BYTES))
    assert again.headers["etag"] == f'"{SHA256}"'
    assert again.headers["content-disposition"] == "attachment; filename=\"__x.csv\"; filename*=UTF-8''%C3%BC%2Cx.csv"
    assert again.headers["x-content-type-options"] == "nosniff"
    assert (known.status_code, known.content) == (304, b"")


async def test_a_repeated_upload_is_one_file(tenant: Tenant, at_edge: ConnectEdge, stack: Stack) -> None:
    """Under one idempotency key the same bytes answer the first file, and other bytes are refused."""
    headers = {"idempotency-key": "once"}
    async with at_edge(tenant.key("admin")) as person:
        first = await person.http.post("/crm/files", content=b"name\nAda\n", headers=headers)
        second = await person.http.post("/crm/files", content=b"name\nAda\n", headers=headers)
        other = await person.http.post("/crm/files", content=b"name\nBea\n", headers=headers)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert other.json()["code"] == "idempotency_reused"
    with stack.sql("crm-core") as admin:
        kept = admin.execute("SELECT id FROM file WHERE tenant_id = %s", [tenant.id]).fetchall()
        audits = admin.execute(
            "SELECT data->>'outcome' FROM outbox WHERE tenant_id = %s AND kind = 'audit' ORDER BY n", [tenant.id]
        ).fetchall()
    assert kept == [(UUID(first.json()["id"]),)]
    assert audits == [("ok",), ("replayed",), ("refused",)]


@pytest.mark.parametrize(
    ("key", "code"), [("sales", "role_required"), ("viewer", "role_required"), ("agent", "role_required")]
)
async def test_who_may_not_import_or_export_sends_and_reads_no_file(
    tenant: Tenant, at_edge: ConnectEdge, key: str, code: str
) -> None:
    """The role is asked for before a byte is read."""
    async with at_edge(tenant.key(key)) as person:
        sent = await person.http.post("/crm/files", content=b"x")
        read = await person.http.get(f"/crm/files/{uuid4()}")
    assert (sent.status_code, sent.json()["code"]) == (403, code)
    assert (read.status_code, read.json()["code"]) == (403, code)


async def test_files_of_others_and_old_ones(tenant: Tenant, at_edge: ConnectEdge, stack: Stack) -> None:
    """Another tenant's file is as unknown as one that never was; one past its time is gone, and says so."""
    async with at_edge(tenant.key("admin")) as person, at_edge(create_tenant(stack).key("admin")) as stranger:
        id = (await person.http.post("/crm/files", content=b"x")).json()["id"]
        foreign, unknown = await stranger.http.get(f"/crm/files/{id}"), await person.http.get(f"/crm/files/{uuid4()}")
        with stack.sql("crm-core") as admin:
            admin.execute("UPDATE file SET expires_at = clock_timestamp() WHERE id = %s", [id])
        gone = await person.http.get(f"/crm/files/{id}")
    assert foreign.status_code == unknown.status_code == 404
    assert {**foreign.json(), "trace_id": ""} == {**unknown.json(), "trace_id": ""}
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        ({"content": b"x", "params": {"sha256": "0" * 64}}, 422, "invalid_field"),
        ({"content": b"x", "params": {"nmae": "x"}}, 422, "unknown_field"),
        ({"content": b"x", "headers": {"content-encoding": "gzip"}}, 415, "unsupported_media_type"),
        ({"files": {"a": ("a", b"1"), "b": ("b", b"2")}}, 400, "malformed"),
        ({"data": {"a": "1"}, "files": {"b": (None, b"2")}}, 400, "malformed"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, 400, "malformed"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "malformed"),
    ],
    ids=["other-hash", "unknown-field", "coded", "two-files", "no-file", "not-a-form", "no-boundary"],
)
async def test_a_bad_upload_leaves_nothing(
    tenant: Tenant, at_edge: ConnectEdge, stack: Stack, request_of: dict[str, object], status: int, code: str
) -> None:
    """What is wrong is named, and no piece of the file stays."""
    async with at_edge(tenant.key("admin")) as person:
        refused = await person.http.post("/crm/files", **request_of)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    with stack.sql("crm-core") as admin:
        assert admin.execute("SELECT id FROM file WHERE tenant_id = %s", [tenant.id]).fetchall() == []


def test_a_file_that_says_it_is_too_large_is_refused_unread(tenant: Tenant, stack: Stack) -> None:
    """The answer comes before the body."""
    place = urlsplit(stack.edge_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    connection.putrequest("POST", "/crm/files")
    connection.putheader("authorization", f"Bearer {tenant.key('admin')}")
    connection.putheader("content-length", str(MAX_UPLOAD_BYTES * 2))
    connection.endheaders(b"name\n")
    answer = connection.getresponse()
    assert (answer.status, b"too_large" in answer.read()) == (413, True)
    connection.close()


async def test_a_file_is_followed_while_it_is_written(tenant: Tenant, at_edge: ConnectEdge, stack: Stack) -> None:
    """The reader gets what is there at once, and the rest as it comes; the end is known by the last byte."""
    lines = [f"{number},Ada\r\n".encode() * 1000 for number in range(3)]
    async with application(stack) as database, at_edge(tenant.key("admin")) as person:
        async with database.transaction(tenant.id) as (session, _):
            writer = await FileWriter.create(session, tenant.id, Draft("x.csv", "text/csv", uuid4(), uuid4()))
            await writer.append(session, lines[0])
            await session.commit()
        async with person.http.stream("GET", f"/crm/files/{writer.id}") as answer:
            read, received = b"", answer.aiter_raw()
            for number in range(len(lines)):
                while len(read) < sum(map(len, lines[: number + 1])):
                    read += await anext(received)
                assert read == b"".join(lines[: number + 1])
                async with database.transaction(tenant.id) as (session, _):
                    if number + 1 < len(lines):
                        await writer.append(session, lines[number + 1])
                    else:
                        await writer.finish(session)
                    await session.commit()
            rest = b"".join([each async for each in received])
    assert answer.headers["content-type"].startswith("text/csv")
    assert "content-length" not in answer.headers
    assert (rest, read) == (b"", b"".join(lines))
