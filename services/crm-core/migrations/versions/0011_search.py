"""Search reads terms from their index alone; links and tasks of a record are read by type."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TERMS = """
ALTER TABLE search_term DROP CONSTRAINT search_term_pkey,
    ADD PRIMARY KEY (tenant_id, object_type, term, record_id) INCLUDE (fields);
ALTER TABLE search_term SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE word_gram SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX association_to_type ON association (tenant_id, to_id, from_type, from_id);
CREATE INDEX activity_link_task ON activity_link (tenant_id, record_id, activity_id) WHERE live AND kind = 'task';
"""


def upgrade() -> None:
    """Adds the fields to the key of terms, and indexes of links by type and of tasks."""
    op.execute(TERMS)
