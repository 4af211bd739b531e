"""What identified deleted customers is found too, so that an upsert can say so."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX contact_email_buried ON contact_email (tenant_id, email_key) WHERE NOT live;
CREATE INDEX contact_phone_buried ON contact_phone (tenant_id, e164) WHERE NOT live;
CREATE INDEX external_id_buried ON external_id (tenant_id, object_type, system, value) WHERE NOT live;
CREATE INDEX company_domain_buried ON company_domain (tenant_id, domain) WHERE NOT live;
CREATE INDEX company_name_buried ON company (tenant_id, name_key) WHERE deleted_at IS NOT NULL;
"""


def upgrade() -> None:
    """Adds the indexes, which hold deleted rows alone."""
    op.execute(INDEXES)
