"""Statements about tenants."""

from sqlalchemy import text

REGISTER = text(
    """
    INSERT INTO tenant (id, slug, registered_slug, name, settings) VALUES (:id, :slug, :slug, :name, '{}')
    ON CONFLICT (registered_slug) DO NOTHING RETURNING id
    """
)
TENANT_BY_SLUG = text("SELECT id FROM tenant WHERE registered_slug = :slug")
TENANTS = text(
    "SELECT id, registered_slug AS slug, name FROM tenant WHERE registered_slug IS NOT NULL ORDER BY registered_slug"
)
ENTER = text("SELECT set_config('app.tenant_id', :tenant, true)")
