"""Statements about keys."""

from uuid import UUID

from sqlalchemy import Select, TextClause, Update, select, text, update
from sqlmodel import col

from kontor_crm_governance.models import ApiKey

PRESENTED = """
    SELECT clock_timestamp() AS now, t.registered_slug AS slug, s.time_zone, s.region, s.currency, s.fiscal_month,
        k.name, k.kind, k.roles, k.approver, k.doors, k.per_minute, k.interactive, k.secret_sha256, k.actor_id,
        k.expires_at, k.revoked_at,
        u.id AS user_id, u.name AS user_name, u.roles AS user_roles, u.approver AS user_approver,
        u.active AS user_active
    FROM api_key k
    JOIN tenant t ON t.id = k.tenant_id
    JOIN tenant_settings s ON s.tenant_id = k.tenant_id
    LEFT JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id
    WHERE k.tenant_id = %(tenant)s AND k.id = %(key)s
"""
STATIC_ACTOR = """
    SELECT s.time_zone, s.region, s.currency, s.fiscal_month,
        u.id AS user_id, u.name AS user_name, u.roles AS user_roles, u.approver AS user_approver,
        u.active AS user_active
    FROM tenant_settings s
    LEFT JOIN users u ON u.tenant_id = s.tenant_id AND u.email_key = %(actor)s
    WHERE s.tenant_id = %(tenant)s
"""
PLACE = """
    SELECT t.registered_slug AS slug, s.time_zone, s.region, s.currency, s.fiscal_month
    FROM tenant t JOIN tenant_settings s ON s.tenant_id = t.id WHERE t.id = %(tenant)s AND t.registered_slug IS NOT NULL
"""
STATIC_TENANT = "SELECT id FROM tenant WHERE registered_slug = %(slug)s"

USED: TextClause = text(
    """
    UPDATE api_key SET last_used_at = greatest(last_used_at, :at) WHERE tenant_id = :tenant AND id = :id
    """
)


def key_to_change(tenant: UUID, key: UUID) -> Select[ApiKey]:
    """One key, locked until the transaction ends."""
    return select(ApiKey).where(col(ApiKey.tenant_id) == tenant, col(ApiKey.id) == key).with_for_update()


def redeem(tenant: UUID, claim_sha256: str, secret_sha256: str) -> Update:
    """Puts a secret in the place of a claim that is still good; changes no row otherwise."""
    return (
        update(ApiKey)
        .where(
            col(ApiKey.tenant_id) == tenant,
            col(ApiKey.claim_sha256) == claim_sha256,
            col(ApiKey.claim_expires_at) > text("clock_timestamp()"),
            col(ApiKey.revoked_at).is_(None),
        )
        .values(secret_sha256=secret_sha256, claim_sha256=None, claim_expires_at=None)
        .execution_options(synchronize_session=False)
    )


def host_keys(tenant: UUID) -> Select[ApiKey]:
    """The keys that the host's administrator made, the oldest first."""
    return (
        select(ApiKey)
        .where(col(ApiKey.tenant_id) == tenant, col(ApiKey.created_by).is_(None))
        .order_by(col(ApiKey.id))
        .with_for_update()
    )
