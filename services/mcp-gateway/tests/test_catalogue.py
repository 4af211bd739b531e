"""The catalogue: built from images alone, immutable, refusing what two services claim."""

import json
from typing import Any

import pytest
from jsonschema_rs import validator_for
from kontor_protos.kontor.platform.v1.describe_pb import DescribeResponse
from protobuf.wkt.google.protobuf.descriptor_pb import FieldDescriptorProto, FileDescriptorSet

from kontor_mcp_gateway.catalogue.catalogue import Catalogue, Claimed, Offer
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.images import KeptImage
from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.examples import example_of
from kontor_platform.contract.image import Image, own_image
from kontor_platform.contract.problem import ApprovalRequired
from kontor_platform.runtime.tenant_policy import TenantPolicy

SERVICES = ("garden.v1.Plants",)


class MemoryImages:
    """Images kept in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, KeptImage] = {}

    async def all(self) -> list[KeptImage]:
        """Every kept image."""
        return list(self.kept.values())

    async def keep(self, image: KeptImage, sha: str) -> None:
        """Keeps an image."""
        self.kept[image.service] = image


class Scripted:
    """A service that says what it is told to."""

    def __init__(self, name: str, image: Image, services: tuple[str, ...] = SERVICES) -> None:
        self.name, self.image, self.services = name, image, services
        self.serves = True
        self.described = 0

    async def describe(self, known_sha: str) -> DescribeResponse | None:
        """The image, or nothing new."""
        self.described += 1
        data = b"" if known_sha == self.image.sha else self.image.data
        return DescribeResponse(service=self.name, sha=self.image.sha, image=data, services=list(self.services))

    async def is_serving(self) -> bool:
        """Whether it serves."""
        return self.serves

    async def worker_serves(self) -> bool | None:
        """It has no worker."""
        return None


@pytest.fixture
def offer(garden_image: Image) -> Offer:
    """What the garden offers."""
    return Offer.read("garden", garden_image.data, SERVICES)


def test_names_and_aliases_lead_to_one_tool(offer: Offer) -> None:
    """A tool is found by its name and its dotted alias, and by nothing taken apart."""
    catalogue = Catalogue().with_offer(offer)
    assert catalogue.find("garden.get_plant") is catalogue.find("garden_get_plant") is not None
    assert catalogue.find("garden_get.plant") is None


def test_two_services_cannot_claim_one_tool(offer: Offer, garden_image: Image) -> None:
    """The second claim is refused, naming both."""
    second = Offer.read("greenhouse", garden_image.data, SERVICES)
    with pytest.raises(Claimed) as refused:
        Catalogue().with_offer(offer).with_offer(second)
    assert "garden" in str(refused.value)
    assert "greenhouse" in str(refused.value)


def test_fingerprint_leaves_availability_out(offer: Offer) -> None:
    """A tool is the same tool while its service is away, and says so in its list entry."""
    here = Catalogue().with_offer(offer)
    away = here.with_unavailable({"garden"})
    assert here.fingerprints() == away.fingerprints()
    policy, roles = TenantPolicy(), frozenset({"admin"})
    assert all(tool["_meta"]["kontor/unavailable"] for tool in away.listed(policy, roles))
    assert not any("kontor/unavailable" in tool["_meta"] for tool in here.listed(policy, roles))


def test_output_schema_admits_answer_and_refusal(offer: Offer) -> None:
    """A client that validates takes both, and nothing else."""
    tool = Catalogue().with_offer(offer).tools["garden_get_plant"]
    schema = validator_for(tool.listed["outputSchema"])
    assert schema.is_valid({"id": "x", "name": "fern", "litres": 0, "version": 1})
    assert schema.is_valid(ApprovalRequired(details={"approval_id": "x"}).to_json())
    assert not schema.is_valid({"id": "x"})


def test_control_arguments_are_offered_where_they_mean_something(offer: Offer) -> None:
    """Writes take all of them, reads none."""
    tools = Catalogue().with_offer(offer).tools
    assert tools["garden_get_plant"].controls == frozenset()
    assert tools["garden_water_plant"].controls == {"user_approved", "approval_id", "idempotency_key", "dry_run"}


async def test_feed_follows_a_service(garden_image: Image) -> None:
    """Tools appear with their service, stay when it goes, and are there at the next start before it is."""
    garden, images = Scripted("garden", garden_image), MemoryImages()
    feed = Feed({"garden": garden}, images)  # type: ignore[arg-type]
    await feed.check("garden")
    assert feed.present.find("garden_get_plant")
    assert feed.is_ready()
    garden.serves = False
    await feed.check("garden")
    assert feed.present.unavailable == {"garden"}
    assert feed.present.find("garden_get_plant")
    later = Feed({"garden": garden}, images)  # type: ignore[arg-type]
    await later.load()
    assert later.present.find("garden_get_plant")
    assert later.present.unavailable == {"garden"}


async def test_feed_sees_a_new_rpc_without_a_release(garden_image: Image) -> None:
    """An unknown name asks the services once more, and at most once in five seconds."""
    garden = Scripted("garden", garden_image, ())
    feed = Feed({"garden": garden}, MemoryImages())  # type: ignore[arg-type]
    await feed.check("garden")
    garden.services = SERVICES
    assert await feed.look_again("garden_get_plant") is not None
    asked = garden.described
    assert await feed.look_again("garden_other") is None
    assert garden.described == asked


async def test_feed_keeps_the_last_good_offer(garden_image: Image) -> None:
    """An offer that breaks the rules is refused whole and told; what was there stays."""
    garden, twin = Scripted("garden", garden_image), Scripted("greenhouse", garden_image)
    feed = Feed({"garden": garden, "greenhouse": twin}, MemoryImages())  # type: ignore[arg-type]
    await feed.check("garden")
    before: Any = feed.present.tools
    await feed.check("greenhouse")
    assert feed.present.tools == before
    assert "greenhouse" in feed.states["greenhouse"].problem
    assert not feed.is_ready()


def test_gateway_and_service_hash_the_same_bytes() -> None:
    """What the gateway hashes from an image is what the service hashes from its generated class, for every tool."""
    generated = {each.name: each for each in own_image().operations() if each.policy.tool}
    foreign = {each.name: each for each in Image.from_bytes(own_image().data).operations() if each.policy.tool}
    for name, operation in generated.items():
        sent = foreign[name].request_type.from_json(json.dumps(example_of(operation)))
        received = operation.request_type.from_binary(sent.to_binary())
        assert arguments_hash(sent) == arguments_hash(received), name


def test_a_service_one_field_ahead_hashes_the_same_bytes(garden_image: Image) -> None:
    """A field that the gateway does not know yet changes nothing about the calls it can make."""
    files = FileDescriptorSet.from_binary(garden_image.data)
    ahead = next(each for file in files.file for each in file.message_type if each.name == "WaterPlantRequest")
    template = next(each for each in ahead.field if each.name == "note")
    ahead.field.append(FieldDescriptorProto.from_binary(template.to_binary()))
    ahead.field[-1].name = ahead.field[-1].json_name = "added_later"
    ahead.field[-1].number = 99
    newer = Image.from_bytes(files.to_binary())
    known, later = (
        {each.name: each for each in image.operations(SERVICES)}["garden_water_plant"].request_type
        for image in (garden_image, newer)
    )
    sent = known.from_json(json.dumps({"id": "x", "litres": 1, "note": "rain"}))
    assert arguments_hash(sent) == arguments_hash(later.from_binary(sent.to_binary()))
