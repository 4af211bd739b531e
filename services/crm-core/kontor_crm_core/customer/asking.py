"""Reads a query: as one address, number, domain or foreign id where it looks like one, else as words."""

import re
from collections.abc import Iterator, Sequence

from kontor_crm_core.customer.rules import DOMAIN_LIKE, shape
from kontor_crm_core.identity.parse import Unreadable, digits, parse_domain, parse_email, parse_phone
from kontor_platform.data.records.fold import clean, fold, words
from kontor_platform.data.records.sought import MOST_WORDS, Sought, of_identifier, of_terms, of_word
from kontor_platform.data.records.terms import REVERSED, address

NUMBER = re.compile(r"(?<!\S)\+?[\d(][\d\s()/.-]{4,}\d(?!\S)")


def readings(query: str, region: str) -> list[Sequence[Sought]]:
    """What a query may mean, the likeliest first: a later reading counts only if an earlier one finds nothing."""
    text = clean(query)
    whole = number(text, region) if shape(text).phone else identifier(text)
    of_words = list(dict.fromkeys(spoken(text, region)))[:MOST_WORDS]
    return [each for each in ([whole] if whole else [], of_words) if each]


def spoken(text: str, region: str) -> Iterator[Sought]:
    """The words of a text, with addresses, domains and numbers among them as wholes."""
    for each in NUMBER.findall(text):
        if parse_phone(each, region).e164:
            yield number(each, region)
            text = text.replace(each, " ")
    for token in fold(text).split():
        whole = identifier(token) if "@" in token[1:] or DOMAIN_LIKE.fullmatch(token) else None
        yield from [whole] if whole else map(of_word, words(token))


def number(text: str, region: str) -> Sought:
    """A phone number in the forms it is kept in, or its last digits."""
    return of_terms(phone_terms(text, region))


def phone_terms(text: str, region: str) -> list[str]:
    """What a number is found by: as a whole, from its beginning and from its end."""
    phone, plain = parse_phone(text, region), digits(text)
    begun = f"+{plain}" if text.lstrip().startswith("+") else None
    forms = [phone.e164, begun, phone.national_digits, plain, REVERSED + plain[::-1]]
    return list(dict.fromkeys(form for form in forms if form))


def identifier(text: str) -> Sought | None:
    """An address, domain or foreign id as it was written and as it is kept; None for plain words."""
    whole = of_identifier(text)
    if whole is None:
        return None
    kept = email_key(text) if "@" in text.lstrip("@") else domain(text)
    return of_terms((*([address(kept)] if kept else []), *whole.begins))


def email_key(text: str) -> str | None:
    """The key of an address; None for a text that is none."""
    try:
        return parse_email(text).key
    except Unreadable:
        return None


def domain(text: str) -> str | None:
    """The domain a text names; None if it names none."""
    try:
        return parse_domain(text)
    except Unreadable:
        return None
