"""Records: registry, change log, search terms, contacts, companies, associations."""

from alembic import op

from kontor_platform.data.schema import platform_v1, secure

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE record (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    object_type text COLLATE "C" NOT NULL CHECK (object_type IN ('contact', 'company', 'deal', 'task', 'activity')),
    deleted_at timestamptz,
    terms text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE record_change (
    tenant_id uuid NOT NULL,
    record_id uuid NOT NULL,
    version int NOT NULL,
    record_type text COLLATE "C" NOT NULL,
    changes jsonb NOT NULL,
    actor_kind text COLLATE "C" NOT NULL CHECK (actor_kind IN ('user', 'agent', 'import', 'api', 'merge', 'system')),
    actor_id uuid NOT NULL,
    on_behalf_of uuid,
    operation_id uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, record_id, version)
);
CREATE INDEX record_change_operation ON record_change (tenant_id, operation_id);

CREATE TABLE external_id (
    tenant_id uuid NOT NULL,
    record_id uuid NOT NULL,
    system text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, record_id, system, value),
    FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id)
);
CREATE UNIQUE INDEX external_id_holder ON external_id (tenant_id, object_type, system, value) WHERE live;
CREATE INDEX external_id_value ON external_id (tenant_id, value) WHERE live;

CREATE TABLE search_term (
    tenant_id uuid NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    term text COLLATE "C" NOT NULL,
    record_id uuid NOT NULL,
    fields smallint NOT NULL,
    PRIMARY KEY (tenant_id, object_type, term, record_id)
);

CREATE TABLE contact (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL DEFAULT 1 CHECK (version >= 1),
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    first_name text,
    last_name text,
    title text,
    city text,
    country text,
    owner_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted_by uuid,
    merged_into uuid,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX contact_name ON contact (tenant_id, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX contact_owner ON contact (tenant_id, owner_id, id) WHERE deleted_at IS NULL;

CREATE TABLE contact_email (
    tenant_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    raw text NOT NULL,
    position int NOT NULL,
    opted_out boolean NOT NULL DEFAULT false,
    bounced boolean NOT NULL DEFAULT false,
    live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, contact_id, email_key),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
);
CREATE UNIQUE INDEX contact_email_holder ON contact_email (tenant_id, email_key) WHERE live;

CREATE TABLE contact_phone (
    tenant_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    phone_key text COLLATE "C" NOT NULL,
    raw text NOT NULL,
    e164 text COLLATE "C",
    national_digits text COLLATE "C",
    ext text,
    region text,
    position int NOT NULL,
    live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, contact_id, phone_key),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
);
CREATE INDEX contact_phone_e164 ON contact_phone (tenant_id, e164) WHERE live;
CREATE INDEX contact_phone_national ON contact_phone (tenant_id, national_digits) WHERE live;

CREATE TABLE company (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL DEFAULT 1 CHECK (version >= 1),
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    industry text,
    employees int CHECK (employees >= 0),
    phone text,
    city text,
    country text,
    description text,
    owner_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted_by uuid,
    merged_into uuid,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX company_name ON company (tenant_id, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX company_owner ON company (tenant_id, owner_id, id) WHERE deleted_at IS NULL;

CREATE TABLE company_domain (
    tenant_id uuid NOT NULL,
    company_id uuid NOT NULL,
    domain text COLLATE "C" NOT NULL,
    position int NOT NULL,
    live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, company_id, domain),
    FOREIGN KEY (tenant_id, company_id) REFERENCES company (tenant_id, id)
);
CREATE UNIQUE INDEX company_domain_holder ON company_domain (tenant_id, domain) WHERE live;

CREATE TABLE association_type (
    tenant_id uuid NOT NULL,
    type_key text COLLATE "C" NOT NULL,
    from_type text COLLATE "C" NOT NULL,
    to_type text COLLATE "C" NOT NULL,
    label text NOT NULL,
    reverse_label text NOT NULL,
    cardinality text COLLATE "C" NOT NULL CHECK (cardinality IN ('one', 'many')),
    PRIMARY KEY (tenant_id, type_key)
);

CREATE TABLE association (
    tenant_id uuid NOT NULL,
    type_key text COLLATE "C" NOT NULL,
    from_id uuid NOT NULL,
    to_id uuid NOT NULL,
    from_type text COLLATE "C" NOT NULL,
    to_type text COLLATE "C" NOT NULL,
    labels text[] NOT NULL DEFAULT '{}',
    is_primary boolean NOT NULL DEFAULT false,
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    created_by_kind text COLLATE "C" NOT NULL,
    on_behalf_of uuid,
    PRIMARY KEY (tenant_id, type_key, from_id, to_id),
    CHECK (from_id <> to_id),
    FOREIGN KEY (tenant_id, type_key) REFERENCES association_type (tenant_id, type_key),
    FOREIGN KEY (tenant_id, from_id) REFERENCES record (tenant_id, id),
    FOREIGN KEY (tenant_id, to_id) REFERENCES record (tenant_id, id)
);
CREATE INDEX association_from ON association (tenant_id, from_id, to_id, type_key);
CREATE INDEX association_to ON association (tenant_id, to_id, from_id, type_key);
"""


def upgrade() -> None:
    """Creates the tables, secured."""
    platform_v1(op)
    op.execute(TABLES)
    secure(
        op,
        "record",
        "record_change",
        "external_id",
        "search_term",
        "contact",
        "contact_email",
        "contact_phone",
        "company",
        "company_domain",
        "association_type",
        "association",
    )
