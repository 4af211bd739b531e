"""Long work, the jobs that do it, files."""

from alembic import op

from kontor_platform.data.jobs import jobs_v1
from kontor_platform.data.schema import files_v1, secure, worker_v1

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPERATIONS = """
CREATE TABLE operation (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN (
        'started', 'processing', 'checked', 'deferred', 'done', 'failed', 'canceled', 'reverting', 'reverted'
    )),
    tool text COLLATE "C" NOT NULL,
    actor jsonb NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    total bigint,
    counters jsonb NOT NULL DEFAULT '{}',
    report jsonb NOT NULL DEFAULT '{}',
    data jsonb NOT NULL DEFAULT '{}',
    error text,
    result_file uuid,
    error_file uuid,
    cancel_requested boolean NOT NULL DEFAULT false,
    reverts uuid,
    reverted_by uuid,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX operation_recent ON operation (tenant_id, created_at, id);
CREATE INDEX operation_unfinished ON operation (tenant_id, kind, state, created_at, id) WHERE finished_at IS NULL;
"""


def upgrade() -> None:
    """Creates the tables, and what shows the worker its work."""
    worker_v1(op)
    jobs_v1(op)
    files_v1(op)
    op.execute(OPERATIONS)
    secure(op, "operation")
