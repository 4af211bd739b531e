"""Makes, revokes and hands over API keys."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.governance.v1 import api_keys_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf.wkt import Timestamp

from kontor_crm_governance.changes import announce
from kontor_crm_governance.key import queries, rules
from kontor_crm_governance.key.issuing import Draft, drafted, draw, give_claim, give_secret, granted
from kontor_crm_governance.key.messages import key_message
from kontor_crm_governance.models import ApiKey, User
from kontor_crm_governance.user.queries import user_by_id
from kontor_platform.contract.problem import InvalidField, NotFound, PermissionDenied, VersionConflict
from kontor_platform.runtime.call import Call, Change, Event
from kontor_platform.runtime.principal import Principal

LINK = "/crm/admin/api_key_secret/"


class PersonNeeded(PermissionDenied):
    """Agents, and calls over MCP, handle keys of kind agent alone: a person does this over REST (/mcp/crm/...)."""


class LinkUsed(NotFound):
    """The link was used, has expired or never was one; revoke the key and make another."""


class ApiKeys:
    """The rpc service of that name."""

    implements = "kontor.governance.v1.ApiKeys"

    async def create_api_key(self, request: pb.CreateApiKeyRequest, call: Call) -> pb.CreatedApiKey:
        """Makes a key, with its secret for a person and with a link to it for a model."""
        wanted, caller = wanted_key(request), caller_of(call.actor)
        require_person(caller, wanted.kind, interactive=wanted.interactive, approver=wanted.approver)
        require_no_faults(list(rules.faults(wanted, call.now)))
        require_held(wanted.roles, call.actor)
        await require_fit(wanted, call)
        key = drafted(draft_of(request, wanted, call), call.now)
        answer = with_secret(key, caller, call)
        call.session.add(key)
        await announce(call, Event("api_key.created", "api_key", key.id, key.version, granted(key)))
        return answer

    async def revoke_api_key(self, request: pb.RevokeApiKeyRequest, call: Call) -> pb.RevokedApiKey:
        """Ends a key for good."""
        key = await call.session.scalar(queries.key_to_change(call.actor.tenant, UUID(request.id)))
        if key is None:
            raise NotFound
        require_person(caller_of(call.actor), key.kind, interactive=key.interactive, approver=key.approver)
        if request.has_field("expected_version") and request.expected_version != key.version:
            raise VersionConflict(current_version=key.version)
        if key.revoked_at is not None:
            return pb.RevokedApiKey(outcome="unchanged", key=key_message(key))
        key.revoked_at, key.revoked_by = call.now, call.actor.actor
        key.claim_sha256 = key.claim_expires_at = None
        key.version += 1
        change = Change("revoked_at", None, call.now.isoformat())
        await announce(call, Event("api_key.revoked", "api_key", key.id, key.version, [change]))
        return pb.RevokedApiKey(outcome="revoked", key=key_message(key))

    async def collect_api_key_secret(self, request: pb.CollectApiKeySecretRequest, call: Call) -> pb.ApiKeySecret:
        """Draws the secret of a key that waits for one, for the person who opened its link."""
        caller = caller_of(call.actor)
        if caller.kind != rules.Kind.USER or caller.is_model:
            raise PermissionDenied("A person opens this link, with a key of their own, at the edge.")
        secret = draw()
        redeem = queries.redeem(call.actor.tenant, rules.sha256(request.token), rules.sha256(secret))
        key = await call.session.scalar(redeem.returning(ApiKey))
        if key is None:
            raise LinkUsed
        return pb.ApiKeySecret(key_id=str(key.id), name=key.name, secret=rules.written(key.tenant_id, key.id, secret))


def caller_of(principal: Principal) -> rules.Caller:
    """The caller as the rules see it."""
    return rules.Caller(principal.kind, principal.door, principal.roles)


def wanted_key(request: pb.CreateApiKeyRequest) -> rules.Wanted:
    """What the request asks for, as the rules see it."""
    return rules.Wanted(
        kind=rules.Kind(request.kind),
        roles=frozenset(request.roles),
        approver=request.approver,
        interactive=request.interactive,
        user_id=UUID(request.user_id) if request.user_id else None,
        expires_at=request.expires_at.to_datetime() if request.expires_at else None,
    )


def draft_of(request: pb.CreateApiKeyRequest, wanted: rules.Wanted, call: Call) -> Draft:
    """The key to be made, with its defaults."""
    return Draft(
        tenant=call.actor.tenant,
        name=request.name,
        kind=wanted.kind,
        roles=wanted.roles,
        expires_at=wanted.expires_at or call.now + rules.DEFAULT_LIFE,
        user_id=wanted.user_id,
        doors=tuple(request.doors) or rules.DOORS,
        approver=wanted.approver,
        interactive=wanted.interactive,
        per_minute=request.per_minute if request.has_field("per_minute") else None,
        created_by=call.actor.actor,
    )


def with_secret(key: ApiKey, caller: rules.Caller, call: Call) -> pb.CreatedApiKey:
    """The answer: a secret never goes where a model reads, nor into a trial."""
    if call.dry_run:
        return pb.CreatedApiKey(key=key_message(key))
    if not caller.is_model:
        return pb.CreatedApiKey(key=key_message(key), secret=give_secret(key))
    token = give_claim(key, call.now)
    expires = Timestamp.from_datetime(call.now + rules.CLAIM_LIFE)
    return pb.CreatedApiKey(key=key_message(key), secret_link=LINK + token, secret_link_expires_at=expires)


def require_person(caller: rules.Caller, kind: str, *, interactive: bool, approver: bool) -> None:
    """Keeps models away from the keys of people and services; raises PersonNeeded."""
    if caller.is_model and rules.needs_person(kind, interactive=interactive, approver=approver):
        raise PersonNeeded


def require_no_faults(faults: Sequence[rules.Fault]) -> None:
    """Raises InvalidField naming every field that does not go with the others."""
    if faults:
        fields = [FieldProblem(field=fault.field, message=fault.message) for fault in faults]
        raise InvalidField(" ".join(fault.message for fault in faults), fields=fields)


def require_held(roles: frozenset[str], principal: Principal) -> None:
    """Raises PermissionDenied for roles that the caller could not give."""
    excess = rules.beyond(roles, principal.roles)
    if excess:
        raise PermissionDenied(f"You cannot give what you are not: {', '.join(sorted(excess))}.", field="roles")


async def require_fit(wanted: rules.Wanted, call: Call) -> None:
    """Raises NotFound or InvalidField where the key cannot be that person's."""
    if wanted.user_id is None:
        return
    user = await call.session.scalar(user_by_id(call.actor.tenant, wanted.user_id))
    if user is None:
        raise NotFound("There is no such user.", field="user_id")
    fault = rules.unfit(wanted, holder_of(user))
    if fault:
        require_no_faults([fault])


def holder_of(user: User) -> rules.Holder:
    """A person as the rules see them."""
    return rules.Holder(user.id, user.name, frozenset(user.roles), user.approver, user.active)
