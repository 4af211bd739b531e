"""Describe: the service tells its own image."""

from collections.abc import Mapping, Sequence

from kontor_protos.kontor.platform.v1.describe_pb import DescribeRequest, DescribeResponse

from kontor_platform.contract.image import Image


class Describe:
    """Answers the descriptor image; open to everyone, like gRPC reflection, because it grants nothing."""

    implements = "kontor.platform.v1.Platform"

    def __init__(self, service: str, image: Image, services: Sequence[str]) -> None:
        self._service, self._image, self._services = service, image, list(services)

    async def describe(self, request: DescribeRequest, metadata: Mapping[str, str]) -> DescribeResponse:
        """The image, or nothing new for a caller that holds it."""
        known = request.known_sha == self._image.sha
        return DescribeResponse(
            service=self._service,
            sha=self._image.sha,
            image=b"" if known else self._image.data,
            services=self._services,
        )
