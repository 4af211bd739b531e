"""Decisions about people."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TypeAlias

ADMIN = "admin"
Plain: TypeAlias = "str | bool | list[str] | None"


class Outcome(StrEnum):
    """What an upsert did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is kept of a person."""

    email: str
    name: str
    roles: frozenset[str]
    approver: bool
    active: bool

    @property
    def is_admin(self) -> bool:
        """Whether the person can act as admin now."""
        return self.active and ADMIN in self.roles


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants of a person; None and no roles leave things as they are."""

    email: str
    name: str | None
    roles: frozenset[str]
    approver: bool | None
    active: bool | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changes."""

    field: str
    before: Plain
    after: Plain


def missing(wish: Wish) -> list[str]:
    """The fields without which nobody can be created."""
    return [field for field, given in (("name", wish.name), ("roles", wish.roles)) if not given]


def created(wish: Wish) -> Profile:
    """The profile of a new person; the wish names them and their roles."""
    return Profile(wish.email, wish.name or "", wish.roles, bool(wish.approver), wish.active is not False)


def merged(present: Profile, wish: Wish) -> Profile:
    """The profile after the wish; the address keeps the spelling it was first given in."""
    return Profile(
        email=present.email,
        name=present.name if wish.name is None else wish.name,
        roles=wish.roles or present.roles,
        approver=present.approver if wish.approver is None else wish.approver,
        active=present.active if wish.active is None else wish.active,
    )


def differences(before: Profile | None, after: Profile) -> list[Difference]:
    """The fields that change, in the order of the profile."""
    old = dict(plain(before)) if before else {}
    return [Difference(field, old.get(field), value) for field, value in plain(after) if old.get(field) != value]


def plain(profile: Profile) -> Iterator[tuple[str, Plain]]:
    """A profile's fields as JSON can hold them."""
    values: Mapping[str, Plain | frozenset[str]] = asdict(profile)
    for field, value in values.items():
        yield field, sorted(value) if isinstance(value, frozenset) else value


def leaves_no_admin(before: Profile, after: Profile, other_admins: int) -> bool:
    """Whether the change takes the tenant's last active admin."""
    return before.is_admin and not after.is_admin and other_admins == 0


def changes_approver(before: Profile | None, after: Profile) -> bool:
    """Whether the change gives or takes the right to decide operator approvals."""
    return after.approver != (before is not None and before.approver)
