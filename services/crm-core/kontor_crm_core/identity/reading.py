"""Reads what identifies a customer from a request, and notes what cannot be read."""

from collections.abc import Iterable

from kontor_crm_core.identity.free_mail import FREE_MAIL
from kontor_crm_core.identity.parse import Email, Phone, Unreadable, parse_domain, parse_email, parse_phone
from kontor_crm_core.record.wishes import Notes


def read_emails(given: Iterable[tuple[str, str]], notes: Notes) -> list[Email]:
    """Addresses by their paths, each once; one that is none is a fault."""
    read: dict[str, Email] = {}
    for path, value in given:
        email = read_email(value, path, notes)
        if email:
            read.setdefault(email.key, email)
    return list(read.values())


def read_email(value: str, path: str, notes: Notes) -> Email | None:
    """An address; None with a fault where it is none."""
    try:
        return parse_email(value)
    except Unreadable as why:
        notes.fault(path, str(why), "email_invalid")
        return None


def read_phones(given: Iterable[tuple[str, str]], region: str, notes: Notes) -> list[Phone]:
    """Numbers by their paths, each once; one that cannot be read is kept as text and warned of."""
    read: dict[str, Phone] = {}
    for path, value in given:
        phone = read_phone(value, region, path, notes)
        read.setdefault(phone.key, phone)
    return list(read.values())


def read_phone(value: str, region: str, path: str, notes: Notes) -> Phone:
    """A number, or its text with a warning."""
    phone = parse_phone(value, region)
    if not phone.e164:
        told = (
            f"{phone.raw!r} is no phone number of region {region}; it is kept as text and finds nobody. "
            "Give it with its country code, as in +1 212 555 0100."
        )
        notes.warn("phone_unreadable", told, path)
    return phone


def read_domains(given: Iterable[tuple[str, str]], notes: Notes) -> list[str]:
    """Domains by their paths, each once; those of free mail providers are left out with a warning."""
    return list(dict.fromkeys(domain for path, value in given if (domain := read_domain(value, path, notes))))


def read_domain(value: str, path: str, notes: Notes) -> str:
    """A domain that can belong to a company; empty with a fault or a warning for others."""
    try:
        domain = parse_domain(value)
    except Unreadable as why:
        notes.fault(path, str(why), "domain_invalid")
        return ""
    if domain in FREE_MAIL:
        notes.warn("free_mail_domain", f"{domain} belongs to a mail provider and identifies no company.", path)
        return ""
    return domain
