"""The stable codes of what can be wrong with a file, a row or a value."""

from enum import StrEnum


class FileCode(StrEnum):
    """What is wrong with a file as a whole; nothing of it is imported."""

    FILE_EMPTY = "file_empty"
    FILE_TOO_LARGE = "file_too_large"
    ENCODING_UNKNOWN = "encoding_unknown"
    ENCODING_INVALID = "encoding_invalid"
    DELIMITER_UNCLEAR = "delimiter_unclear"
    HEADER_MISSING = "header_missing"
    HEADER_DUPLICATE = "header_duplicate"
    NO_KEY_COLUMN = "no_key_column"
    TOO_MANY_COLUMNS = "too_many_columns"
    QUOTE_UNCLOSED = "quote_unclosed"
    NUL_BYTE = "nul_byte"
    FILE_CHANGED = "file_changed"
    UNKNOWN_COLUMN = "unknown_column"


class RowCode(StrEnum):
    """What is wrong with a row as a whole; the others go on."""

    ROW_LENGTH = "row_length"
    ROW_DUPLICATE = "row_duplicate"
    ROW_TOO_LARGE = "row_too_large"
    MANY_ERRORS = "many_errors"


class ValueCode(StrEnum):
    """What is wrong with a value."""

    REQUIRED_MISSING = "required_missing"
    EMAIL_INVALID = "email_invalid"
    PHONE_INVALID = "phone_invalid"
    PHONE_REGION_NEEDED = "phone_region_needed"
    BOOL_UNPARSABLE = "bool_unparsable"
    DOMAIN_INVALID = "domain_invalid"
    TEXT_TOO_LONG = "text_too_long"
    CONTROL_CHARACTER = "control_character"
    PROPERTY_UNKNOWN = "property_unknown"
    PROPERTY_READ_ONLY = "property_read_only"


class MatchCode(StrEnum):
    """Why a row could not be brought together with what is there."""

    MATCH_AMBIGUOUS = "match_ambiguous"
    MATCH_NOT_FOUND = "match_not_found"
    MATCH_EXISTS = "match_exists"
    UNIQUE_TAKEN = "unique_taken"
    OWNER_NOT_FOUND = "owner_not_found"
    OWNER_INACTIVE = "owner_inactive"
    COMPANY_NOT_FOUND = "company_not_found"
    COMPANY_AMBIGUOUS = "company_ambiguous"
    VERSION_CONFLICT = "version_conflict"
    BLOCKLISTED = "blocklisted"
    RECORD_DELETED = "record_deleted"
    CONSENT_DOWNGRADE = "consent_downgrade"
    NO_IDENTITY = "no_identity"
    INTERNAL = "internal"
