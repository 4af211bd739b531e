"""Creates the plants."""

from alembic import op

from kontor_platform.data.schema import platform_v1, secure

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    platform_v1(op)
    op.execute(
        """
        CREATE TABLE plant (
            tenant_id uuid NOT NULL, id uuid NOT NULL, name text NOT NULL, litres int NOT NULL DEFAULT 0,
            version int NOT NULL DEFAULT 1, PRIMARY KEY (tenant_id, id)
        )
        """
    )
    secure(op, "plant")
