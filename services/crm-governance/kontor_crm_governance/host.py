"""Commands for the host's administrator: each prints one JSON object.

python -m kontor_crm_governance tenant create --name N --slug S --admin MAIL --approver MAIL [--demo-keys]
python -m kontor_crm_governance tenant keys --slug S
python -m kontor_crm_governance tenant list
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_crm_governance.settings import HostSettings
from kontor_crm_governance.tenant import queries
from kontor_crm_governance.tenant.creation import CreatedTenant, NewTenant, create, renew
from kontor_platform.contract.problem import JSON, InvalidField, Refusal
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_audit
from kontor_platform.data.refusals import DATABASE_ERRORS, refusal_for
from kontor_platform.runtime.principal import SYSTEM_TENANT

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
Answer = Mapping[str, JSON]


def main(arguments: Sequence[str]) -> None:
    """Runs a command; a refusal goes to standard error, with exit code 1."""
    parsed = parser().parse_args(arguments)
    try:
        settings = HostSettings.model_validate({})
        answer = asyncio.run(in_transaction(settings.database_url.get_secret_value(), parsed))
    except ValidationError as error:
        raise SystemExit("CRM_GOVERNANCE_DATABASE_URL is not set.") from error
    except Refusal as refusal:
        raise SystemExit(refusal.message) from refusal
    except DATABASE_ERRORS as error:
        refused = refusal_for(error)
        raise SystemExit(refused.message if refused else f"The database refused: {type(error).__name__}.") from error
    json.dump(answer, sys.stdout)
    sys.stdout.write("\n")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    root = argparse.ArgumentParser(prog="python -m kontor_crm_governance", description=main.__doc__)
    tenant = root.add_subparsers(required=True, metavar="tenant").add_parser(
        "tenant", help="tenants and their first keys"
    )
    commands = tenant.add_subparsers(required=True, metavar="create|keys|list")
    making = commands.add_parser("create", help="makes a tenant with two people and their keys")
    making.set_defaults(command=create_tenant)
    for option in ("name", "slug", "admin", "approver"):
        making.add_argument(f"--{option}", required=True)
    making.add_argument("--demo-keys", action="store_true", help="adds people and agents to try it with")
    renewing = commands.add_parser("keys", help="revokes the keys this command made and issues new ones")
    renewing.set_defaults(command=renew_keys)
    renewing.add_argument("--slug", required=True)
    commands.add_parser("list", help="names the tenants").set_defaults(command=list_tenants)
    return root


async def in_transaction(url: str, parsed: argparse.Namespace) -> Answer:
    """Runs a command in one transaction of the system's tenant."""
    database, command = Database(url, size=1), parsed.command
    try:
        async with database.transaction(SYSTEM_TENANT) as (session, now):
            answer: Answer = await command(parsed, session, now)
            await session.commit()
            return answer
    finally:
        await database.close()


async def create_tenant(parsed: argparse.Namespace, session: AsyncSession, now: datetime) -> Answer:
    """Makes a tenant."""
    if not SLUG.fullmatch(parsed.slug):
        raise InvalidField("--slug takes lower-case letters, digits and hyphens, at most 63.")
    wanted = NewTenant(parsed.name, parsed.slug, parsed.admin, parsed.approver, parsed.demo_keys)
    operation = new_id()
    return await audited("tenant.created", session, operation, await create(session, wanted, now, operation))


async def renew_keys(parsed: argparse.Namespace, session: AsyncSession, now: datetime) -> Answer:
    """Replaces the keys that the host made."""
    operation = new_id()
    return await audited("tenant.keys_renewed", session, operation, await renew(session, parsed.slug, now, operation))


async def list_tenants(parsed: argparse.Namespace, session: AsyncSession, now: datetime) -> Answer:
    """Names the tenants."""
    rows = (await session.execute(queries.TENANTS)).mappings()
    return {"tenants": [{"tenant": str(row["id"]), "slug": row["slug"], "name": row["name"]} for row in rows]}


async def audited(type: str, session: AsyncSession, operation: UUID, created: CreatedTenant) -> Answer:
    """Writes the audit row of the host's act and tells the credentials."""
    told: dict[str, JSON] = {
        "actor": "system",
        "tenant": str(created.id),
        "slug": created.slug,
        "keys": [str(each.key.id) for each in created.keys],
        "outcome": "ok",
    }
    await write_audit(session, SYSTEM_TENANT, operation, type, told)
    keys = {each.key.name: each.credential for each in created.keys}
    return {"tenant": str(created.id), "slug": created.slug, "keys": keys}
