"""Takes words out of the dictionary of searches that no record has any more."""

import structlog
from sqlalchemy.exc import DBAPIError

from kontor_platform.data.records.words import clean_words
from kontor_platform.runtime.work import Tenant, Work

log = structlog.get_logger(__name__)


async def clean_unused_words(work: Work, tenant: Tenant) -> None:
    """Cleans a tenant's words as far as writers let it; what is left waits for the next night."""
    try:
        await clean_words(work.database, tenant.id)
    except DBAPIError as busy:
        log.info("words_left", tenant=str(tenant.id), why=type(busy.orig).__name__)
