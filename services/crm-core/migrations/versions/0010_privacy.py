"""The blocklist: addresses that may not come back, as keyed hashes that only the tenant's secret can make."""

from alembic import op

from kontor_platform.data.schema import secure

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE blocklist_key (
    tenant_id uuid PRIMARY KEY,
    secret bytea NOT NULL
);
CREATE TABLE blocklist_entry (
    tenant_id uuid NOT NULL,
    digest text COLLATE "C" NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, digest)
);
"""


def upgrade() -> None:
    """Creates the blocklist and its key."""
    op.execute(TABLES)
    secure(op, "blocklist_key", "blocklist_entry")
