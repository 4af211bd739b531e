"""Compiles the protos into the distribution `kontor-protos`: message classes, the descriptor image, the examples."""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import google.api
import grpc_tools
from protobuf import DescFile
from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, FileDescriptorSet
from protovalidate._gen.buf.validate import validate_pb

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "build" / "protos"
PACKAGE = "kontor_protos"
COMPILERS = ("grpcio-tools", "protoc-gen-py", "protobuf-py", "protovalidate", "googleapis-common-protos")
PYPROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "kontor-protos"
version = "0.1.0"
requires-python = ">=3.11"

[tool.hatch.build]
include = ["kontor_protos/**"]
ignore-vcs = true
"""
INIT = '''"""Generated message classes and the descriptor image they were generated from."""

from importlib.resources import files

SHA = "{sha}"


def image() -> bytes:
    """Answers the FileDescriptorSet with comments."""
    return files(__name__).joinpath("image.binpb").read_bytes()


def examples() -> bytes:
    """Answers the recorded calls by tool, as JSON."""
    return files(__name__).joinpath("examples.json").read_bytes()
'''


def main() -> None:
    """Builds if a proto, this script or a compiler changed since the last build."""
    inputs = fingerprint()
    stamp = TARGET / "stamp"
    if stamp.is_file() and stamp.read_text() == inputs:
        return
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TARGET.parent) as scratch:
        image = compiled(Path(scratch))
        package = generated(image, Path(scratch))
        swap(package, TARGET / PACKAGE)
    (TARGET / "pyproject.toml").write_text(PYPROJECT)
    stamp.write_text(inputs)
    print(f"protos: {len(sources())} files built into {TARGET.relative_to(HERE.parent)}")


def sources() -> list[str]:
    """Names our proto files relative to the proto root, sorted."""
    return sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.proto"))


def examples() -> list[Path]:
    """The files of recorded calls, sorted."""
    return sorted((HERE / "examples").glob("*.json"))


def fingerprint() -> str:
    """SHA-256 over everything the build reads."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in COMPILERS:
        digest.update(f"{name}={importlib.metadata.version(name)}\0".encode())
    for name in sources():
        digest.update(name.encode() + b"\0" + (HERE / name).read_bytes())
    for path in examples():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def compiled(scratch: Path) -> bytes:
    """The descriptor image with comments; in our own files JSON names equal field names."""
    validate, raw = scratch / "validate.binpb", scratch / "raw.binpb"
    rules = FileDescriptorSet(file=[file.proto for file in with_dependencies(validate_pb.desc())])
    validate.write_bytes(rules.to_binary())
    protoc(
        f"--proto_path={HERE}",
        f"--proto_path={Path(google.api.__path__[0]).parents[1]}",
        f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
        f"--descriptor_set_in={validate}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={raw}",
        *sources(),
    )
    image = FileDescriptorSet.from_binary(raw.read_bytes())
    own = set(sources())
    for file in image.file:
        if file.name in own:
            name_json(file.message_type)
    return image.to_binary()


def with_dependencies(file: DescFile) -> Iterator[DescFile]:
    """Walks a file after the files it imports, each once."""
    seen: set[str] = set()

    def walk(current: DescFile) -> Iterator[DescFile]:
        if current.name not in seen:
            seen.add(current.name)
            for dependency in current.dependencies:
                yield from walk(dependency)
            yield current

    return walk(file)


def name_json(messages: Iterable[DescriptorProto]) -> None:
    """Gives every field the JSON name it has in the proto."""
    for message in messages:
        for field in message.field:
            field.json_name = field.name
        name_json(message.nested_type)


def generated(image: bytes, scratch: Path) -> Path:
    """The package of message classes for the image, with the image inside."""
    source, package = scratch / "image.binpb", scratch / PACKAGE
    source.write_bytes(image)
    package.mkdir()
    names = [
        file.name for file in FileDescriptorSet.from_binary(image).file if not file.name.startswith("google/protobuf/")
    ]
    plugin = Path(sys.executable).parent / "protoc-gen-py"
    protoc(f"--descriptor_set_in={source}", f"--plugin=protoc-gen-py={plugin}", f"--py_out={package}", *names)
    shutil.move(source, package / "image.binpb")
    (package / "__init__.py").write_text(INIT.format(sha=hashlib.sha256(image).hexdigest()))
    (package / "examples.json").write_text(json.dumps({path.stem: json.loads(path.read_text()) for path in examples()}))
    (package / "py.typed").touch()
    return package


def protoc(*arguments: str) -> None:
    """Runs protoc; raises SystemExit with its own words if it fails."""
    done = subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"protoc refused the protos:\n{done.stderr}")


def swap(fresh: Path, present: Path) -> None:
    """Puts a new package in the place of the present one."""
    if present.exists():
        shutil.rmtree(present)
    fresh.rename(present)


if __name__ == "__main__":
    main()
