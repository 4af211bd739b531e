"""What deals and owners gain."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PIPELINES = """
ALTER TABLE pipeline ADD COLUMN editable_when_closed text[] NOT NULL DEFAULT '{description}';
ALTER TABLE stage ADD COLUMN successor_id uuid,
    ADD FOREIGN KEY (tenant_id, pipeline_id, successor_id) REFERENCES stage (tenant_id, pipeline_id, id),
    ADD CHECK (successor_id IS NULL OR archived_at IS NOT NULL);
CREATE INDEX record_deleted ON record (tenant_id, deleted_at, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX deal_stage_interval_stage ON deal_stage_interval (tenant_id, stage_id, deal_id);
"""


def upgrade() -> None:
    """Adds what closed deals take and where deals of archived stages go; finds deals once in a stage, and the bin."""
    op.execute(PIPELINES)
