"""The words of the contract: what comments say of rpcs, messages and fields."""

from functools import cache
from typing import TypeAlias

import kontor_protos
from protobuf import DescEnum, DescField, DescMessage, DescMethod, DescService, Registry
from protobuf.plugin import get_comments
from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet

Described: TypeAlias = DescMethod | DescMessage | DescField | DescEnum | DescService


def comment(described: Described) -> str:
    """The leading comment of an element as one text; paragraphs stay apart."""
    leading = get_comments(commented(described)).leading or ""
    paragraphs = "\n".join(line.strip() for line in leading.strip().splitlines()).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in paragraphs).strip()


def commented(described: Described) -> Described:
    """The element in a descriptor with comments: generated classes carry none, the image they came from does."""
    if not isinstance(described, DescField) or described.parent.file.proto.source_code_info is not None:
        return described
    holder = own_registry().message(described.parent.type_name)
    fields = holder.fields if holder is not None else ()
    return next((each for each in fields if each.name == described.name), described)


@cache
def own_registry() -> Registry:
    """This build's descriptors with comments."""
    return FileDescriptorSet.from_binary(kontor_protos.image()).to_registry()
