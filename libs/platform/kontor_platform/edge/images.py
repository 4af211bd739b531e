"""The last description of each service, kept so that its routes outlive it."""

from pathlib import Path

from kontor_protos.kontor.platform.v1.describe_pb import DescribeResponse

from kontor_platform.contract.image import Image
from kontor_platform.contract.operation import Operation


class LastImages:
    """A directory with one file a service."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, service: str) -> DescribeResponse | None:
        """What the service last said of itself; None if nothing readable is kept."""
        try:
            return DescribeResponse.from_binary(self._file(service).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def keep(self, service: str, described: DescribeResponse) -> None:
        """Keeps what the service says of itself now."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._file(service).with_suffix(".new")
        fresh.write_bytes(described.to_binary())
        fresh.replace(self._file(service))

    def _file(self, service: str) -> Path:
        return self._directory / f"{service}.binpb"


def described_operations(described: DescribeResponse) -> list[Operation]:
    """The operations a service describes; raises BadContract or ValueError if it cannot be understood."""
    return Image.from_bytes(described.image).operations(described.services)
