"""Reads addresses, numbers and domains with the libraries that know their rules, and remembers what it read."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from email_validator.rfc_constants import DOT_ATOM_TEXT, EMAIL_MAX_LENGTH

from kontor_crm_core.identity.free_mail import FREE_MAIL
from kontor_platform.data.records.fold import clean

REMEMBERED = 8192


class Unreadable(Exception):
    """The text is not what it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Email:
    """An address: as given, in the form it is compared by, and the domain if it can belong to a company."""

    raw: str
    key: str
    company_domain: str


@dataclass(frozen=True, slots=True)
class Phone:
    """A number: as given and, where it could be read, in E.164 form and as its country dials it."""

    raw: str
    e164: str | None = None
    national_digits: str | None = None
    ext: str | None = None
    region: str | None = None

    @property
    def key(self) -> str:
        """What tells one number of a contact from another."""
        return f"{self.e164}x{self.ext}" if self.ext else self.e164 or digits(self.raw) or self.raw


@lru_cache(REMEMBERED)
def parse_email(text: str) -> Email:
    """Reads an address without asking the network; raises Unreadable."""
    raw = clean(text)
    plain = parse_plain(raw)
    if plain:
        return plain
    try:
        valid = validated(raw)
    except EmailNotValidError as error:
        raise Unreadable(str(error)) from error
    return Email(raw, valid.normalized.lower(), company_domain((valid.ascii_domain or valid.domain).lower()))


def parse_plain(raw: str) -> Email | None:
    """The same for an ordinary address, whose domain is validated once for all its addresses; None for others."""
    local, _, domain = raw.rpartition("@")
    if not (raw.isascii() and len(raw) <= EMAIL_MAX_LENGTH and DOT_ATOM_TEXT.match(local) and is_host(domain)):
        return None
    return Email(raw, raw.lower(), company_domain(domain.lower()))


@lru_cache(REMEMBERED)
def is_host(domain: str) -> bool:
    """Whether mail may go to a domain that is written in ASCII and means nothing else."""
    try:
        valid = validated(f"host@{domain}")
    except EmailNotValidError:
        return False
    return valid.domain == valid.ascii_domain == domain.lower()


def company_domain(domain: str) -> str:
    """The domain, if it can belong to a company."""
    return "" if domain in FREE_MAIL else domain


def validated(address: str) -> ValidatedEmail:
    """The address by the rules of its standards; domains kept for tests (RFC 6761) are let through."""
    return validate_email(address, check_deliverability=False, test_environment=True)


@lru_cache(REMEMBERED)
def parse_phone(text: str, region: str) -> Phone:
    """Reads a number in the region's habits; one that cannot be read keeps its text alone."""
    raw = clean(text)
    dialled = raw if raw.isascii() else visible(raw)
    try:
        number = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException:
        return Phone(raw)
    if not trusted(number, international=dialled.startswith("+")):
        return Phone(raw)
    return Phone(
        raw=raw,
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        national_digits=national_digits(number),
        ext=number.extension or None,
        region=phonenumbers.region_code_for_number(number),
    )


def visible(text: str) -> str:
    """The text without the marks of its direction and the like, which telephones put around numbers."""
    return "".join(each for each in text if unicodedata.category(each) != "Cf").strip()


def national_digits(number: phonenumbers.PhoneNumber) -> str:
    """The digits as the number's own country dials them, without the extension."""
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    extension = number.extension or ""
    return digits(written).removesuffix(digits(extension))


def trusted(number: phonenumbers.PhoneNumber, *, international: bool) -> bool:
    """Tells whether a number can be believed: without a country code it must be one that the region gives out."""
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    return possible and (international or phonenumbers.is_valid_number(number))


@lru_cache(REMEMBERED)
def parse_domain(text: str) -> str:
    """The registered form of a domain or of a web address's host, in ASCII; raises Unreadable."""
    address = clean(text)
    # A line break or tab would be taken out of a web address, and another domain be read.
    if "@" in address or not address.isprintable():
        raise Unreadable(f"{address!r} is not a domain or web address.")
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        valid = validated(f"host@{host.removeprefix('www.').rstrip('.')}")
    except (EmailNotValidError, ValueError) as error:
        raise Unreadable(f"{address!r} is not a domain or web address.") from error
    return (valid.ascii_domain or valid.domain).lower()


def digits(text: str) -> str:
    """The decimal digits of a text, in ASCII."""
    if text.isascii():
        return "".join(filter(str.isdecimal, text))
    return "".join(str(int(each)) for each in text if each.isdecimal())
