"""Addresses, numbers and domains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_crm_core.identity.parse import (
    Email,
    Unreadable,
    company_domain,
    parse_domain,
    parse_email,
    parse_phone,
    parse_plain,
    validated,
)


@pytest.mark.parametrize(
    ("written", "key", "company"),
    [
        (" Jane.Doe+x@Acme.COM ", "jane.doe+x@acme.com", "acme.com"),
        ("someone@GMail.com", "someone@gmail.com", ""),
        ("ü@München.de", "ü@münchen.de", "xn--mnchen-3ya.de"),
    ],
)
def test_email(written: str, key: str, company: str) -> None:
    """An address is compared in lower case with dots and tags kept; a free provider names no company."""
    read = parse_email(written)
    assert (read.raw, read.key, read.company_domain) == (written.strip(), key, company)


@pytest.mark.parametrize(
    "written", ["", "jane", "jane@", "@acme.com", "a b@acme.com", "a@acme.com\nbcc: x@y.io", "a@b"]
)
def test_no_email(written: str) -> None:
    """What is no address is refused, line breaks that inject headers too."""
    with pytest.raises(Unreadable):
        parse_email(written)


@pytest.mark.parametrize(
    ("written", "region", "e164", "national"),
    [
        ("(212) 555-0100", "US", "+12125550100", "2125550100"),
        ("0170/123 45 67", "DE", "+491701234567", "01701234567"),
        ("+44 20 7946 0000", "US", "+442079460000", "02079460000"),
        ("06 12 34 56 78", "FR", "+33612345678", "0612345678"),
        ("212 555 0100 ext. 12", "US", "+12125550100", "2125550100"),
    ],
)
def test_phone(written: str, region: str, e164: str, national: str) -> None:
    """A number is read in the region's habits."""
    read = parse_phone(written, region)
    assert (read.raw, read.e164, read.national_digits) == (written, e164, national)


@pytest.mark.parametrize(
    ("written", "region"), [("5552000", "US"), ("06 12 34 56 78", "US"), ("+1 555-2001", "US"), ("call me", "US")]
)
def test_unreadable_phone_keeps_its_text(written: str, region: str) -> None:
    """A number is never bent to fit the region."""
    read = parse_phone(written, region)
    assert (read.raw, read.e164) == (written, None)


@pytest.mark.parametrize("written", ["acme.com", "https://www.Acme.com/about?x=1", "www.acme.com:8080", "ACME.COM."])
def test_domain(written: str) -> None:
    """A web address names the domain of its host."""
    assert parse_domain(written) == "acme.com"


@pytest.mark.parametrize("written", ["", "foo bar", "http://[", "acme", "a@b@c.com"])
def test_no_domain(written: str) -> None:
    """What names no host is refused."""
    with pytest.raises(Unreadable):
        parse_domain(written)


LOCALS = st.text(st.sampled_from("aZ0.+-_'@ \"\\é(,"), max_size=70)
HOSTS = st.sampled_from(
    ["a.example", "A.Example", "gmail.com", "münchen.example", "xn--mnchen-3ya.example", "a", "a_b.io", ""]
)


@given(LOCALS, HOSTS)
def test_the_short_way_to_an_address_is_the_long_way(local: str, host: str) -> None:
    """An ordinary address is read by what is known of its domain, with the outcome of the library's own reading."""
    address = f"{local}@{host}"
    short = parse_plain(address)
    if short is not None:
        valid = validated(address)
        domain = (valid.ascii_domain or valid.domain).lower()
        assert short == Email(address, valid.normalized.lower(), company_domain(domain))


def test_results_are_remembered() -> None:
    """The same text is read once."""
    assert parse_email("jane@a.example") is parse_email("jane@a.example")
    assert parse_phone("030 1234567", "DE") is parse_phone("030 1234567", "DE")
    assert parse_phone("030 1234567", "DE") != parse_phone("030 1234567", "US")
