"""People of the tenant, and who the caller is."""

from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email
from kontor_protos.kontor.governance.v1 import users_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem, Reason
from protobuf.wkt import Timestamp

from kontor_crm_governance.changes import announce
from kontor_crm_governance.key.service import caller_of, require_held
from kontor_crm_governance.models import User
from kontor_crm_governance.user import queries, rules
from kontor_crm_governance.user.rules import Outcome, Profile, Wish
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import Conflict, InvalidField, PermissionDenied, VersionConflict
from kontor_platform.data.database import Row
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call, Change, Event
from kontor_platform.runtime.dispatcher import single_read


class LastAdmin(Conflict):
    """This is the tenant's last active admin; give the role to another user first."""

    reason = Reason.LAST_ADMIN


class Users:
    """The rpc service of that name."""

    implements = "kontor.governance.v1.Users"

    async def upsert_user(self, request: pb.UpsertUserRequest, call: Call) -> pb.UpsertedUser:
        """Creates a person or changes the one with this address."""
        wish, tenant = wish_of(request), call.actor.tenant
        await call.session.execute(queries.ONE_AT_A_TIME, {"tenant": str(tenant)})
        user = await call.session.scalar(queries.user_by_email(tenant, wish.email.lower()))
        before = profile_of(user) if user else None
        require_expected(request, user)
        after = rules.merged(before, wish) if before else new_profile(wish)
        require_allowed(before, after, call)
        if user is None:
            user = new_user(after, call)
            return await announced(Outcome.CREATED, user, None, after, call)
        if before is None or before == after:
            return pb.UpsertedUser(outcome=Outcome.UNCHANGED, user=user_message(user))
        await require_other_admin(user, before, after, call)
        apply(user, after, call)
        return await announced(Outcome.UPDATED, user, before, after, call)

    @single_read
    async def whoami(self, request: pb.WhoamiRequest, call: Call) -> pb.Identity:
        """What the passport says, and what the tenant is called."""
        actor, settings = call.actor, call.actor.settings
        rows = await call.read(queries.TENANT_NAME, {"tenant": actor.tenant})
        return pb.Identity(
            tenant_id=str(actor.tenant),
            tenant=actor.slug,
            tenant_name=(rows[0]["name"] or "") if rows else "",
            actor_id=str(actor.actor),
            name=actor.name,
            kind=actor.kind,
            roles=sorted(actor.roles),
            on_behalf_of=str(actor.on_behalf_of or ""),
            key_id=actor.key,
            door=actor.door,
            time_zone=settings.time_zone,
            base_currency=settings.currency,
            region=settings.region,
            fiscal_month=settings.fiscal_month,
        )

    @single_read
    async def find_users(self, request: pb.FindUsersRequest, call: Call) -> pb.FindUsersResponse:
        """Finds people by their ids and addresses."""
        keys = {email: email.strip().lower() for email in request.emails}
        wanted = {"tenant": call.actor.tenant, "ids": list(request.ids), "emails": list(keys.values())}
        rows = await call.read(queries.PEOPLE, wanted)
        found = {row["email_key"] for row in rows}
        return pb.FindUsersResponse(
            people=[person_message(row) for row in rows],
            mistyped=await mistyped(call, [email for email, key in keys.items() if key not in found]),
        )


def person_message(row: Row) -> pb.Person:
    """A person as other services need to know one."""
    return pb.Person(
        id=str(row["id"]), email=row["email"], name=row["name"], active=row["active"], approver=row["approver"]
    )


async def mistyped(call: Call, emails: Sequence[str]) -> list[pb.Mistyped]:
    """Addresses of nobody, with the nearest there is."""
    if not emails:
        return []
    known = [row["email"] for row in await call.read(queries.ADDRESSES, {"tenant": call.actor.tenant})]
    return [pb.Mistyped(email=email, did_you_mean=nearest(email, known)) for email in emails]


def wish_of(request: pb.UpsertUserRequest) -> Wish:
    """What the request wants of the person."""
    return Wish(
        email=plain_email(request.email, "email"),
        name=request.name if request.has_field("name") else None,
        roles=frozenset(request.roles),
        approver=request.approver if request.has_field("approver") else None,
        active=request.active if request.has_field("active") else None,
    )


def plain_email(address: str, field: str) -> str:
    """An address in its normal form; raises InvalidField where mail systems would refuse it."""
    try:
        return validate_email(address, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise InvalidField(f"{field!r} is no e-mail address: {error}", field=field) from error


def profile_of(user: User) -> Profile:
    """A person as the rules see them."""
    return Profile(user.email, user.name, frozenset(user.roles), user.approver, user.active)


def new_profile(wish: Wish) -> Profile:
    """The profile of a new person; raises InvalidField if the wish does not say enough."""
    missing = rules.missing(wish)
    if missing:
        fields = [FieldProblem(field=field, message=f"A new user needs {field!r}.") for field in missing]
        raise InvalidField(
            f"There is no user with this address yet; a new one needs {' and '.join(missing)}.", fields=fields
        )
    return rules.created(wish)


def new_user(profile: Profile, call: Call) -> User:
    """Adds a person to the tenant."""
    user = User(
        tenant_id=call.actor.tenant,
        id=new_id(),
        version=1,
        email=profile.email,
        email_key=profile.email.lower(),
        name=profile.name,
        roles=sorted(profile.roles),
        approver=profile.approver,
        active=profile.active,
        created_at=call.now,
        updated_at=call.now,
    )
    call.session.add(user)
    return user


def apply(user: User, profile: Profile, call: Call) -> None:
    """Writes a profile into a person's row."""
    user.name, user.roles = profile.name, sorted(profile.roles)
    user.approver, user.active = profile.approver, profile.active
    user.version, user.updated_at = user.version + 1, call.now


async def announced(
    outcome: Outcome, user: User, before: Profile | None, after: Profile, call: Call
) -> pb.UpsertedUser:
    """Tells the change as an event and as the answer."""
    changes = [Change(each.field, each.before, each.after) for each in rules.differences(before, after)]
    await announce(call, Event("user.changed", "user", user.id, user.version, changes))
    return pb.UpsertedUser(outcome=outcome, user=user_message(user))


def user_message(user: User) -> pb.User:
    """A person as a message."""
    return pb.User(
        id=str(user.id),
        email=user.email,
        name=user.name,
        roles=list(user.roles),
        approver=user.approver,
        active=user.active,
        created_at=Timestamp.from_datetime(user.created_at),
        updated_at=Timestamp.from_datetime(user.updated_at),
        version=user.version,
    )


def require_expected(request: pb.UpsertUserRequest, user: User | None) -> None:
    """Raises VersionConflict where the caller saw another version."""
    present = user.version if user else 0
    if request.has_field("expected_version") and request.expected_version != present:
        raise VersionConflict(current_version=present)


def require_allowed(before: Profile | None, after: Profile, call: Call) -> None:
    """Raises PermissionDenied for rights that the caller cannot give, or that only a person gives."""
    given = after.roles - (before.roles if before else frozenset())
    require_held(given, call.actor)
    if rules.changes_approver(before, after) and caller_of(call.actor).is_model:
        raise PermissionDenied(
            "Agents, and calls over MCP, cannot change who is an approver: a person does this over REST.",
            field="approver",
        )


async def require_other_admin(user: User, before: Profile, after: Profile, call: Call) -> None:
    """Raises LastAdmin where the change would leave the tenant without an admin."""
    others = await call.session.scalar(queries.other_admins(call.actor.tenant, user.id))
    if rules.leaves_no_admin(before, after, others or 0):
        raise LastAdmin
