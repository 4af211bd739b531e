"""Reads addresses, numbers, web addresses and ids with the libraries that know their rules."""

import re
from ipaddress import IPv4Address
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.reading.basis import BadValue, Reading, one_line, shown
from kontor_platform.data.records.reading.texts import written

# RFC 5321, 4.5.3.1 with the angle brackets left out; what most servers accept of an address on the web.
LONGEST_EMAIL, LONGEST_URL, LONGEST_PHONE = 320, 2_048, 64
SCHEMES = ("http", "https")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
PORTED = re.compile(r"[^/?#:]+\.[^/?#:]+:[0-9]{1,5}(?:[/?#].*)?")
ADDRESS = re.compile(r"[0-9.]+")
UNSAFE = re.compile(r"[\s\\<>\"^`{|}]")


def read_email(given: JSON, reading: Reading) -> str:
    """An address in the form its standards compare it by; the domain in lower case."""
    text = clean(one_line(given, "email_invalid", "an e-mail address"))
    if len(text) > LONGEST_EMAIL:
        raise BadValue("text_too_long", f"The address has {len(text)} characters, at most {LONGEST_EMAIL} are kept.")
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise BadValue("email_invalid", f"{shown(given)} is not an e-mail address: {error}") from error


def read_phone(given: JSON, reading: Reading) -> str:
    """A number in E.164 form, with `x` before an extension."""
    raw = "".join(each for each in one_line(written(given), "phone_invalid", "a phone number") if each.isprintable())
    if len(raw) > LONGEST_PHONE:
        raise BadValue("phone_invalid", f"{shown(given)} is too long for a phone number.")
    number = parsed_phone(raw, reading.region)
    length = phonenumbers.is_possible_number_with_reason(number)
    trusted = raw.startswith(("+", "\uff0b")) or phonenumbers.is_valid_number(number)
    if length != phonenumbers.ValidationResult.IS_POSSIBLE or not trusted:
        where = f" of region {reading.region}" if reading.region else ""
        raise BadValue("phone_invalid", f"{shown(given)} is not a phone number{where}; write it with its country code.")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164}x{number.extension}" if number.extension else e164


def parsed_phone(raw: str, region: str) -> phonenumbers.PhoneNumber:
    """The number in the region's habits; raises BadValue."""
    try:
        return phonenumbers.parse(raw, region or None)
    except phonenumbers.NumberParseException as error:
        if not region and any(each.isdecimal() for each in raw):
            raise BadValue(
                "phone_region_needed", f"{shown(raw)} has no country code; write it as in +49 30 123456."
            ) from error
        raise BadValue("phone_invalid", f"{shown(raw)} is not a phone number; write it as in +49 30 123456.") from error


def read_url(given: JSON, reading: Reading) -> str:
    """A web address with scheme and host in lower case and the host in ASCII; https where no scheme is written."""
    text = clean(one_line(given, "url_invalid", "a web address"))
    if len(text) > LONGEST_URL:
        raise BadValue("text_too_long", f"The address has {len(text)} characters, at most {LONGEST_URL} are kept.")
    if UNSAFE.search(text):
        raise bad_url(given)
    whole = text if SCHEME.match(text) and not PORTED.fullmatch(text) else f"https://{text.removeprefix('//')}"
    try:
        parts = urlsplit(whole)
        port = f":{parts.port}" if parts.port is not None else ""
        host = ascii_host(parts.hostname or "")
    except ValueError as error:
        raise bad_url(given) from error
    if parts.scheme not in SCHEMES or parts.username is not None or not host:
        raise bad_url(given)
    return urlunsplit((parts.scheme, host + port, parts.path, parts.query, parts.fragment))


def ascii_host(host: str) -> str:
    """The host in lower case and ASCII; raises ValueError for one that is neither an IPv4 address nor a dotted name."""
    if ADDRESS.fullmatch(host):
        return str(IPv4Address(host))
    domain = host.rstrip(".")
    if "." not in domain:
        raise ValueError(host)
    valid = validate_email(f"host@{domain}", check_deliverability=False, globally_deliverable=False)
    return (valid.ascii_domain or valid.domain).lower()


def bad_url(given: JSON) -> BadValue:
    """The refusal of what is no web address."""
    return BadValue("url_invalid", f"{shown(given)} is not a web address; write it as in https://example.com/page.")


def read_user(given: JSON, reading: Reading) -> str:
    """The id or e-mail address of a user, which whoever stores it must find."""
    text = one_line(given, "owner_not_found", "the id or e-mail address of a user")
    return read_email(text, reading).lower() if "@" in text else read_id(text, "owner_not_found", "a user")


def read_reference(given: JSON, reading: Reading) -> str:
    """The id of a record, which whoever stores it must find."""
    return read_id(given, "match_not_found", "a record")


def read_id(given: JSON, code: str, of: str) -> str:
    """An id in lower case with dashes; raises BadValue with the code."""
    text = one_line(given, code, f"the id of {of}")
    try:
        return str(UUID(text))
    except ValueError as error:
        raise BadValue(code, f"{shown(given)} is not the id of {of}.") from error
