"""A contact as a value: what it holds, and how the change log tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kontor_crm_core.contact.rules import Consent, display_name
from kontor_crm_core.identity.parse import Phone
from kontor_crm_core.record.lookups import ForeignId
from kontor_platform.contract.problem import JSON


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address a contact has, and what is known of it."""

    raw: str
    key: str
    consent: Consent = Consent()  # noqa: RUF009

    @property
    def told(self) -> JSON:
        """The address with what is known of it, as the change log tells it."""
        consent = self.consent
        return {
            "address": self.raw,
            "opted_out": consent.opted_out,
            "bounced": consent.bounced,
            "consent_basis": consent.basis,
        }


@dataclass(frozen=True, slots=True)
class Employer:
    """A company as its people know it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ContactState:
    """A contact; lists have the primary value first, `props` maps ids of properties to stored values.

    `version` is 0 before it is first written. `company` is the one it mainly works for.
    """

    id: UUID
    version: int = 0
    deleted: bool = False
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    city: str | None = None
    country: str | None = None
    owner_id: UUID | None = None
    emails: Sequence[Address] = ()
    phones: Sequence[Phone] = ()
    external_ids: Sequence[ForeignId] = ()
    props: Mapping[str, JSON] = field(default_factory=dict)
    company: Employer | None = None

    @property
    def name(self) -> str:
        """The name people know the contact by."""
        if self.first_name or self.last_name:
            return display_name(self.first_name, self.last_name, ())
        addresses, numbers = [each.raw for each in self.emails], [each.raw for each in self.phones]
        return display_name("", "", [*addresses, *numbers, *(each.value for each in self.external_ids)])

    def told(self) -> dict[str, JSON]:
        """Every field as the change log tells it; None, empty texts and lists say that there is nothing."""
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "title": self.title,
            "city": self.city,
            "country": self.country,
            "owner_id": str(self.owner_id) if self.owner_id else None,
            "emails": [each.raw for each in self.emails],
            "email_states": [each.told for each in self.emails if each.consent.says_something],
            "phones": [each.raw for each in self.phones],
            "external_ids": [str(each) for each in self.external_ids],
        }
