"""Second votes, and grants that stand for calls of one agent."""

from alembic import op

from kontor_platform.data.schema import secure

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the votes of an approval, and the standing grants that some are taken from."""
    op.execute(
        """
        CREATE TABLE standing_grants (
            tenant_id uuid NOT NULL,
            id uuid NOT NULL,
            agent uuid NOT NULL,
            tool text COLLATE "C" NOT NULL,
            fingerprint text COLLATE "C" NOT NULL,
            policy_version text COLLATE "C" NOT NULL,
            pinned jsonb NOT NULL,
            records uuid[] NOT NULL,
            uses int NOT NULL CHECK (uses BETWEEN 1 AND 1000),
            uses_left int NOT NULL CHECK (uses_left BETWEEN 0 AND uses),
            reason text NOT NULL CHECK (char_length(reason) <= 1000),
            given_by uuid NOT NULL,
            given_with text COLLATE "C" NOT NULL,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz,
            revoked_by uuid,
            PRIMARY KEY (tenant_id, id)
        );
        CREATE INDEX standing_grants_agent ON standing_grants (tenant_id, agent, tool)
            WHERE revoked_at IS NULL AND uses_left > 0;
        CREATE INDEX standing_grants_age ON standing_grants (tenant_id, created_at);
        ALTER TABLE approvals
            ADD COLUMN votes_needed int NOT NULL DEFAULT 1 CHECK (votes_needed BETWEEN 1 AND 2),
            ADD COLUMN voters uuid[] NOT NULL DEFAULT '{}',
            ADD COLUMN standing uuid,
            DROP CONSTRAINT approvals_channel_check,
            ADD CONSTRAINT approvals_channel_check CHECK (channel IN ('assertion', 'elicitation', 'rest', 'standing'));
        """
    )
    secure(op, "standing_grants")
