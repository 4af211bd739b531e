from decimal import Decimal

import pytest

from kontor_crm_core.deal.money import money_problems, shown
from kontor_platform.data.records.reading.money import currencies


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("12500.5", "EUR", "12500.50"),
        ("7.0000", "JPY", "7"),
        ("1.2340", "KWD", "1.234"),
        ("0", "USD", "0.00"),
        ("0.5", "KWD", "0.500"),
    ],
)
def test_an_amount_is_written_as_its_currency_writes_it(amount: str, currency: str, written: str) -> None:
    """Trailing zeros go, down to the minor unit and no further."""
    assert shown(Decimal(amount), currency) == written


@pytest.mark.parametrize(
    ("amount", "currency", "fields"),
    [
        ("10.55", "EUR", []),
        ("10.5500", "EUR", []),
        ("10.555", "EUR", ["amount"]),
        ("10.5", "JPY", ["amount"]),
        ("1.234", "KWD", []),
        ("", "XXX", ["currency"]),
        ("1", "ZZZ", ["currency"]),
        ("1", "DEM", ["currency"]),
        ("", "", []),
    ],
)
def test_an_amount_fits_its_currency(amount: str, currency: str, fields: list[str]) -> None:
    """Only currencies in use, and no more decimals than they have."""
    assert [problem.field for problem in money_problems(amount, currency)] == fields


def test_a_mistyped_currency_gets_a_near_one() -> None:
    """The refusal helps."""
    assert money_problems("", "EUX")[0].did_you_mean == "EUR"
    assert {"EUR", "USD", "JPY", "KWD", "CHF"} <= currencies()
