"""Tenants' names, settings, people, keys, changes and refusals."""

from alembic import op

from kontor_platform.data.schema import platform_v1, secure

revision = "0001"
down_revision = None

ROLES = "ARRAY['admin', 'manager', 'sales', 'support', 'marketing', 'auditor', 'integration', 'viewer']"


def upgrade() -> None:
    """Creates the schema."""
    platform_v1(op)
    op.execute('ALTER TABLE tenant ADD COLUMN registered_slug text COLLATE "C" UNIQUE, ADD COLUMN name text')
    op.execute(
        f"""
        CREATE TABLE tenant_settings (
            tenant_id uuid PRIMARY KEY,
            time_zone text NOT NULL,
            region text COLLATE "C" NOT NULL,
            currency text COLLATE "C" NOT NULL,
            fiscal_month int NOT NULL CHECK (fiscal_month BETWEEN 1 AND 12)
        );
        CREATE TABLE users (
            tenant_id uuid NOT NULL,
            id uuid NOT NULL,
            version int NOT NULL DEFAULT 1,
            email text NOT NULL CHECK (length(email) <= 254),
            email_key text COLLATE "C" NOT NULL CHECK (length(email_key) <= 254),
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
            roles text[] NOT NULL CHECK (cardinality(roles) > 0 AND roles <@ {ROLES}),
            approver boolean NOT NULL,
            active boolean NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, id)
        );
        CREATE UNIQUE INDEX users_email ON users (tenant_id, email_key);
        CREATE TABLE api_key (
            tenant_id uuid NOT NULL,
            id uuid NOT NULL,
            version int NOT NULL DEFAULT 1,
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
            kind text COLLATE "C" NOT NULL CHECK (kind IN ('user', 'agent', 'service')),
            roles text[] NOT NULL CHECK (cardinality(roles) > 0 AND roles <@ {ROLES}),
            approver boolean NOT NULL,
            doors text[] NOT NULL CHECK (cardinality(doors) > 0 AND doors <@ ARRAY['edge', 'gateway']),
            per_minute int CHECK (per_minute > 0),
            interactive boolean NOT NULL,
            secret_sha256 text COLLATE "C",
            claim_sha256 text COLLATE "C",
            claim_expires_at timestamptz,
            actor_id uuid NOT NULL,
            user_id uuid,
            created_by uuid,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz,
            revoked_by uuid,
            last_used_at timestamptz,
            PRIMARY KEY (tenant_id, id),
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
            CHECK (kind <> 'user' OR (user_id IS NOT NULL AND actor_id = user_id)),
            CHECK (kind = 'user' OR NOT (approver OR interactive)),
            CHECK ((claim_sha256 IS NULL) = (claim_expires_at IS NULL)),
            CHECK (secret_sha256 IS NULL OR claim_sha256 IS NULL)
        );
        CREATE INDEX api_key_user ON api_key (tenant_id, user_id);
        CREATE UNIQUE INDEX api_key_claim ON api_key (tenant_id, claim_sha256);
        CREATE TABLE record_change (
            tenant_id uuid NOT NULL,
            record_id uuid NOT NULL,
            version int NOT NULL,
            record_type text COLLATE "C" NOT NULL,
            changes jsonb NOT NULL,
            actor_kind text COLLATE "C" NOT NULL,
            actor_id uuid NOT NULL,
            on_behalf_of uuid,
            operation_id uuid NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, record_id, version)
        );
        CREATE INDEX record_change_operation ON record_change (tenant_id, operation_id);
        CREATE TABLE refused (
            tenant_id uuid NOT NULL,
            minute timestamptz NOT NULL,
            address text COLLATE "C" NOT NULL,
            reason text COLLATE "C" NOT NULL,
            credential text COLLATE "C" NOT NULL,
            count int NOT NULL,
            audited boolean NOT NULL DEFAULT false,
            PRIMARY KEY (tenant_id, minute, address, reason, credential)
        );
        """
    )
    secure(op, "tenant_settings", "users", "api_key", "record_change", "refused")
