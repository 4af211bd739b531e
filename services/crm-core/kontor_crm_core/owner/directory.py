"""The users of the tenant, asked of crm-governance and remembered for five seconds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.governance.v1.users_pb import FindUsersRequest, FindUsersResponse

from kontor_crm_core.owner.refusals import OwnerInactive, OwnerNotFound
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call

FIND = "crm-governance/kontor.governance.v1.Users/FindUsers"
KEPT_S = 5.0
MOST = 1000
# RFC 5321: no address is longer.
LONGEST = 254


@dataclass(frozen=True, slots=True)
class User:
    """A person who works in the tenant."""

    id: UUID
    email: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Users by what they were asked for, and the nearest addresses to those of nobody."""

    users: Mapping[str, User]
    nearest: Mapping[str, str]


async def users(call: Call, ids: Iterable[str | UUID] = (), emails: Iterable[str] = ()) -> Mapping[str, User]:
    """The users of these ids and addresses, each under the text it was asked for; those of nobody are left out.

    Raises Unavailable.
    """
    return (await find(call, [*map(str, ids), *emails])).users


async def owner_named(call: Call, text: str, field: str = "owner_id") -> UUID | None:
    """The active user of an id or e-mail address; None for an empty text.

    Raises OwnerNotFound with the nearest address, OwnerInactive, Unavailable.
    """
    named = clean(text)
    return (await owners_named(call, {field: named}))[named].id if named else None


async def owners_named(call: Call, texts: Mapping[str, str]) -> Mapping[str, User]:
    """The active users of ids and e-mail addresses given by the path of each, under their texts; raises likewise."""
    found = await find(call, texts.values())
    return {text: required(found, text, field) for field, text in texts.items()}


async def owners_or_why(call: Call, texts: Iterable[str], field: str = "owner_id") -> Mapping[str, User | Refusal]:
    """For each id or address the active user, or why it names nobody who can own records; for many rows at once.

    Raises Unavailable.
    """
    wanted = list(dict.fromkeys(texts))
    found = await find(call, wanted)
    return {text: owner_or_why(found, text, field) for text in wanted}


def owner_or_why(found: Found, text: str, field: str) -> User | Refusal:
    """The active user of a text, or why there is none."""
    try:
        return required(found, text, field)
    except (OwnerNotFound, OwnerInactive) as why:
        return why


def required(found: Found, text: str, field: str) -> User:
    """The active user of a text; raises OwnerNotFound or OwnerInactive."""
    user = found.users.get(text)
    if user is None:
        raise unknown(text, field, found.nearest.get(text, ""))
    if not user.active:
        raise OwnerInactive(f"{user.email} is deactivated and cannot own records.", field=field)
    return user


def unknown(text: str, field: str, nearest: str) -> OwnerNotFound:
    """The refusal of an owner whom nobody knows."""
    what = "e-mail address" if "@" in text else "id"
    hint = f"; did you mean {nearest}?" if nearest else "; owners are named by id or e-mail address."
    return OwnerNotFound(f"No user has the {what} {text}{hint}", field=field, did_you_mean=nearest)


async def find(call: Call, texts: Iterable[str]) -> Found:
    """The users of ids and addresses, in as few questions as they fit into; raises Unavailable."""
    wanted = [text for text in dict.fromkeys(texts) if 0 < len(text) <= LONGEST]
    people: dict[str, User] = {}
    nearest: dict[str, str] = {}
    for start in range(0, len(wanted), MOST):
        answer = await asked(call, wanted[start : start + MOST])
        for each in answer.people:
            user = User(UUID(each.id), each.email, each.name, each.active)
            people |= {each.id: user, each.email.lower(): user}
        nearest |= {each.email: each.did_you_mean for each in answer.mistyped}
    return Found({text: people[key] for text in wanted if (key := text.lower()) in people}, nearest)


async def asked(call: Call, texts: Sequence[str]) -> FindUsersResponse:
    """What crm-governance answers about ids and addresses."""
    ids = [text.lower() for text in texts if is_id(text)]
    request = FindUsersRequest(ids=ids, emails=[text for text in texts if not is_id(text)])
    return await call.ask(FIND, request, FindUsersResponse, keep_s=KEPT_S)


def is_id(text: str) -> bool:
    """Whether a text is written as an id."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
