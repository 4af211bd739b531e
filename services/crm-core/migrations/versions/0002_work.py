"""Pipelines, deals with their stage intervals, activities with their links."""

from alembic import op

from kontor_platform.data.schema import secure

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PIPELINES = """
CREATE TABLE pipeline (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL,
    name text COLLATE "C" NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX pipeline_name ON pipeline (tenant_id, name_key);
CREATE UNIQUE INDEX pipeline_default ON pipeline (tenant_id) WHERE is_default;

CREATE TABLE stage (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    pipeline_id uuid NOT NULL,
    label text COLLATE "C" NOT NULL,
    label_key text COLLATE "C" NOT NULL,
    position int NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('open', 'won', 'lost')),
    probability int NOT NULL CHECK (probability BETWEEN 0 AND 100),
    forecast_category text COLLATE "C" NOT NULL,
    rot_days int CHECK (rot_days > 0),
    required_fields text[] NOT NULL,
    allowed_next uuid[] NOT NULL,
    archived_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, pipeline_id, id),
    FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipeline (tenant_id, id),
    CHECK (kind = 'open' OR probability = CASE kind WHEN 'won' THEN 100 ELSE 0 END)
);
CREATE UNIQUE INDEX stage_label ON stage (tenant_id, pipeline_id, label_key) WHERE archived_at IS NULL;
"""

DEALS = """
CREATE TABLE deal (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL,
    name text COLLATE "C" NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    pipeline_id uuid NOT NULL,
    stage_id uuid NOT NULL,
    stage_kind text COLLATE "C" NOT NULL CHECK (stage_kind IN ('open', 'won', 'lost')),
    stage_entered_at timestamptz NOT NULL,
    amount numeric(18, 4) CHECK (amount >= 0),
    amount_key bigint GENERATED ALWAYS AS ((amount * 10000)::bigint) STORED,
    currency char(3) COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    probability int NOT NULL CHECK (probability BETWEEN 0 AND 100),
    probability_source text COLLATE "C" NOT NULL CHECK (probability_source IN ('stage', 'manual')),
    forecast_category text COLLATE "C" NOT NULL,
    forecast_category_source text COLLATE "C" NOT NULL CHECK (forecast_category_source IN ('stage', 'manual')),
    close_date date,
    owner_id uuid,
    description text,
    lost_reason text,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted_by uuid,
    merged_into uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES record (tenant_id, id),
    FOREIGN KEY (tenant_id, pipeline_id, stage_id) REFERENCES stage (tenant_id, pipeline_id, id),
    CHECK ((stage_kind = 'open') = (closed_at IS NULL))
);
CREATE INDEX deal_stage ON deal (tenant_id, stage_id, id) WHERE deleted_at IS NULL;
CREATE INDEX deal_owner ON deal (tenant_id, owner_id, id) WHERE deleted_at IS NULL;
CREATE INDEX deal_open_name ON deal (tenant_id, name_key) WHERE stage_kind = 'open' AND deleted_at IS NULL;

CREATE TABLE deal_stage_interval (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    deal_id uuid NOT NULL,
    version int NOT NULL,
    pipeline_id uuid NOT NULL,
    stage_id uuid NOT NULL,
    entered_at timestamptz NOT NULL,
    exited_at timestamptz,
    amount numeric(18, 4),
    currency char(3) COLLATE "C" NOT NULL,
    probability int NOT NULL,
    forecast_category text COLLATE "C" NOT NULL,
    close_date date,
    reason text,
    actor_kind text COLLATE "C" NOT NULL,
    actor_id uuid NOT NULL,
    on_behalf_of uuid,
    operation_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, deal_id) REFERENCES deal (tenant_id, id),
    FOREIGN KEY (tenant_id, pipeline_id, stage_id) REFERENCES stage (tenant_id, pipeline_id, id),
    CHECK (exited_at >= entered_at)
);
CREATE UNIQUE INDEX deal_stage_interval_open ON deal_stage_interval (tenant_id, deal_id) WHERE exited_at IS NULL;
CREATE UNIQUE INDEX deal_stage_interval_version ON deal_stage_interval (tenant_id, deal_id, version);
CREATE INDEX deal_stage_interval_time ON deal_stage_interval (tenant_id, deal_id, entered_at, id);
"""

ACTIVITIES = """
CREATE TABLE activity (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('note', 'call', 'meeting', 'email', 'task')),
    occurred_at timestamptz NOT NULL,
    subject text NOT NULL,
    body text,
    direction text COLLATE "C" CHECK (direction IN ('in', 'out')),
    external_id text COLLATE "C",
    actor_kind text COLLATE "C" NOT NULL,
    actor_id uuid NOT NULL,
    on_behalf_of uuid,
    owner_id uuid,
    status text COLLATE "C" CHECK (status IN ('open', 'done')),
    priority text COLLATE "C" CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    due_on date,
    due_at timestamptz,
    due_key timestamptz,
    completed_at timestamptz,
    completed_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted_by uuid,
    merged_into uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES record (tenant_id, id),
    CHECK (kind <> 'task' OR (status IS NOT NULL AND priority IS NOT NULL AND due_key IS NOT NULL)),
    CHECK ((status IS NOT DISTINCT FROM 'done') = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX activity_external_id ON activity (tenant_id, kind, external_id) WHERE deleted_at IS NULL;
CREATE INDEX task_due ON activity (tenant_id, status, due_key, id) WHERE kind = 'task' AND deleted_at IS NULL;
CREATE INDEX task_owner_due ON activity (tenant_id, owner_id, status, due_key, id)
    WHERE kind = 'task' AND deleted_at IS NULL;

CREATE TABLE activity_link (
    tenant_id uuid NOT NULL,
    record_id uuid NOT NULL,
    activity_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL,
    live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, record_id, activity_id),
    FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id),
    FOREIGN KEY (tenant_id, activity_id) REFERENCES activity (tenant_id, id)
);
CREATE INDEX activity_link_time ON activity_link (tenant_id, record_id, occurred_at, activity_id) INCLUDE (kind)
    WHERE live;
CREATE INDEX activity_link_activity ON activity_link (tenant_id, activity_id, record_id);

CREATE TABLE record_stat (
    tenant_id uuid NOT NULL,
    record_id uuid NOT NULL,
    last_activity_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, record_id),
    FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id)
);
CREATE INDEX record_change_time ON record_change (tenant_id, record_id, at, operation_id);
CREATE INDEX association_from_time ON association (tenant_id, from_id, created_at, to_id);
CREATE INDEX association_to_time ON association (tenant_id, to_id, created_at, from_id);
"""

TABLES = ("pipeline", "stage", "deal", "deal_stage_interval", "activity", "activity_link", "record_stat")


def upgrade() -> None:
    """Creates the tables under row-level security."""
    for statements in (PIPELINES, DEALS, ACTIVITIES):
        op.execute(statements)
    secure(op, *TABLES)
