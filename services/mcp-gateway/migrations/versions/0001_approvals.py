"""Creates the approvals and the last good images of the services."""

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
        CREATE TABLE approvals (
            tenant_id uuid NOT NULL,
            id uuid NOT NULL,
            actor uuid NOT NULL,
            on_behalf_of uuid,
            client text COLLATE "C" NOT NULL,
            client_name text NOT NULL,
            tool text COLLATE "C" NOT NULL,
            service text COLLATE "C" NOT NULL,
            fingerprint text COLLATE "C" NOT NULL,
            policy_version text COLLATE "C" NOT NULL,
            args_hash text COLLATE "C" NOT NULL,
            arguments jsonb NOT NULL,
            preview jsonb NOT NULL,
            records jsonb NOT NULL,
            subjects uuid[] NOT NULL,
            level_needed int NOT NULL CHECK (level_needed BETWEEN 1 AND 4),
            level int NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 4),
            mode text COLLATE "C" NOT NULL CHECK (mode IN ('verified', 'compat', 'strict')),
            tainted boolean NOT NULL,
            idempotency_key text COLLATE "C" NOT NULL,
            status text COLLATE "C" NOT NULL
                CHECK (status IN ('pending', 'approved', 'denied', 'expired', 'consumed', 'revoked')),
            channel text COLLATE "C" CHECK (channel IN ('assertion', 'elicitation', 'rest')),
            decided_by uuid,
            reason text NOT NULL DEFAULT '' CHECK (char_length(reason) <= 1000),
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            expires_at timestamptz NOT NULL,
            decided_at timestamptz,
            consumed_at timestamptz,
            PRIMARY KEY (tenant_id, id)
        );
        CREATE UNIQUE INDEX approvals_pending ON approvals (tenant_id, actor, client, tool, args_hash)
            WHERE status = 'pending';
        CREATE INDEX approvals_call ON approvals (tenant_id, actor, client, tool, args_hash, created_at);
        CREATE INDEX approvals_status ON approvals (tenant_id, status, id);
        CREATE INDEX approvals_age ON approvals (tenant_id, created_at);
        CREATE TABLE service_image (
            service text COLLATE "C" PRIMARY KEY,
            sha text COLLATE "C" NOT NULL,
            services text[] NOT NULL,
            image bytea NOT NULL,
            at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        """
    )
    secure(op, "approvals")
