"""Records as JSON, built by the database: each expression gives the message of one row of its table."""

from kontor_platform.data.records.answers import properties_json

IDENTITY = """
    'external_ids', (
        SELECT json_agg(json_build_object('system', x.system, 'value', x.value) ORDER BY x.system, x.value)
        FROM external_id x WHERE x.tenant_id = {0}.tenant_id AND x.record_id = {0}.id AND x.live),
    'id', {0}.id, 'version', {0}.version, 'created_at', {0}.created_at, 'updated_at', {0}.updated_at,
    'properties', {1}
"""
CONTACT = f"""
json_build_object({IDENTITY.format("contact", properties_json("contact"))},
    'name', contact.name, 'first_name', contact.first_name, 'last_name', contact.last_name, 'title', contact.title,
    'city', contact.city, 'country', contact.country, 'owner_id', contact.owner_id,
    'emails', (
        SELECT json_agg(json_build_object('address', e.raw, 'is_primary', e.position = 0, 'opted_out', e.opted_out,
            'bounced', e.bounced, 'consent_basis', e.consent_basis) ORDER BY e.position)
        FROM contact_email e WHERE e.tenant_id = contact.tenant_id AND e.contact_id = contact.id AND e.live),
    'phones', (
        SELECT json_agg(json_build_object('raw', p.raw, 'e164', p.e164, 'extension', p.ext,
            'is_primary', p.position = 0) ORDER BY p.position)
        FROM contact_phone p WHERE p.tenant_id = contact.tenant_id AND p.contact_id = contact.id AND p.live),
    'company', (
        SELECT json_build_object('id', o.id, 'type', 'company', 'name', o.name)
        FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
        WHERE a.tenant_id = contact.tenant_id AND a.from_id = contact.id AND a.type_key = 'contact_company'
            AND a.is_primary AND o.deleted_at IS NULL))
"""
COMPANY = f"""
json_build_object({IDENTITY.format("company", properties_json("company"))},
    'name', company.name, 'industry', company.industry, 'employees', company.employees, 'phone', company.phone,
    'city', company.city, 'country', company.country, 'description', company.description, 'owner_id', company.owner_id,
    'domains', (
        SELECT json_agg(d.domain ORDER BY d.position)
        FROM company_domain d WHERE d.tenant_id = company.tenant_id AND d.company_id = company.id AND d.live))
"""
DEAL = f"""
json_build_object({IDENTITY.format("deal", properties_json("deal"))},
    'name', deal.name, 'stage', stage.label, 'stage_kind', deal.stage_kind, 'amount', deal.amount::text,
    'currency', deal.currency, 'probability', deal.probability, 'probability_source', deal.probability_source,
    'forecast_category', deal.forecast_category, 'forecast_category_source', deal.forecast_category_source,
    'close_date', deal.close_date, 'pipeline', pipeline.name, 'pipeline_id', deal.pipeline_id,
    'stage_id', deal.stage_id, 'stage_entered_at', deal.stage_entered_at,
    'days_in_stage', greatest(floor(extract(epoch FROM clock_timestamp() - deal.stage_entered_at) / 86400), 0)::int,
    'owner_id', deal.owner_id, 'description', deal.description, 'lost_reason', deal.lost_reason,
    'opened_at', deal.opened_at, 'closed_at', deal.closed_at,
    'company', (
        SELECT json_build_object('id', o.id, 'type', 'company', 'name', o.name)
        FROM association a JOIN company o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
        WHERE a.tenant_id = deal.tenant_id AND a.from_id = deal.id AND a.type_key = 'deal_company'
            AND o.deleted_at IS NULL),
    'contacts', (
        SELECT json_agg(far.ref) FROM (
            SELECT json_build_object('id', o.id, 'type', 'contact', 'name', o.name) AS ref
            FROM association a JOIN contact o ON o.tenant_id = a.tenant_id AND o.id = a.to_id
            WHERE a.tenant_id = deal.tenant_id AND a.from_id = deal.id AND a.type_key = 'deal_contact'
                AND o.deleted_at IS NULL
            ORDER BY a.created_at, a.to_id LIMIT 50) far))
"""
STAGED = (
    "deal JOIN stage ON stage.tenant_id = deal.tenant_id AND stage.id = deal.stage_id "
    "JOIN pipeline ON pipeline.tenant_id = deal.tenant_id AND pipeline.id = deal.pipeline_id"
)


def one_live(table: str, view: str) -> str:
    """The statement that reads live records by their ids, each as the text of its message."""
    return (
        f"SELECT {table}.id, {view}::text AS record FROM {table} "
        f"WHERE {table}.tenant_id = :tenant AND {table}.id = ANY(:ids) AND {table}.deleted_at IS NULL"
    )
