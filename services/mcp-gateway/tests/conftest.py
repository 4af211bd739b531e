"""A gateway on real sockets and a real PostgreSQL, before a garden that another team could have built.

The garden runs on the platform's own dispatcher, so grants, idempotency and events are the real ones.
crm-governance is a twin that knows keys from memory.
"""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import kontor_protos
import pytest
import pytest_asyncio
from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, FileDescriptorSet

from kontor_platform.contract.image import Image
from kontor_platform.data.migrate import migrate
from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.runtime.tokens import (
    generate_key_pair,
)

from .twins import People
from .world import World, opened

HERE = Path(__file__).parent
MIGRATIONS = HERE.parent / "migrations"
SERVER_YAML = """
tenants:
  lax: {mode: compat, limits: {every: 6000}}
  usual: {limits: {every: 6000}}
  stern: {mode: strict, limits: {every: 6000}}
  small: {}
  blind: {tools: {deny: [garden_get_plant]}}
  seeking: {catalog_search: true, tools: {deny: [garden_uproot_plant]}, limits: {every: 6000}}
  scarce: {limits: {actor: 3}}
  narrow: {tools: {deny: [garden_visit_plant]}, roles: {garden_water_plant: [manager]}, limits: {every: 6000}}
"""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server with the schemas of gateway and garden."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    for service, migrations in (("mcp-gateway", MIGRATIONS), ("garden", HERE / "garden" / "migrations")):
        migrate(service, server.url, migrations, lambda role: "password")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets, sockets, spool and configuration."""
    folder = tmp_path_factory.mktemp("gw")
    for name in ("passport", "grant"):
        generate_key_pair(folder / f"{name}.private.jwk", folder / f"{name}.jwks", name)
    for name in ("cursor", "request_state", "service_key"):
        (folder / name).write_text(secrets.token_hex(32))
    (folder / "server.yaml").write_text(SERVER_YAML)
    return folder


@pytest.fixture(scope="session")
def garden_image(folder: Path) -> Image:
    """The garden's image, compiled here: no generated code of it exists."""
    (folder / "known.binpb").write_bytes(kontor_protos.image())
    target = folder / "garden.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={HERE / 'garden'}"]
    command += [f"--descriptor_set_in={folder / 'known.binpb'}", "--include_imports", "--include_source_info"]
    subprocess.run([*command, f"--descriptor_set_out={target}", "garden.proto"], check=True)
    files = FileDescriptorSet.from_binary(target.read_bytes())
    for file in files.file:
        named(file.message_type)
    return Image.from_bytes(files.to_binary())


def named(messages: list[DescriptorProto]) -> None:
    """Gives every field the JSON name it has in the proto."""
    for message in messages:
        for each in message.field:
            each.json_name = each.name
        named(message.nested_type)


@pytest_asyncio.fixture(scope="session")
async def world(postgres: EmbeddedPostgres, folder: Path, garden_image: Image) -> AsyncIterator[World]:
    """Everything, running in one task from beginning to end, as the SDK's task groups demand."""
    ready: asyncio.Future[World] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def live() -> None:
        async with opened(postgres, folder, garden_image) as world:
            ready.set_result(world)
            await done.wait()

    life = asyncio.create_task(live())
    await asyncio.wait((life, ready), return_when=asyncio.FIRST_COMPLETED)
    yield ready.result() if ready.done() else life.result()  # type: ignore[misc]
    done.set()
    await life


@pytest.fixture
def people(world: World) -> People:
    """A new tenant in verified mode."""
    return world.governance.people()
