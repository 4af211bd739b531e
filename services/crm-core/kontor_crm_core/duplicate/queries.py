"""Statements that find who might be whom."""

from sqlalchemy import text

# Above it, what contacts have in common is no evidence, and comparing all of them takes for ever.
LARGEST_BLOCK = 500

NEXT = text(
    """
    SELECT id FROM contact
    WHERE tenant_id = :tenant AND deleted_at IS NULL AND id >= CAST(:first AS uuid) ORDER BY id LIMIT :count
    """
)
KEYS = """
    keyed AS (
        SELECT r.id, each.term
        FROM record r, unnest(r.terms) AS each(term)
        WHERE r.tenant_id = :tenant AND r.id = ANY(CAST(:ids AS uuid[]))
            AND (each.term ^@ '~' OR each.term ~ '^[+]?[0-9]{6,}$')
    ),
    block AS (
        SELECT each.term, held.records
        FROM (SELECT DISTINCT term FROM keyed) AS each,
        LATERAL (SELECT array_agg(record_id) AS records FROM (
            SELECT s.record_id FROM search_term s
            WHERE s.tenant_id = :tenant AND s.object_type = 'contact' AND s.term = each.term
            LIMIT :largest + 1) AS holders
        ) AS held
    )
"""
CANDIDATES = text(
    f"""
    WITH {KEYS}
    SELECT DISTINCT keyed.id AS one, other.id AS other
    FROM keyed JOIN block ON block.term = keyed.term, unnest(block.records) AS other(id)
    WHERE cardinality(block.records) BETWEEN 2 AND :largest AND other.id <> keyed.id
        AND (NOT :forward OR other.id > keyed.id)
        AND NOT EXISTS (SELECT FROM not_duplicate n WHERE n.tenant_id = :tenant
            AND n.first_id = least(keyed.id, other.id) AND n.second_id = greatest(keyed.id, other.id))
    """
)
SKIPPED = text(
    f"""
    WITH {KEYS}
    SELECT term, cardinality(records) AS contacts FROM block WHERE cardinality(records) > :largest ORDER BY term
    """
)
PROFILES = text(
    """
    SELECT c.id, c.name, c.first_name, c.last_name, c.city, c.title, c.props,
        ARRAY(SELECT e.email_key FROM contact_email e
            WHERE e.tenant_id = :tenant AND e.contact_id = c.id AND e.live ORDER BY e.position) AS addresses,
        ARRAY(SELECT p.e164 FROM contact_phone p
            WHERE p.tenant_id = :tenant AND p.contact_id = c.id AND p.live AND p.e164 IS NOT NULL) AS phones,
        (SELECT o.name FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
            WHERE a.tenant_id = :tenant AND a.from_id = c.id AND a.type_key = 'contact_company' AND a.is_primary
                AND o.deleted_at IS NULL) AS company
    FROM contact c WHERE c.tenant_id = :tenant AND c.id = ANY(CAST(:ids AS uuid[])) AND c.deleted_at IS NULL
    """
)
DATES = text(
    """
    SELECT id, name FROM property_definition
    WHERE tenant_id = :tenant AND object_type = 'contact' AND type = 'date' AND archived_at IS NULL
    """
)
TELL_APART = text(
    """
    INSERT INTO not_duplicate (tenant_id, first_id, second_id, said_by, at)
    VALUES (:tenant, :first, :second, :by, :at) ON CONFLICT DO NOTHING
    """
)
