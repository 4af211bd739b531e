"""What a column can mean."""

from dataclasses import dataclass
from enum import StrEnum


class Target(StrEnum):
    """A field of a contact that a column can fill; `external_id:` and `property:` are followed by a name."""

    ID = "id"
    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    TITLE = "title"
    CITY = "city"
    COUNTRY = "country"
    COMPANY = "company"
    COMPANY_ID = "company_id"
    COMPANY_DOMAIN = "company_domain"
    OWNER = "owner"
    OPTED_OUT = "opted_out"
    OPTED_OUT_AT = "opted_out_at"
    BOUNCED = "bounced"
    CONSENT_BASIS = "consent_basis"
    EXTERNAL_ID = "external_id:"
    PROPERTY = "property:"


MANY = (Target.EMAIL, Target.PHONE, Target.EXTERNAL_ID)
PER_ADDRESS = (Target.OPTED_OUT, Target.OPTED_OUT_AT, Target.BOUNCED, Target.CONSENT_BASIS)
NAMED = (Target.EXTERNAL_ID, Target.PROPERTY)
IGNORED = frozenset({"_kontor", "_row", "_column", "_code", "_message", "_suggestion", "version", "_version"})
READ_ONLY = frozenset({"created_at", "updated_at", "version", "deleted_at"})
FORBIDDEN = frozenset({"tenant", "tenant_id", "role", "roles", "is_admin", "permissions", "password", "api_key"})


@dataclass(frozen=True, slots=True)
class Field:
    """A target with the name that follows it where there is one, as in `external_id:hubspot`."""

    target: Target
    name: str = ""

    def __str__(self) -> str:
        """The field as callers write it."""
        return f"{self.target}{self.name}"

    @property
    def many(self) -> bool:
        """Whether several columns may fill it."""
        return self.target in MANY or self.target in PER_ADDRESS


def field_named(text: str) -> Field | None:
    """The field a caller names; None if there is none of that name."""
    for target in NAMED:
        if text.startswith(target) and len(text) > len(target):
            return Field(target, text[len(target) :])
    return Field(Target(text)) if text in set(Target) - set(NAMED) else None
