"""Statements about people."""

from uuid import UUID

from sqlalchemy import Select, func, literal, select, text
from sqlmodel import col

from kontor_crm_governance.models import User

# One change of people at a time in a tenant: no two can take the last two admins, nor create one person twice.
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('users:' || :tenant, 0))")
TENANT_NAME = "SELECT name FROM tenant WHERE id = %(tenant)s"
PEOPLE = """
    SELECT id, email, email_key, name, active, approver FROM users
    WHERE tenant_id = %(tenant)s AND (id = ANY(%(ids)s::uuid[]) OR email_key = ANY(%(emails)s)) ORDER BY id
"""
ADDRESSES = "SELECT email FROM users WHERE tenant_id = %(tenant)s AND active ORDER BY email_key LIMIT 5000"


def user_by_email(tenant: UUID, email_key: str) -> Select[User]:
    """The person with this address."""
    return select(User).where(col(User.tenant_id) == tenant, col(User.email_key) == email_key)


def user_by_id(tenant: UUID, user: UUID) -> Select[User]:
    """The person with this id."""
    return select(User).where(col(User.tenant_id) == tenant, col(User.id) == user)


def other_admins(tenant: UUID, user: UUID) -> Select[int]:
    """How many active admins there are beside this person."""
    is_admin = literal("admin") == func.any(col(User.roles))
    return (
        select(func.count())
        .select_from(User)
        .where(col(User.tenant_id) == tenant, col(User.id) != user, col(User.active), is_admin)
    )
