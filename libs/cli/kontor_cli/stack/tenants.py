"""Tenants and their first keys, by the host command of crm-governance."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kontor_cli.failure import Failure
from kontor_cli.stack.programs import Environments
from kontor_cli.stack.services import GOVERNANCE, InstalledService, package_of

COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """A tenant with the credentials just issued, by name: admin_key, sales_key and so on."""

    id: str
    slug: str
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TenantLine:
    """A tenant in a list."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TenantOffice:
    """Runs the host command; `env` is crm-governance's own."""

    env: Mapping[str, str]

    def create(self, slug: str, name: str, admin: str, approver: str, *, demo: bool) -> TenantKeys:
        """Makes a tenant with two people and their keys; raises Failure with the command's own words."""
        people = ("--name", name, "--slug", slug, "--admin", admin, "--approver", approver)
        return _keys(self._run("create", *people, *(("--demo-keys",) if demo else ())))

    def renew(self, slug: str) -> TenantKeys:
        """Revokes the keys this command issued before and issues new ones."""
        return _keys(self._run("keys", "--slug", slug))

    def tenants(self) -> list[TenantLine]:
        """Every tenant there is."""
        return [TenantLine(each["tenant"], each["slug"], each["name"]) for each in self._run("list")["tenants"]]

    def _run(self, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", package_of(GOVERNANCE), "tenant", *arguments]
        done = subprocess.run(
            command, env=dict(self.env), capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise Failure(said[-1] if said else f"{GOVERNANCE} refused: tenant {' '.join(arguments)}.")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


def office(environments: Environments, services: Sequence[InstalledService]) -> TenantOffice:
    """The office of a stack; raises Failure if crm-governance is not installed."""
    for service in services:
        if service.name == GOVERNANCE:
            return TenantOffice(environments.of(service))
    raise Failure(f"{GOVERNANCE} is not installed.", "Install everything with: make environment")


def _keys(answer: Mapping[str, Any]) -> TenantKeys:
    return TenantKeys(answer["tenant"], answer["slug"], answer["keys"])
