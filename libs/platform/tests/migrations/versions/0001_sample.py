"""The platform's tables and one of a service."""

from alembic import op

from kontor_platform.data.schema import platform_v1, secure

revision = "0001"
down_revision = None


def upgrade() -> None:
    platform_v1(op)
    op.execute("CREATE TABLE thing (tenant_id uuid NOT NULL, id uuid NOT NULL, name text, PRIMARY KEY (tenant_id, id))")
    secure(op, "thing")
