"""What deals and owners gain."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PIPELINES = """
ALTER TABLE pipeline ADD COLUMN editable_when_closed text[] NOT NULL DEFAULT '{description}';
CREATE INDEX deal_stage_interval_stage ON deal_stage_interval (tenant_id, stage_id, deal_id);
"""


def upgrade() -> None:
    """Lets pipelines say what closed deals still take, and finds the deals that ever were in a stage."""
    op.execute(PIPELINES)
