"""What a caller is told of an error, foreseen or not."""

import structlog

from kontor_platform.contract.problem import Internal, Refusal
from kontor_platform.data.refusals import DATABASE_ERRORS, refusal_for

log = structlog.get_logger(__name__)


def refusal_told(error: Exception, operation: str, call_id: str) -> Refusal:
    """The refusal that tells of any error; what nobody foresaw is logged whole and told as internal."""
    if isinstance(error, Refusal):
        return error
    refusal = refusal_for(error) if isinstance(error, DATABASE_ERRORS) else None
    if refusal is None:
        log.error("call_failed", operation=operation, call_id=call_id, exc_info=error)
    return refusal or Internal()
