"""A service's descriptor image, and the operations it tells of."""

import hashlib
import importlib
from collections.abc import Collection, Iterator

import kontor_protos
from kontor_protos.google.api import annotations_pb
from kontor_protos.kontor.platform.v1 import policy_pb
from protobuf import DescFile, DescMessage, DescMethod, DescService, Message, Registry
from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet

from kontor_platform.contract.operation import Approval, Content, Effect, Operation, Policy, Route
from kontor_platform.contract.words import comment


class BadContract(Exception):
    """An rpc breaks the rules of the contract."""


class Image:
    """A descriptor image with comments: what `Describe` answers and a catalogue is built from."""

    def __init__(self, data: bytes, registry: Registry, classes: Registry) -> None:
        self.data = data
        self.sha = hashlib.sha256(data).hexdigest()
        self.registry = registry
        self.classes = classes

    @classmethod
    def from_bytes(cls, data: bytes) -> "Image":
        """Reads an image, building message classes for everything in it; raises ValueError if it is none."""
        registry = FileDescriptorSet.from_binary(data).to_registry()
        return cls(data, registry, registry)

    def operations(self, services: Collection[str] | None = None) -> list[Operation]:
        """The operations of the named rpc services, or of all that have a policy; raises BadContract for a bad rpc."""
        return [
            operation_of(method, self.classes)
            for service in self.services()
            if services is None or service.type_name in services
            for method in service.methods
            if method_policy(method) is not None or services is not None
        ]

    def services(self) -> Iterator[DescService]:
        """Every rpc service in the image, in the order of its files."""
        for described in self.registry:
            if isinstance(described, DescService):
                yield described


def own_image() -> Image:
    """The image this build was generated from, with the generated classes; raises BadContract if they differ."""
    image = Image.from_bytes(kontor_protos.image())
    if image.sha != kontor_protos.SHA:
        raise BadContract("The image and the generated classes are of different builds; build the protos again.")
    return generated(image)


def platform_image() -> Image:
    """What every service shares of this build's image: all of it for a service that has no domain."""
    files = {file.name: file for file in FileDescriptorSet.from_binary(kontor_protos.image()).file}
    names = [name for name in files if name.startswith("kontor/platform/")]
    for name in names:
        names += [each for each in files[name].dependency if each not in names]
    kept = FileDescriptorSet(file=[file for name, file in files.items() if name in names])
    return generated(Image.from_bytes(kept.to_binary()))


def generated(image: Image) -> Image:
    """An image of our own files with the generated message classes."""
    names = [file.name for file in files_of(image.registry) if file.name.startswith("kontor/")]
    modules = [
        importlib.import_module(f"kontor_protos.{name.removesuffix('.proto').replace('/', '.')}_pb") for name in names
    ]
    return Image(image.data, image.registry, Registry(*(module.desc() for module in modules)))


def method_policy(method: DescMethod) -> policy_pb.Policy | None:
    """The policy option of an rpc, if it has one."""
    options = method.proto.options
    if options is None or policy_pb.ext_policy not in options:
        return None
    return options[policy_pb.ext_policy]


def operation_of(method: DescMethod, classes: Registry) -> Operation:
    """The operation an rpc stands for."""
    policy, words, route = method_policy(method), comment(method), route_of(method)
    rpc = f"/{method.parent.type_name}/{method.name}"
    if policy is None:
        raise BadContract(f"{rpc} has no policy option; add option (kontor.platform.v1.policy)")
    if not words:
        raise BadContract(f"{rpc} has no comment; its first sentence is the tool's description")
    return Operation(
        rpc=rpc,
        service=method.parent.type_name,
        method=method.name,
        request=method.input,
        response=method.output,
        request_type=class_of(method.input, classes),
        response_type=class_of(method.output, classes),
        description=words,
        policy=checked(rpc, policy, routed=route is not None),
        route=route,
    )


def class_of(described: DescMessage, classes: Registry) -> type[Message]:
    """The message class for a descriptor, the generated one where there is one."""
    return (classes.message(described.type_name) or described).type


def checked(rpc: str, policy: policy_pb.Policy, *, routed: bool) -> Policy:
    """The policy as a value; raises BadContract where it is incomplete."""
    if policy.effect == policy_pb.Effect.UNSPECIFIED or not policy.roles:
        raise BadContract(f"{rpc}: its policy must state effect and roles")
    if not policy.tool and not policy.internal and not routed:
        raise BadContract(f"{rpc}: its policy must name a tool, or say internal: true; without both it needs a route")
    if policy.content and policy.tool:
        raise BadContract(f"{rpc}: bytes are streamed over REST alone, so it can be no tool")
    roles = frozenset(policy_pb.Role(role).name.lower() for role in policy.roles)
    return Policy(
        tool=policy.tool,
        aliases=tuple(policy.aliases),
        effect=Effect(policy_pb.Effect(policy.effect).name.lower()),
        open_world=policy.open_world,
        approval=Approval(policy_pb.Approval(policy.approval).name.lower()),
        roles=roles if "all" in roles else roles | {"admin"},
        per_actor_per_minute=policy.per_actor_per_minute,
        cost=policy.cost or 1,
        preview=policy.preview if policy.has_field("preview") else True,
        internal=policy.internal,
        example=policy.example,
        content=Content(policy_pb.Content(policy.content).name.lower()),
    )


def route_of(method: DescMethod) -> Route | None:
    """The route an rpc asks for by google.api.http, if any."""
    options = method.proto.options
    if options is None or annotations_pb.ext_http not in options:
        return None
    pattern = options[annotations_pb.ext_http].pattern
    if pattern is None or not isinstance(pattern.value, str):
        raise BadContract(f"{method.name}: google.api.http must name one path")
    return Route(pattern.field.upper(), pattern.value)


def files_of(registry: Registry) -> Iterator[DescFile]:
    """The files in a registry."""
    for described in registry:
        if isinstance(described, DescFile):
            yield described
