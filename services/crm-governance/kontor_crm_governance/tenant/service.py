"""Tenants, for services and tests."""

from kontor_protos.kontor.governance.v1 import tenants_pb as pb

from kontor_crm_governance.key.rules import Kind
from kontor_crm_governance.tenant.creation import CreatedTenant, Issued, NewTenant, create
from kontor_platform.contract.problem import PermissionDenied
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import SYSTEM_TENANT, Principal, TenantSettings

DEFAULTS = TenantSettings()


class Tenants:
    """The rpc service of that name; services alone may call it."""

    implements = "kontor.governance.v1.Tenants"

    async def create_tenant(self, request: pb.CreateTenantRequest, call: Call) -> pb.CreatedTenant:
        """Creates a tenant with its first people and their keys."""
        require_system(call.actor)
        wanted = NewTenant(
            name=request.name,
            slug=request.slug,
            admin_email=request.admin_email,
            approver_email=request.approver_email,
            demo_keys=request.demo_keys,
            settings=settings_of(request.settings),
        )
        return created_message(await create(call.session, wanted, call.now, call.call_id))


def require_system(actor: Principal) -> None:
    """Keeps a tenant's own keys of kind service out; raises PermissionDenied."""
    if actor.tenant != SYSTEM_TENANT or actor.door != "internal":
        raise PermissionDenied("Only the system's own services create tenants.")


def settings_of(message: pb.TenantSettings | None) -> TenantSettings:
    """The settings in a request, the defaults where it is silent."""
    if message is None:
        return DEFAULTS
    return TenantSettings(
        time_zone=message.time_zone or DEFAULTS.time_zone,
        region=message.region or DEFAULTS.region,
        currency=message.currency or DEFAULTS.currency,
        fiscal_month=message.fiscal_month or DEFAULTS.fiscal_month,
    )


def created_message(created: CreatedTenant) -> pb.CreatedTenant:
    """The answer with every credential, told this once."""
    return pb.CreatedTenant(
        tenant=str(created.id), slug=created.slug, keys=[issued_message(each) for each in created.keys]
    )


def issued_message(issued: Issued) -> pb.IssuedKey:
    """A key, its holder and its credential."""
    key = issued.key
    return pb.IssuedKey(
        name=key.name,
        secret=issued.credential,
        key_id=str(key.id),
        actor_id=str(key.actor_id),
        kind=key.kind,
        roles=list(key.roles),
        on_behalf_of=str(key.user_id) if key.user_id and key.kind != Kind.USER else "",
    )
