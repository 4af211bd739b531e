"""Has PostgreSQL count anew what many records changed, so that the next query is planned for them."""

from sqlalchemy import text

from kontor_crm_core.operation.models import LongWork
from kontor_crm_core.operation.store import in_operation
from kontor_platform.runtime.work import Work

# As many changed rows as one chunk has are few to any table; autovacuum counts those within a minute.
MANY = 1_000
ANALYZE = text(
    """
    ANALYZE record, record_change, contact, contact_email, contact_phone, external_id, company, company_domain,
        association, property_index, unique_value, search_term, search_word, word_gram
    """
)


async def count_anew(work: Work, row: LongWork) -> None:
    """Counts in a transaction of its own: it holds locks that autovacuum waits for."""
    async with in_operation(work, row) as call:
        await call.session.execute(ANALYZE)
