"""Checks a value that was read against the rules of its property."""

from collections.abc import Mapping
from decimal import Decimal

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import PropertyType
from kontor_platform.data.records.reading.basis import BadValue, shown
from kontor_platform.data.records.reading.patterns import compiled

MEASURED = {
    PropertyType.NUMBER: "number_out_of_range",
    PropertyType.MONEY: "number_out_of_range",
    PropertyType.DATE: "date_out_of_range",
    PropertyType.DATETIME: "date_out_of_range",
}
WRITTEN = (PropertyType.TEXT, PropertyType.LONG_TEXT, PropertyType.EMAIL, PropertyType.PHONE, PropertyType.URL)
PATTERNED = (PropertyType.TEXT, PropertyType.EMAIL, PropertyType.PHONE, PropertyType.URL)


def check_rules(kind: PropertyType, rules: Mapping[str, JSON], stored: JSON) -> None:
    """Raises BadValue for a value that breaks a rule."""
    if kind in MEASURED:
        check_range(kind, rules, stored)
    if kind in WRITTEN:
        check_length(rules, str(stored))
    if kind in PATTERNED and (pattern := rules.get("pattern")) and not compiled(str(pattern)).matches(str(stored)):
        raise BadValue("rule_failed", f"{shown(stored)} does not match the pattern {pattern}.")


def check_range(kind: PropertyType, rules: Mapping[str, JSON], stored: JSON) -> None:
    """Raises BadValue for a value below min or above max."""
    least, most, value = rules.get("min"), rules.get("max"), measured(kind, stored)
    if least is not None and value < measured(kind, least):  # type: ignore[operator]
        raise BadValue(MEASURED[kind], f"{shown(stored)} is less than the least allowed, {least}.")
    if most is not None and value > measured(kind, most):  # type: ignore[operator]
        raise BadValue(MEASURED[kind], f"{shown(stored)} is more than the most allowed, {most}.")


def measured(kind: PropertyType, value: JSON) -> Decimal | str:
    """The value as it is compared; bounds of money are amounts, whatever the currency."""
    if kind in (PropertyType.DATE, PropertyType.DATETIME):
        return str(value)
    return Decimal(str(value["amount"] if isinstance(value, Mapping) else value))


def check_length(rules: Mapping[str, JSON], text: str) -> None:
    """Raises BadValue for a text shorter or longer than allowed."""
    least, most = rules.get("min_length"), rules.get("max_length")
    if isinstance(least, int) and len(text) < least:
        raise BadValue("rule_failed", f"The text has {len(text)} characters, at least {least} are needed.")
    if isinstance(most, int) and len(text) > most:
        raise BadValue("text_too_long", f"The text has {len(text)} characters, at most {most} are allowed.")
