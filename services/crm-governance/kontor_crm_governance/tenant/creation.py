"""Creates tenants and issues the keys of their first people."""

import zoneinfo
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from babel.numbers import is_currency
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_crm_governance.changes import Author, log
from kontor_crm_governance.door.service_keys import actor_of
from kontor_crm_governance.key.issuing import Draft, drafted, give_secret, granted
from kontor_crm_governance.key.queries import host_keys
from kontor_crm_governance.key.rules import HOST_LIFE, Kind
from kontor_crm_governance.models import ApiKey, Settings, User
from kontor_crm_governance.tenant import queries, rules
from kontor_crm_governance.user.rules import differences
from kontor_crm_governance.user.service import plain_email, profile_of
from kontor_platform.contract.problem import AlreadyExists, InvalidField, NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import Change, Event, write_events
from kontor_platform.runtime.principal import SYSTEM_TENANT, TenantSettings


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What a tenant is to be."""

    name: str
    slug: str
    admin_email: str
    approver_email: str
    demo_keys: bool = False
    settings: TenantSettings = field(default_factory=TenantSettings)


@dataclass(frozen=True, slots=True)
class Issued:
    """A key and its credential, told once."""

    key: ApiKey
    credential: str


@dataclass(frozen=True, slots=True)
class CreatedTenant:
    """A tenant and the keys of its people."""

    id: UUID
    slug: str
    keys: Sequence[Issued]


async def create(session: AsyncSession, wanted: NewTenant, now: datetime, operation: UUID) -> CreatedTenant:
    """Creates a tenant in a transaction of the system's; raises AlreadyExists or InvalidField."""
    require_real(wanted.settings)
    people = people_of(wanted)
    tenant = new_id()
    values = {"id": tenant, "slug": wanted.slug, "name": wanted.name}
    if await session.scalar(queries.REGISTER, values) is None:
        raise AlreadyExists(f"There is a tenant {wanted.slug!r} already.", field="slug")
    async with inside(session, tenant):
        session.add(settings_row(tenant, wanted.settings))
        users = {person.label: user_row(tenant, person, now) for person in people}
        session.add_all(users.values())
        await session.flush()
        issues = rules.FIRST_KEYS + (rules.DEMO_KEYS if wanted.demo_keys else ())
        keys = [issued(tenant, issue, users, now) for issue in issues]
        session.add_all(each.key for each in keys)
        await session.flush()
        await tell(session, author(tenant, operation, now), [*people_events(users.values()), *key_events(keys)])
    return CreatedTenant(tenant, wanted.slug, keys)


async def renew(session: AsyncSession, slug: str, now: datetime, operation: UUID) -> CreatedTenant:
    """Revokes the keys that the host made for a tenant and issues new ones to the same holders; raises NotFound."""
    tenant = await session.scalar(queries.TENANT_BY_SLUG, {"slug": slug})
    if tenant is None:
        raise NotFound(f"There is no tenant {slug!r}.")
    async with inside(session, tenant):
        made = list(await session.scalars(host_keys(tenant)))
        live = [key for key in made if key.revoked_at is None]
        for key in live:
            key.revoked_at, key.version = now, key.version + 1
        keys = [reissued(key, now) for key in {key.name: key for key in made}.values()]
        session.add_all(each.key for each in keys)
        await session.flush()
        await tell(session, author(tenant, operation, now), [*revoked_events(live), *key_events(keys)])
    return CreatedTenant(tenant, slug, keys)


async def tell(session: AsyncSession, by: Author, events: Sequence[Event]) -> None:
    """Logs what happened in a tenant and writes it as events of the tenant."""
    if events:
        await log(session, by, events)
        await write_events(session, by.tenant, by.operation, events, [])


def author(tenant: UUID, operation: UUID, now: datetime) -> Author:
    """The system itself, as the author of a tenant's first rows."""
    return Author(tenant, "system", actor_of("host"), None, operation, now)


def people_events(users: Iterable[User]) -> Iterator[Event]:
    """One event for each new person."""
    for user in users:
        changes = [Change(each.field, each.before, each.after) for each in differences(None, profile_of(user))]
        yield Event("user.changed", "user", user.id, user.version, changes)


def key_events(keys: Sequence[Issued]) -> Iterator[Event]:
    """One event for each new key."""
    for each in keys:
        yield Event("api_key.created", "api_key", each.key.id, each.key.version, granted(each.key))


def revoked_events(keys: Sequence[ApiKey]) -> Iterator[Event]:
    """One event for each key that ended."""
    for key in keys:
        changes = [Change("revoked_at", None, key.revoked_at.isoformat() if key.revoked_at else None)]
        yield Event("api_key.revoked", "api_key", key.id, key.version, changes)


@asynccontextmanager
async def inside(session: AsyncSession, tenant: UUID) -> AsyncIterator[None]:
    """Reads and writes another tenant's rows in the system's transaction, which fails as a whole."""
    await session.execute(queries.ENTER, {"tenant": str(tenant)})
    yield
    await session.execute(queries.ENTER, {"tenant": str(SYSTEM_TENANT)})


def people_of(wanted: NewTenant) -> Sequence[rules.Person]:
    """The people to be created; raises InvalidField unless they are different people."""
    admin = plain_email(wanted.admin_email, "admin_email")
    approver = plain_email(wanted.approver_email, "approver_email")
    if admin.lower() == approver.lower():
        raise InvalidField("The approver must be another person than the admin.", field="approver_email")
    return rules.first_people(admin, approver) + (rules.demo_people(wanted.slug) if wanted.demo_keys else ())


def require_real(settings: TenantSettings) -> None:
    """Raises InvalidField for a time zone or currency that does not exist."""
    if settings.time_zone not in zoneinfo.available_timezones():
        raise InvalidField(f"{settings.time_zone!r} is no IANA time zone.", field="settings.time_zone")
    if not is_currency(settings.currency):
        raise InvalidField(f"{settings.currency!r} is no ISO 4217 currency.", field="settings.currency")


def settings_row(tenant: UUID, settings: TenantSettings) -> Settings:
    """The tenant's settings as a row."""
    return Settings(
        tenant_id=tenant,
        time_zone=settings.time_zone,
        region=settings.region,
        currency=settings.currency,
        fiscal_month=settings.fiscal_month,
    )


def user_row(tenant: UUID, person: rules.Person, now: datetime) -> User:
    """A person as a row."""
    return User(
        tenant_id=tenant,
        id=new_id(),
        version=1,
        email=person.email,
        email_key=person.email.lower(),
        name=person.name,
        roles=[person.role],
        approver=person.approver,
        active=True,
        created_at=now,
        updated_at=now,
    )


def issued(tenant: UUID, issue: rules.Issue, users: Mapping[str, User], now: datetime) -> Issued:
    """A key for one of the people, or for an agent that acts for them."""
    draft = Draft(
        tenant=tenant,
        name=issue.name,
        kind=Kind(issue.kind),
        roles=frozenset({issue.role}),
        expires_at=now + HOST_LIFE,
        user_id=users[issue.holder].id,
        approver=issue.approver,
        interactive=issue.interactive,
    )
    return with_credential(drafted(draft, now))


def reissued(old: ApiKey, now: datetime) -> Issued:
    """A key like another, for the same holder."""
    draft = Draft(
        tenant=old.tenant_id,
        name=old.name,
        kind=Kind(old.kind),
        roles=frozenset(old.roles),
        expires_at=now + HOST_LIFE,
        user_id=old.user_id,
        actor_id=old.actor_id,
        approver=old.approver,
        interactive=old.interactive,
    )
    return with_credential(drafted(draft, now))


def with_credential(key: ApiKey) -> Issued:
    """The key with a new secret."""
    return Issued(key, give_secret(key))
