"""Keeps the terms a record is found by, in the transaction that changed it."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from kontor_platform.data.records.terms import Field
from kontor_platform.data.records.words import Words
from kontor_platform.runtime.call import Call

WRITE = text(
    """
    WITH told AS (SELECT * FROM unnest(CAST(:terms AS text[]), CAST(:fields AS smallint[])) AS told(term, fields)),
    present AS (SELECT id, object_type, terms FROM record WHERE tenant_id = :tenant AND id = :id),
    dropped AS (
        DELETE FROM search_term s USING present
        WHERE s.tenant_id = :tenant AND s.object_type = present.object_type AND s.record_id = present.id
            AND s.term = ANY(present.terms) AND s.term <> ALL(CAST(:terms AS text[]))
    ),
    kept AS (
        INSERT INTO search_term AS s (tenant_id, object_type, term, record_id, fields)
        SELECT :tenant, present.object_type, told.term, present.id, told.fields FROM told, present
        ON CONFLICT (tenant_id, object_type, term, record_id) DO UPDATE SET fields = excluded.fields
        WHERE s.fields <> excluded.fields
    )
    UPDATE record SET terms = CAST(:terms AS text[])
    WHERE tenant_id = :tenant AND id = :id AND terms IS DISTINCT FROM CAST(:terms AS text[])
    RETURNING object_type
    """
)


async def index(call: Call, record_id: UUID, terms: Mapping[str, Field]) -> None:
    """Makes a record found by these terms and by no others."""
    ordered = sorted(terms)
    values = {
        "tenant": call.actor.tenant,
        "id": record_id,
        "terms": ordered,
        "fields": [int(terms[term]) for term in ordered],
    }
    for object_type in (await call.session.execute(WRITE, values)).scalars():
        call.closing(Words).add(object_type, [(term, int(bits)) for term, bits in terms.items()])
