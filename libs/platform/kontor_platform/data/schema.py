"""What migrations of every service call; a function here is never changed, a later one is added."""

from alembic.operations import Operations

TENANT = "tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)"


def secure(op: Operations, *tables: str) -> None:
    """Turns row-level security on, for the owner too, so that only rows of the transaction's tenant exist."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")


def platform_v1(op: Operations) -> None:
    """Creates the tables that the platform itself writes in every service."""
    op.execute(
        """
        CREATE TABLE tenant (
            id uuid PRIMARY KEY,
            slug text NOT NULL,
            settings jsonb NOT NULL,
            first_seen timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        CREATE TABLE outbox (
            tenant_id uuid NOT NULL,
            n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
            seq bigint,
            kind text COLLATE "C" NOT NULL CHECK (kind IN ('event', 'audit')),
            type text COLLATE "C" NOT NULL,
            record_type text COLLATE "C" NOT NULL DEFAULT '',
            record_id uuid,
            version int,
            operation_id uuid NOT NULL,
            change_id uuid,
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            subjects uuid[] NOT NULL DEFAULT '{}',
            data jsonb,
            PRIMARY KEY (tenant_id, n)
        );
        CREATE UNIQUE INDEX outbox_seq ON outbox (tenant_id, seq);
        CREATE INDEX outbox_operation ON outbox (tenant_id, operation_id);
        CREATE TABLE outbox_head (
            tenant_id uuid PRIMARY KEY,
            seq bigint NOT NULL DEFAULT 0
        );
        CREATE TABLE idempotency (
            tenant_id uuid NOT NULL,
            actor uuid NOT NULL,
            operation text COLLATE "C" NOT NULL,
            key text COLLATE "C" NOT NULL,
            payload_hash text COLLATE "C" NOT NULL,
            answer bytea NOT NULL,
            secret_withheld boolean NOT NULL DEFAULT false,
            grant_jti text COLLATE "C",
            subjects uuid[] NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (tenant_id, actor, operation, key)
        );
        CREATE UNIQUE INDEX idempotency_grant ON idempotency (tenant_id, grant_jti);
        CREATE INDEX idempotency_age ON idempotency (tenant_id, created_at);
        CREATE TABLE read_log (
            tenant_id uuid NOT NULL,
            id uuid NOT NULL,
            at timestamptz NOT NULL,
            operation text COLLATE "C" NOT NULL,
            actor uuid NOT NULL,
            call_id uuid NOT NULL,
            subjects uuid[] NOT NULL DEFAULT '{}',
            data jsonb NOT NULL,
            PRIMARY KEY (tenant_id, id)
        );
        CREATE INDEX read_log_age ON read_log (tenant_id, at);
        """
    )
    secure(op, "outbox", "outbox_head", "idempotency", "read_log")
