"""Calls, meetings, e-mail with its threads and participants, recurrence, properties of links and their past."""

from alembic import op
from sqlalchemy import text

from kontor_platform.data.schema import secure

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ACTIVITIES = """
ALTER TABLE activity
    ADD COLUMN ended_at timestamptz CHECK (ended_at >= occurred_at),
    ADD COLUMN duration_s int CHECK (duration_s >= 0),
    ADD COLUMN outcome text,
    ADD COLUMN location text,
    ADD COLUMN thread_id uuid,
    ADD COLUMN left_out int NOT NULL DEFAULT 0 CHECK (left_out >= 0),
    ADD COLUMN recurrence text,
    ADD COLUMN recurs_from text,
    ADD COLUMN follows uuid,
    ADD CHECK (kind <> 'email' OR (external_id IS NOT NULL AND thread_id IS NOT NULL)),
    ADD CHECK ((recurrence IS NULL) = (recurs_from IS NULL)),
    ADD FOREIGN KEY (tenant_id, follows) REFERENCES activity (tenant_id, id);
DROP INDEX activity_external_id;
CREATE UNIQUE INDEX activity_external_id ON activity (tenant_id, kind, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX activity_successor ON activity (tenant_id, follows) WHERE follows IS NOT NULL;
CREATE INDEX activity_thread ON activity (tenant_id, thread_id, occurred_at, id) WHERE thread_id IS NOT NULL;
CREATE TABLE activity_participant (
    tenant_id uuid NOT NULL,
    activity_id uuid NOT NULL,
    role text COLLATE "C" NOT NULL CHECK (role IN ('from', 'to', 'cc', 'attendee', 'caller', 'callee')),
    who text COLLATE "C" NOT NULL,
    position int NOT NULL,
    name text,
    email text,
    email_key text COLLATE "C",
    phone text,
    e164 text COLLATE "C",
    contact_id uuid,
    PRIMARY KEY (tenant_id, activity_id, role, who),
    FOREIGN KEY (tenant_id, activity_id) REFERENCES activity (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
);
CREATE INDEX activity_participant_email ON activity_participant (tenant_id, email_key, activity_id)
    WHERE email_key IS NOT NULL;
CREATE INDEX activity_participant_phone ON activity_participant (tenant_id, e164, activity_id) WHERE e164 IS NOT NULL;
CREATE INDEX activity_participant_contact ON activity_participant (tenant_id, contact_id, activity_id)
    WHERE contact_id IS NOT NULL;
CREATE TABLE email_ref (
    tenant_id uuid NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, message_id)
);
CREATE INDEX email_ref_thread ON email_ref (tenant_id, thread_id, message_id);
ALTER TABLE activity_link
    ADD COLUMN actor_id uuid,
    ADD COLUMN actor_kind text COLLATE "C",
    ADD COLUMN as_participant boolean NOT NULL DEFAULT false;
"""
ACTORS = """
UPDATE activity_link l SET actor_id = a.actor_id, actor_kind = a.actor_kind
FROM activity a WHERE a.tenant_id = l.tenant_id AND a.id = l.activity_id
"""
AUTHORS = "UPDATE association SET created_by_kind = 'api' WHERE created_by_kind = 'service'"
LINKS = """
ALTER TABLE activity_link ALTER COLUMN actor_id SET NOT NULL, ALTER COLUMN actor_kind SET NOT NULL;
DROP INDEX activity_link_time;
CREATE INDEX activity_link_time ON activity_link (tenant_id, record_id, occurred_at, activity_id)
    INCLUDE (kind, actor_id, actor_kind) WHERE live;
ALTER TABLE association ADD COLUMN props jsonb NOT NULL DEFAULT '{}';
ALTER TABLE association_type
    ADD COLUMN reverse_cardinality text COLLATE "C" NOT NULL DEFAULT 'many'
        CHECK (reverse_cardinality IN ('one', 'many')),
    ADD COLUMN properties jsonb NOT NULL DEFAULT '[]';
CREATE TABLE link_log (
    tenant_id uuid NOT NULL,
    record_id uuid NOT NULL,
    at timestamptz NOT NULL,
    other_id uuid NOT NULL,
    tie text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('link', 'unlink')),
    label text NOT NULL,
    changes jsonb NOT NULL DEFAULT '[]',
    actor_id uuid NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    on_behalf_of uuid,
    operation_id uuid,
    PRIMARY KEY (tenant_id, record_id, at, other_id, tie),
    FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id),
    FOREIGN KEY (tenant_id, other_id) REFERENCES record (tenant_id, id)
);
CREATE INDEX link_log_operation ON link_log (tenant_id, operation_id);
DROP INDEX association_from_time;
DROP INDEX association_to_time;
CREATE INDEX association_from_time ON association (tenant_id, from_id, created_at, to_id, type_key)
    INCLUDE (created_by, created_by_kind);
CREATE INDEX association_to_time ON association (tenant_id, to_id, created_at, from_id, type_key)
    INCLUDE (created_by, created_by_kind);
"""


def upgrade() -> None:
    """Adds the tables and columns; links learn who made them as the change log names it, tenant by tenant."""
    op.execute(ACTIVITIES)
    tenants = op.get_bind().execute(text("SELECT id FROM tenant")).scalars().all()
    for tenant in tenants:
        op.get_bind().execute(text("SELECT set_config('app.tenant_id', :tenant, true)"), {"tenant": str(tenant)})
        op.execute(ACTORS)
        op.execute(AUTHORS)
    op.execute(LINKS)
    secure(op, "activity_participant", "email_ref", "link_log")
