"""Sees to it that the tenants demo and other exist and that credentials.json opens them."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import httpx2

from kontor_cli.failure import Failure
from kontor_cli.stack.files import write_private
from kontor_cli.stack.home import Home
from kontor_cli.stack.programs import PublicPorts
from kontor_cli.stack.tenants import TenantKeys, TenantLine, TenantOffice
from kontor_cli.talk.credentials import Credentials, TenantCredentials, read_credentials

DEMO, OTHER = "demo", "other"
NAMES = {DEMO: "Demo", OTHER: "Other"}
WHOAMI_SECONDS = 10.0
WHOAMI = "/mcp/crm/whoami"


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """The two tenants of a development stack and the file that holds their keys."""

    home: Home
    office: TenantOffice
    ports: PublicPorts

    def settle(self) -> str:
        """Makes the tenants and the file where they are missing or do not fit, and says what was done."""
        present = self.office.tenants()
        if known := self._fitting(present):
            self._write(known)
            return "kept"
        self._write(self._issue([each.slug for each in present]))
        return "written"

    def renew(self) -> None:
        """Replaces all keys and the file."""
        self._write(self._issue([DEMO, OTHER]))

    def _fitting(self, present: Sequence[TenantLine]) -> Credentials | None:
        """The file as it is, if it names the tenants of this database."""
        ids = {each.slug: each.id for each in present}
        try:
            known = read_credentials(self.home.credentials)
        except Failure:
            return None
        same = known.demo.tenant == ids.get(DEMO) and known.other.tenant == ids.get(OTHER)
        return known if same else None

    def _issue(self, present: Sequence[str]) -> Credentials:
        with ThreadPoolExecutor() as both:
            demo, other = both.map(lambda slug: self._issued(slug, exists=slug in present), (DEMO, OTHER))
        return Credentials("", "", _credentials(demo), _credentials(other))

    def _issued(self, slug: str, *, exists: bool) -> TenantKeys:
        if exists:
            return self.office.renew(slug)
        people = (f"admin@{slug}.example", f"approver@{slug}.example")
        return self.office.create(slug, NAMES[slug], *people, demo=True)

    def _write(self, known: Credentials) -> None:
        at = Credentials(self.ports.edge_url, self.ports.mcp_url, known.demo, known.other)
        write_private(self.home.credentials, at.to_json())


def _credentials(issued: TenantKeys) -> TenantCredentials:
    keys = {name.removesuffix("_key"): key for name, key in issued.keys.items()}
    return TenantCredentials(issued.id, issued.slug, keys)


async def refused_keys(credentials: Credentials) -> list[str]:
    """The names of keys that do not open the gateway."""
    named = chain.from_iterable(
        ((f"{each.slug}: {name}", key) for name, key in each.keys.items())
        for each in (credentials.demo, credentials.other)
    )
    async with httpx2.AsyncClient(base_url=credentials.edge_url, timeout=WHOAMI_SECONDS, trust_env=False) as edge:
        answers = await asyncio.gather(*(_opens(edge, name, key) for name, key in named))
    return [name for name, opens in answers if not opens]


async def _opens(edge: httpx2.AsyncClient, name: str, key: str) -> tuple[str, bool]:
    answer = await edge.post(WHOAMI, json={}, headers={"authorization": f"Bearer {key}"})
    return name, answer.status_code != httpx2.codes.UNAUTHORIZED
