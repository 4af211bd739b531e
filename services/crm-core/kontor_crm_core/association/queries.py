"""Statements that read what is linked to a record."""

EDGES = """
SELECT a.type_key, a.labels, a.is_primary, a.created_at, true AS forward, a.from_id AS near, a.to_id AS far
FROM association a WHERE a.tenant_id = %(tenant)s AND a.from_id = {near}
UNION ALL
SELECT a.type_key, a.labels, a.is_primary, a.created_at, false, a.to_id, a.from_id
FROM association a WHERE a.tenant_id = %(tenant)s AND a.to_id = {near}
"""
REACHED = f"""
WITH direct AS ({EDGES.format(near="%(record)s")}),
second AS (
    SELECT DISTINCT ON (e.far) e.*
    FROM (
        SELECT DISTINCT d.far FROM direct d
        JOIN record r ON r.tenant_id = %(tenant)s AND r.id = d.far AND r.deleted_at IS NULL
    ) first, LATERAL ({EDGES.format(near="first.far")}) e
    WHERE %(depth)s = 2 AND e.far <> %(record)s AND e.far NOT IN (SELECT far FROM direct)
    ORDER BY e.far, e.near, e.type_key
),
reached AS (
    SELECT 1 AS depth, NULL::uuid AS via, direct.* FROM direct
    UNION ALL
    SELECT 2, second.near, second.* FROM second
),
told AS (
    SELECT reached.*, r.object_type, coalesce(c.name, o.name, d.name, v.subject, '') AS name,
        CASE WHEN forward THEN t.label ELSE t.reverse_label END AS label
    FROM reached
    JOIN association_type t ON t.tenant_id = %(tenant)s AND t.type_key = reached.type_key
    JOIN record r ON r.tenant_id = %(tenant)s AND r.id = reached.far AND r.deleted_at IS NULL
    LEFT JOIN contact c ON c.tenant_id = r.tenant_id AND c.id = r.id
    LEFT JOIN company o ON o.tenant_id = r.tenant_id AND o.id = r.id
    LEFT JOIN deal d ON d.tenant_id = r.tenant_id AND d.id = r.id
    LEFT JOIN activity v ON v.tenant_id = r.tenant_id AND v.id = r.id
    WHERE (%(type)s = '' OR reached.type_key = %(type)s) AND (%(record_type)s = '' OR r.object_type = %(record_type)s)
),
wanted AS (SELECT * FROM told WHERE %(label)s = '' OR label = %(label)s OR %(label)s = ANY(labels))
SELECT depth, far, type_key, forward,
    (SELECT count(*) FROM (SELECT FROM wanted LIMIT %(most)s) AS counted) AS total,
    json_build_object(
        'record', json_build_object('id', far, 'type', object_type, 'name', name), 'type', type_key, 'label', label,
        'labels', labels, 'is_primary', is_primary, 'depth', depth, 'linked_at', created_at,
        'via', CASE WHEN via IS NOT NULL THEN (
            SELECT json_build_object('id', r.id, 'type', r.object_type, 'name', coalesce(c.name, o.name, d.name, ''))
            FROM record r
            LEFT JOIN contact c ON c.tenant_id = r.tenant_id AND c.id = r.id
            LEFT JOIN company o ON o.tenant_id = r.tenant_id AND o.id = r.id
            LEFT JOIN deal d ON d.tenant_id = r.tenant_id AND d.id = r.id
            WHERE r.tenant_id = %(tenant)s AND r.id = via) END)::text AS linked
FROM wanted
WHERE (depth, far, type_key, forward) > (%(after_depth)s, %(after_far)s, %(after_type)s, %(after_forward)s)
ORDER BY depth, far, type_key, forward LIMIT %(limit)s
"""
KNOWN = "SELECT object_type, deleted_at FROM record WHERE tenant_id = %(tenant)s AND id = %(record)s"
