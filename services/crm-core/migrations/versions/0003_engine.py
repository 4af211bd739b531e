"""The record engine's tables: properties, their index and uniqueness, words and their trigrams, redirects."""

from alembic import op

from kontor_platform.data.records.schema import properties_v1, words_v1
from kontor_platform.data.schema import secure

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RECORDS = """
ALTER TABLE record ADD COLUMN fold_version smallint NOT NULL DEFAULT 1;
ALTER TABLE contact ADD COLUMN props jsonb NOT NULL DEFAULT '{}';
ALTER TABLE company ADD COLUMN props jsonb NOT NULL DEFAULT '{}';
ALTER TABLE deal ADD COLUMN props jsonb NOT NULL DEFAULT '{}';
ALTER TABLE activity ADD COLUMN props jsonb NOT NULL DEFAULT '{}';
ALTER TABLE contact_email ADD COLUMN consent_basis text;
CREATE INDEX contact_created ON contact (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX contact_updated ON contact (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX company_created ON company (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX company_updated ON company (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX deal_name ON deal (tenant_id, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX deal_created ON deal (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX deal_updated ON deal (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
ALTER TABLE deal ALTER COLUMN currency TYPE text COLLATE "C";
CREATE INDEX deal_amount ON deal (tenant_id, currency, amount_key, id) WHERE deleted_at IS NULL;
CREATE INDEX deal_close_date ON deal (tenant_id, close_date, id) WHERE deleted_at IS NULL;
CREATE TABLE redirect (
    tenant_id uuid NOT NULL,
    old_id uuid NOT NULL,
    present_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, old_id),
    CHECK (old_id <> present_id)
);
CREATE INDEX redirect_present ON redirect (tenant_id, present_id, old_id);
"""


def upgrade() -> None:
    """Adds the tables of the engine and what records gain from them."""
    properties_v1(op)
    words_v1(op)
    op.execute(RECORDS)
    secure(op, "redirect")
