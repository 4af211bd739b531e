"""Imports: how far each has come, its rows as staged and as planned, saved mappings."""

from alembic import op

from kontor_platform.data.schema import secure

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# COPY is refused on tables with row security, and staged rows need no log: a crash empties the table, and the file is
# staged again. Every statement on it stands in one module and names the tenant.
STAGE = """
CREATE UNLOGGED TABLE import_stage (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line int NOT NULL,
    cells text NOT NULL,
    wish text NOT NULL,
    problems text NOT NULL DEFAULT '',
    keys text[] NOT NULL DEFAULT '{}',
    failed boolean NOT NULL DEFAULT false,
    first_line int,
    last_line int,
    PRIMARY KEY (tenant_id, import_id, line)
);
"""
IMPORTS = """
CREATE TABLE import_run (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    phase text COLLATE "C" NOT NULL DEFAULT 'resolve' CHECK (
        phase IN ('resolve', 'apply', 'links', 'contact', 'company', 'end')
    ),
    behind uuid,
    is_staged boolean NOT NULL DEFAULT false,
    rows int NOT NULL DEFAULT 0,
    resolved int NOT NULL DEFAULT 0,
    applied int NOT NULL DEFAULT 0,
    resolved_line int NOT NULL DEFAULT 0,
    applied_line int NOT NULL DEFAULT 0,
    form jsonb NOT NULL DEFAULT '{}',
    digest text COLLATE "C" NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE TABLE import_row (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line int NOT NULL,
    outcome text COLLATE "C" NOT NULL CHECK (
        outcome IN ('created', 'updated', 'unchanged', 'failed', 'skipped')
    ),
    is_done boolean NOT NULL DEFAULT false,
    record_id uuid,
    version int,
    matched_by text COLLATE "C" NOT NULL DEFAULT '',
    lines int[] NOT NULL DEFAULT '{}',
    link jsonb,
    joined boolean NOT NULL DEFAULT false,
    problems jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, import_id, line)
);
CREATE INDEX import_row_open ON import_row (tenant_id, import_id, line) WHERE NOT is_done;
CREATE INDEX import_row_record ON import_row (tenant_id, record_id, import_id) WHERE record_id IS NOT NULL;
CREATE TABLE import_mapping (
    tenant_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    fields jsonb NOT NULL,
    created_by uuid NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
"""


# Taking work back walks over the records of one operation in the order of their ids.
OPERATIONS = """
DROP INDEX record_change_operation;
CREATE INDEX record_change_operation ON record_change (tenant_id, operation_id, record_id, version);
"""


def upgrade() -> None:
    """Creates the tables."""
    op.execute(STAGE)
    op.execute(IMPORTS)
    op.execute(OPERATIONS)
    secure(op, "import_run", "import_row", "import_mapping")
