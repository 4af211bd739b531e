"""The engine's tables for migrations; a function here is never changed, a later one is added."""

from alembic.operations import Operations

from kontor_platform.data.schema import secure

PROPERTIES = """
CREATE TABLE property_definition (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL DEFAULT 1,
    object_type text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    label text NOT NULL,
    description text NOT NULL DEFAULT '',
    type text COLLATE "C" NOT NULL,
    options jsonb NOT NULL DEFAULT '[]',
    rules jsonb NOT NULL DEFAULT '{}',
    required boolean NOT NULL DEFAULT false,
    is_unique boolean NOT NULL DEFAULT false,
    filterable boolean NOT NULL DEFAULT true,
    searchable boolean NOT NULL DEFAULT false,
    personal text COLLATE "C" NOT NULL DEFAULT 'none' CHECK (personal IN ('none', 'personal', 'restricted')),
    index_state text COLLATE "C" NOT NULL DEFAULT 'ready' CHECK (index_state IN ('none', 'building', 'ready')),
    archived_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX property_definition_name ON property_definition (tenant_id, object_type, name)
    WHERE archived_at IS NULL;
CREATE TABLE property_index (
    tenant_id uuid NOT NULL,
    property_id uuid NOT NULL,
    record_id uuid NOT NULL,
    position smallint NOT NULL DEFAULT 0,
    object_type text COLLATE "C" NOT NULL,
    txt text COLLATE "C",
    num float8,
    big bigint,
    ts timestamptz,
    flag boolean,
    PRIMARY KEY (tenant_id, property_id, record_id, position)
);
CREATE INDEX property_index_txt ON property_index (tenant_id, property_id, txt, big, record_id) WHERE txt IS NOT NULL;
CREATE INDEX property_index_num ON property_index (tenant_id, property_id, num, record_id) WHERE num IS NOT NULL;
CREATE INDEX property_index_ts ON property_index (tenant_id, property_id, ts, record_id) WHERE ts IS NOT NULL;
CREATE INDEX property_index_flag ON property_index (tenant_id, property_id, flag, record_id) WHERE flag IS NOT NULL;
CREATE TABLE unique_value (
    tenant_id uuid NOT NULL,
    property_id uuid NOT NULL,
    value_key text COLLATE "C" NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    record_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, property_id, value_key)
);
CREATE INDEX unique_value_record ON unique_value (tenant_id, record_id, property_id);
"""
WORDS = """
CREATE TABLE search_word (
    tenant_id uuid NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    word text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, object_type, word)
);
CREATE TABLE word_gram (
    tenant_id uuid NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    gram text COLLATE "C" NOT NULL,
    word text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, object_type, gram, word)
);
"""


def properties_v1(op: Operations) -> None:
    """Creates definitions of properties, the index of their values and the values that may stand once only."""
    op.execute(PROPERTIES)
    secure(op, "property_definition", "property_index", "unique_value")


def words_v1(op: Operations) -> None:
    """Creates the words that terms are made of, each once, and their trigrams."""
    op.execute(WORDS)
    secure(op, "search_word", "word_gram")
