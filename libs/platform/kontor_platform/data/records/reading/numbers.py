"""Reads numbers and truth values."""

import re
from decimal import Decimal

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.reading.basis import BadValue, DecimalMark, Reading, ascii_digits, shown, writable

# IEEE 754 binary64 gives back any decimal of 15 significant digits (DBL_DIG).
MOST_DIGITS = 15
LONGEST_NUMBER = 64
MINUS = str.maketrans({"\u2212": "-", "\ufe63": "-", "\uff0d": "-", "\u066b": ".", "\uff0e": ".", "\uff0c": ","})
GROUPING_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2009\u202f\u2007'\u2019\u066c", " "))
PLAIN = re.compile(r"(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?")
LEADING_ZERO = re.compile(r"0[0-9]")
GROUPS = {mark: re.compile(rf"[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+") for mark in ",. "}
INDIAN = re.compile(r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
TRUE = frozenset(["true", "yes", "y", "t", "on", "1", "ja", "j", "wahr", "oui", "o", "vrai", "si", "s", "verdadero"])
FALSE = frozenset(["false", "no", "n", "f", "off", "0", "nein", "falsch", "non", "faux", "falso"])


def read_number(given: JSON, reading: Reading) -> int | float:
    """A number of at most 15 significant digits, whole ones as an integer."""
    number = read_decimal(given, reading.decimal_mark)
    return int(number) if number == number.to_integral_value() else float(number)


def read_decimal(given: JSON, mark: DecimalMark = DecimalMark.PROGRAM) -> Decimal:
    """The number given, without trailing zeros; raises BadValue."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise BadValue("number_unparsable", f"{shown(given)} is not a number.")
    number = decimal_of_text(given, mark) if isinstance(given, str) else decimal_of_json(given)
    return short_enough(number, given)


def decimal_of_json(given: int | float) -> Decimal:
    """A JSON number, exactly as it is printed."""
    number = Decimal(repr(given))
    if not number.is_finite():
        raise BadValue("number_unparsable", f"{given} is not a number.")
    return number


def short_enough(number: Decimal, given: JSON) -> Decimal:
    """The number without trailing zeros and without a negative zero; raises BadValue for one with too many digits."""
    sign = "-" if number < 0 else ""
    whole, _, fraction = plain(number.copy_abs()).partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if len(whole) + len(fraction) > MOST_DIGITS:
        raise BadValue(
            "number_too_long",
            f"{shown(given)} has more than {MOST_DIGITS} digits; use a property of type text for identifiers.",
        )
    return Decimal(f"{sign}{whole or 0}.{fraction or 0}") if fraction else Decimal(f"{sign}{whole}" if whole else 0)


def plain(number: Decimal) -> str:
    """A number as programs write it, without an exponent."""
    return f"{number:f}"


def decimal_of_text(given: str, mark: DecimalMark) -> Decimal:
    """A written number; raises BadValue for one that is none or that may mean two."""
    if len(given) > LONGEST_NUMBER:
        raise BadValue("number_too_long", f"{shown(given)} is too long for a number; use a property of type text.")
    text = ascii_digits(writable(given.strip()).translate(MINUS)).translate(GROUPING_SPACES)
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text.removeprefix("+"))
    number = ungrouped(digits, mark, given)
    if LEADING_ZERO.match(number):
        raise BadValue(
            "number_unparsable",
            f"{shown(given)} begins with zeros that a number would lose; use a property of type text for identifiers.",
        )
    if not number or not PLAIN.fullmatch(number):
        raise BadValue("number_unparsable", f"{shown(given)} is not a number; write digits, as in 1234.5.")
    return Decimal(sign + number)


def ungrouped(digits: str, mark: DecimalMark, given: str) -> str:
    """The digits with a point before the fraction and nothing between the thousands; empty if they do not fit."""
    present = [each for each in ",." if each in digits]
    if len(present) == 2:
        last = max(present, key=digits.rindex)
        return split(digits, last, "," if last == "." else ".") if agrees(mark, last) else ""
    if not present:
        return without_groups(digits, " ")
    return with_one_mark(digits, present[0], mark, given)


def agrees(mark: DecimalMark, found: str) -> bool:
    """Tells whether a mark found before the fraction may be one."""
    return mark not in (DecimalMark.POINT, DecimalMark.COMMA) or mark == found


def with_one_mark(digits: str, found: str, mark: DecimalMark, given: str) -> str:
    """The digits where only points or only commas stand in them."""
    if digits.count(found) > 1:
        return without_groups(digits, found) if mark != found else ""
    if mark in (DecimalMark.POINT, DecimalMark.COMMA):
        return split(digits, found, " ") if mark == found else without_groups(digits, found)
    may_group = found == "," or mark is DecimalMark.UNKNOWN
    if may_group and GROUPS[found].fullmatch(digits) and not digits.startswith("0"):
        as_one, as_other = digits.replace(found, ""), digits.replace(found, ".")
        raise BadValue(
            "number_ambiguous",
            f"{shown(given)} may be {as_one} or {as_other}; write it as one of them, or declare the decimal mark.",
            allowed=[as_one, as_other],
        )
    return split(digits, found, " ")


def split(digits: str, decimal: str, grouping: str) -> str:
    """The digits with their fraction behind a point."""
    whole, _, fraction = digits.partition(decimal)
    return f"{without_groups(whole, grouping)}.{fraction}" if fraction else ""


def without_groups(digits: str, grouping: str) -> str:
    """The whole digits without what groups them; empty if the groups are none."""
    if grouping not in digits:
        return digits
    fits = GROUPS[grouping].fullmatch(digits) or (grouping == "," and INDIAN.fullmatch(digits))
    return digits.replace(grouping, "") if fits else "?"


def read_bool(given: JSON, reading: Reading) -> bool:
    """True or false, also as a word of English, German, French or Spanish."""
    if isinstance(given, bool):
        return given
    word = fold(str(int(given)) if isinstance(given, float) and given in (0, 1) else str(given))
    if word not in TRUE | FALSE or isinstance(given, list | dict):
        raise BadValue("bool_unparsable", f"{shown(given)} is neither true nor false.", ["true", "false"])
    return word in TRUE
