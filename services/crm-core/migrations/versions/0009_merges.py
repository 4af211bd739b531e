"""Merges, what they moved, and pairs that are no duplicates."""

from alembic import op

from kontor_platform.data.schema import secure

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ORIGINS = """
ALTER TABLE contact_email ADD COLUMN origin_id uuid, ADD COLUMN added_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE contact_phone ADD COLUMN origin_id uuid, ADD COLUMN added_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE external_id ADD COLUMN origin_id uuid, ADD COLUMN added_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE activity_link ADD COLUMN origin_id uuid;
ALTER TABLE activity_participant ADD COLUMN origin_id uuid;
ALTER TABLE segment_member ADD COLUMN origin_id uuid;
ALTER TABLE association
    ADD COLUMN from_origin uuid,
    ADD COLUMN to_origin uuid,
    ADD COLUMN was_primary boolean,
    ADD COLUMN own_labels text[];
"""
TABLES = """
CREATE TABLE merge_log (
    tenant_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    loser_id uuid NOT NULL,
    winner_id uuid NOT NULL,
    place int NOT NULL,
    choices jsonb NOT NULL,
    wrote jsonb NOT NULL,
    created jsonb NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    on_behalf_of uuid,
    undone_by uuid,
    undone_at timestamptz,
    undone_actor_id uuid,
    undone_actor_kind text COLLATE "C",
    undone_on_behalf_of uuid,
    PRIMARY KEY (tenant_id, operation_id, loser_id),
    FOREIGN KEY (tenant_id, loser_id) REFERENCES contact (tenant_id, id),
    FOREIGN KEY (tenant_id, winner_id) REFERENCES contact (tenant_id, id)
);
CREATE UNIQUE INDEX merge_log_loser ON merge_log (tenant_id, loser_id) WHERE undone_by IS NULL;
CREATE INDEX merge_log_of_loser ON merge_log (tenant_id, loser_id, at);
CREATE INDEX merge_log_winner ON merge_log (tenant_id, winner_id, at, place);
CREATE TABLE not_duplicate (
    tenant_id uuid NOT NULL,
    first_id uuid NOT NULL,
    second_id uuid NOT NULL,
    said_by uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, first_id, second_id),
    CHECK (first_id < second_id),
    FOREIGN KEY (tenant_id, first_id) REFERENCES record (tenant_id, id),
    FOREIGN KEY (tenant_id, second_id) REFERENCES record (tenant_id, id)
);
CREATE INDEX not_duplicate_second ON not_duplicate (tenant_id, second_id, first_id);
"""


def upgrade() -> None:
    """Creates the tables under row-level security."""
    op.execute(ORIGINS)
    op.execute(TABLES)
    secure(op, "merge_log", "not_duplicate")
