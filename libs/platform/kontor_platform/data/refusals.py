"""What a database's refusal means to the caller."""

import psycopg
from psycopg_pool import PoolTimeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from kontor_platform.contract.problem import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    InvalidField,
    NotFound,
    Refusal,
    Unavailable,
)

DATABASE_ERRORS = (DBAPIError, psycopg.Error, PoolExhausted, PoolTimeout)


def refusal_for(error: Exception) -> Refusal | None:
    """The refusal that tells of a database error without its words; None for an error of our own making."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, PoolExhausted | PoolTimeout):
        return Unavailable("All database connections are busy; try again.", retry_after_s=2)
    match cause:
        case psycopg.errors.QueryCanceled():
            return DeadlineExceeded("The database took too long; ask for less and try again.")
        case (
            psycopg.errors.LockNotAvailable()
            | psycopg.errors.DeadlockDetected()
            | psycopg.errors.SerializationFailure()
        ):
            return Unavailable("Another call is changing the same record; try again.")
        case psycopg.errors.UniqueViolation():
            return AlreadyExists("A record with this key exists.")
        case psycopg.errors.ForeignKeyViolation():
            return NotFound("A record that this call refers to does not exist.")
        case psycopg.errors.CheckViolation():
            return Conflict("The change breaks a rule of the record.")
        case psycopg.errors.DataError():
            return InvalidField("A value cannot be stored; check its length and range.")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unavailable("The database does not answer; try again.", retry_after_s=2)
    return None
