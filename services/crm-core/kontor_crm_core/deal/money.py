"""Amounts of money: which currencies there are and how many decimals each has."""

from decimal import Decimal

from babel.numbers import get_currency_precision
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_platform.contract.names import nearest
from kontor_platform.data.records.reading.money import currencies


def money_problems(amount: str, currency: str, prefix: str = "") -> list[FieldProblem]:
    """What is wrong with an amount and its currency; both may be empty."""
    if currency and currency not in currencies():
        near = nearest(currency, sorted(currencies()))
        message = f"{currency} is not an ISO 4217 currency in use"
        return [FieldProblem(field=f"{prefix}currency", message=message, did_you_mean=near)]
    if amount and currency and decimals(amount) > get_currency_precision(currency):
        message = f"{currency} has {get_currency_precision(currency)} decimals, {amount} has {decimals(amount)}"
        return [FieldProblem(field=f"{prefix}amount", message=message)]
    return []


def decimals(amount: str) -> int:
    """How many decimals an amount has, trailing zeros not counted."""
    return len(amount.partition(".")[2].rstrip("0"))


def shown(amount: Decimal, currency: str) -> str:
    """The amount without trailing zeros beyond the currency's minor unit."""
    least = get_currency_precision(currency)
    return f"{amount:.{max(least, decimals(f'{amount:f}'))}f}"
