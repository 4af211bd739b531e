"""Reads amounts of money: a decimal of at most as many places as the currency has, and an ISO 4217 code."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache

from babel.core import get_global
from babel.numbers import get_currency_precision, get_currency_symbol

from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.reading.basis import BadValue, Reading, one_line, shown
from kontor_platform.data.records.reading.numbers import plain, read_decimal

Use = tuple[str, date | None, date | None, bool]

# numeric(18,4) has 14 digits before the point; amounts x 10^4 fit 64 bits.
LARGEST = Decimal(10) ** 14
SCALE = 10_000
CODE_FIRST = re.compile(r"(?P<code>[A-Za-z]{3})\s*(?P<amount>.*)")
CODE_LAST = re.compile(r"(?P<amount>.*?)\s*(?P<code>[A-Za-z]{3})")
EURO = "\u20ac"


@cache
def currencies() -> frozenset[str]:
    """ISO 4217 codes that are legal tender somewhere today, after CLDR."""
    territories: Mapping[str, Sequence[Use]] = get_global("territory_currencies")
    return frozenset(
        code for used in territories.values() for code, _, until, tender in used if until is None and tender
    )


def read_money(given: JSON, reading: Reading) -> dict[str, JSON]:
    """An amount with its currency, the tenant's if none is written."""
    amount, code = parts(given, reading)
    currency = known_currency(code or reading.currency, given)
    number = read_decimal(amount, reading.decimal_mark)
    if abs(number) >= LARGEST:
        raise BadValue("number_out_of_range", f"{shown(amount)} is too large; at most 14 digits before the point.")
    return {"amount": with_places(number, currency), "currency": currency}


def parts(given: JSON, reading: Reading) -> tuple[JSON, str]:
    """The amount and the currency as written; the latter empty if none is."""
    if isinstance(given, Mapping):
        if not {"amount"} <= given.keys() <= {"amount", "currency"}:
            raise BadValue("number_unparsable", 'Money is {"amount": "12.50", "currency": "EUR"} or "12.50 EUR".')
        code = given.get("currency") or ""
        return given["amount"], one_line(code, "currency_unknown", "an ISO 4217 currency")
    if not isinstance(given, str):
        return given, ""
    text = one_line(given, "number_unparsable", "an amount")
    found = CODE_FIRST.fullmatch(text) or CODE_LAST.fullmatch(text)
    return (found["amount"], found["code"]) if found else without_symbol(text, reading)


def without_symbol(text: str, reading: Reading) -> tuple[str, str]:
    """The amount without a currency sign, and the currency that the sign means to the tenant."""
    signs = [each for each in text if unicodedata.category(each) == "Sc"]
    if not signs:
        return text, ""
    bare = text.strip(signs[0] + "\u00a0\u202f ") if text[0] == signs[0] or text[-1] == signs[0] else text
    bare = bare.replace(signs[0], "", 1) if bare[:1] in "+-\u2212" else bare
    if signs[0] == EURO:
        return bare, "EUR"
    if reading.currency and signs[0] == symbol(reading.currency):
        return bare, reading.currency
    raise BadValue("currency_unknown", f"{signs[0]} stands for several currencies; write the code, as in 12.50 USD.")


@cache
def symbol(currency: str) -> str:
    """The sign of a currency without the letters that tell countries apart."""
    return "".join(each for each in get_currency_symbol(currency, "en") if not each.isascii() or each == "$")


def known_currency(code: str, given: JSON) -> str:
    """The currency in capitals; raises BadValue for one that is not in use."""
    currency = code.upper()
    if currency not in currencies():
        near = nearest(currency, sorted(currencies())) if currency else ""
        said = f"{code} is not an ISO 4217 currency in use." if code else f"{shown(given)} has no currency."
        raise BadValue("currency_unknown", f"{said} Write its code, as in 12.50 EUR.", did_you_mean=near)
    return currency


def with_places(number: Decimal, currency: str) -> str:
    """The amount with as many decimals as the currency has; raises BadValue if it has more."""
    places, text = get_currency_precision(currency), plain(number)
    if len(text.partition(".")[2]) > places:
        raise BadValue("number_out_of_range", f"{currency} has {places} decimals, {text} has more; nothing is rounded.")
    return f"{number:.{places}f}"


def minor_units(amount: str) -> int:
    """The amount x 10^4, as indexes compare it."""
    return int(Decimal(amount) * SCALE)
