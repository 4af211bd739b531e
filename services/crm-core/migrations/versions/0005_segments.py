"""Segments and their members; folded text and times that filters compare."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from kontor_platform.data.records.fold import fold
from kontor_platform.data.schema import secure

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FOLDED = {
    "contact": ("first_name", "last_name", "title", "city", "country"),
    "company": ("industry", "city", "country"),
    "activity": ("subject",),
}
INDEXES = """
CREATE INDEX contact_country ON contact (tenant_id, country_key, id) WHERE deleted_at IS NULL;
CREATE INDEX company_country ON company (tenant_id, country_key, id) WHERE deleted_at IS NULL;
CREATE INDEX company_industry ON company (tenant_id, industry_key, id) WHERE deleted_at IS NULL;
CREATE INDEX company_employees ON company (tenant_id, employees, id) WHERE deleted_at IS NULL;
CREATE INDEX contact_email_opted_out ON contact_email (tenant_id, contact_id) WHERE opted_out AND live;
CREATE INDEX contact_email_bounced ON contact_email (tenant_id, contact_id) WHERE bounced AND live;
CREATE INDEX activity_occurred ON activity (tenant_id, occurred_at, id) WHERE deleted_at IS NULL;
CREATE INDEX activity_created ON activity (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX activity_updated ON activity (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX activity_owner ON activity (tenant_id, owner_id, id) WHERE deleted_at IS NULL;
CREATE INDEX record_stat_activity ON record_stat (tenant_id, last_activity_at, record_id);
"""
SEGMENTS = """
CREATE TABLE segment (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL DEFAULT 1 CHECK (version >= 1),
    key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    object_type text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('static', 'dynamic', 'frozen')),
    filter jsonb,
    property_ids uuid[] NOT NULL DEFAULT '{}',
    segment_ids uuid[] NOT NULL DEFAULT '{}',
    follows text[] NOT NULL DEFAULT '{}',
    by_day boolean NOT NULL DEFAULT false,
    state text COLLATE "C" NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'building')),
    operation_id uuid,
    size int NOT NULL DEFAULT 0,
    compared_on date,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted_by uuid,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX segment_key ON segment (tenant_id, key) WHERE deleted_at IS NULL;
CREATE TABLE segment_member (
    tenant_id uuid NOT NULL,
    segment_id uuid NOT NULL,
    record_id uuid NOT NULL,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, segment_id, record_id),
    FOREIGN KEY (tenant_id, segment_id) REFERENCES segment (tenant_id, id),
    FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id)
);
CREATE INDEX segment_member_joined ON segment_member (tenant_id, segment_id, joined_at, record_id);
CREATE INDEX segment_member_record ON segment_member (tenant_id, record_id, segment_id);
CREATE TABLE segment_size (
    tenant_id uuid NOT NULL,
    segment_id uuid NOT NULL,
    day date NOT NULL,
    size int NOT NULL,
    PRIMARY KEY (tenant_id, segment_id, day),
    FOREIGN KEY (tenant_id, segment_id) REFERENCES segment (tenant_id, id)
);
CREATE TABLE segment_head (
    tenant_id uuid PRIMARY KEY,
    seq bigint NOT NULL
);
"""
CHUNK = 1_000


def upgrade() -> None:
    """Adds folded columns, filled for what there is, the indexes of filters, and segments."""
    for table, columns in FOLDED.items():
        for column in columns:
            op.execute(f'ALTER TABLE {table} ADD COLUMN {column}_key text COLLATE "C"')
    for tenant in op.get_bind().execute(sa.text("SELECT id FROM tenant")).scalars().all():
        fill(tenant)
    op.execute(INDEXES)
    op.execute(SEGMENTS)
    secure(op, "segment", "segment_member", "segment_size", "segment_head")
    worker = f"{op.get_bind().exec_driver_sql('SELECT current_schema()').scalar_one()}_worker"
    for table in ("outbox_head", "segment_head"):
        op.execute(f"CREATE POLICY worker_finds ON {table} FOR SELECT TO {worker} USING (true)")
        op.execute(f"GRANT SELECT (tenant_id, seq) ON {table} TO {worker}")


def fill(tenant: UUID) -> None:
    """Folds what the tenant's records say now."""
    bind = op.get_bind()
    bind.execute(sa.text("SELECT set_config('app.tenant_id', :tenant, true)"), {"tenant": str(tenant)})
    for table, columns in FOLDED.items():
        for column in columns:
            told = sa.text(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
            change = sa.text(
                f"UPDATE {table} SET {column}_key = told.key "
                f"FROM unnest(CAST(:texts AS text[]), CAST(:keys AS text[])) AS told(text, key) "
                f"WHERE {table}.tenant_id = :tenant AND {table}.{column} = told.text"
            )
            for texts in chunks(bind.execute(told).scalars().all()):
                bind.execute(change, {"tenant": tenant, "texts": texts, "keys": [fold(each) or None for each in texts]})


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in portions."""
    for start in range(0, len(texts), CHUNK):
        yield texts[start : start + CHUNK]
