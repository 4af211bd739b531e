"""The services' last good images, kept so that a gateway started during an outage still lists their tools."""

from dataclasses import dataclass

from sqlalchemy import text

from kontor_platform.data.database import Database
from kontor_platform.runtime.principal import SYSTEM_TENANT

ALL = text("SELECT service, services, image FROM service_image ORDER BY service")
KEEP = text(
    """
    INSERT INTO service_image (service, sha, services, image) VALUES (:service, :sha, CAST(:services AS text[]), :image)
    ON CONFLICT (service) DO UPDATE
    SET sha = excluded.sha, services = excluded.services, image = excluded.image, at = clock_timestamp()
    """
)


@dataclass(frozen=True, slots=True)
class KeptImage:
    """What a service last offered."""

    service: str
    services: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Images:
    """The kept images; they belong to no tenant."""

    database: Database

    async def all(self) -> list[KeptImage]:
        """Every kept image."""
        async with self.database.transaction(SYSTEM_TENANT) as (session, _):
            rows = await session.execute(ALL)
            return [KeptImage(row.service, tuple(row.services), bytes(row.image)) for row in rows]

    async def keep(self, image: KeptImage, sha: str) -> None:
        """Keeps an image in place of the service's last."""
        columns = {"service": image.service, "sha": sha, "services": list(image.services), "image": image.data}
        async with self.database.transaction(SYSTEM_TENANT) as (session, _):
            await session.execute(KEEP, columns)
            await session.commit()
