"""Values of properties are read strictly, stored in one form, and compared as they are."""

import math
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition, Option, PropertyType
from kontor_platform.data.records.planned import IndexRow
from kontor_platform.data.records.reading.basis import DateOrder
from kontor_platform.data.records.reading.money import currencies
from kontor_platform.data.records.values import (
    BadValue,
    DecimalMark,
    Reading,
    change,
    found_by,
    index_rows,
    newly_archived,
    parse,
    show,
    unique_key,
)

BERLIN = Reading("Europe/Berlin", "DE", "EUR")
UNSAID = replace(BERLIN, decimal_mark=DecimalMark.UNKNOWN)
COMMA = replace(BERLIN, decimal_mark=DecimalMark.COMMA, date_format=DateOrder.DAY_FIRST)
POINT = replace(BERLIN, decimal_mark=DecimalMark.POINT, date_format=DateOrder.MONTH_FIRST)
CHOICES = (Option("hot", "Heiß"), Option("cold", "Kalt"), Option("old", "Alt", archived=True), Option("a,b", "Komma"))


def prop(kind: str, **more: object) -> Definition:
    """A property of a type."""
    options = CHOICES if "select" in kind else ()
    return replace(Definition(UUID(int=1), "contact", "x", PropertyType(kind), options=options), **more)  # type: ignore[arg-type]


def read(kind: str, text: JSON, reading: Reading = BERLIN, **more: object) -> JSON:
    """The stored form of a value."""
    return parse(prop(kind, **more), text, reading)


def refused(kind: str, text: JSON, reading: Reading = BERLIN, **more: object) -> BadValue:
    """The refusal of a value."""
    with pytest.raises(BadValue) as bad:
        read(kind, text, reading, **more)
    return bad.value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12,5", 12.5),
        ("1.234,56", 1234.56),
        ("1,234.56", 1234.56),
        ("1.234.567", 1234567),
        ("1 234,5", 1234.5),
        ("1\u202f234", 1234),
        ("1'234.50", 1234.5),
        ("12,34,567.5", 1234567.5),
        ("-0", 0),
        ("\u22125", -5),
        ("+5", 5),
        (".5", 0.5),
        ("0,123", 0.123),
        ("\u0661\u0662\u0663", 123),
        ("\uff11\uff12", 12),
        ("\u0661\u066c\u0662\u0663\u0664", 1234),
        (87.0, 87),
        (123456789012345, 123456789012345),
        (0.1, 0.1),
    ],
)
def test_a_number_is_read_in_the_one_way_it_can_mean(text: JSON, number: float) -> None:
    """Groups, decimal marks, minus signs and digits of other scripts are understood where they leave no doubt."""
    assert read("number", text) == number


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,234", "number_ambiguous"),
        ("-1,234", "number_ambiguous"),
        ("NaN", "number_unparsable"),
        ("Infinity", "number_unparsable"),
        ("-inf", "number_unparsable"),
        (math.nan, "number_unparsable"),
        (math.inf, "number_unparsable"),
        ("1e5", "number_unparsable"),
        ("0x10", "number_unparsable"),
        ("1_000", "number_unparsable"),
        ("\u00bd", "number_unparsable"),
        ("\u00b2", "number_unparsable"),
        ("1\uff12", "number_unparsable"),
        ("1\u0662", "number_unparsable"),
        ("--5", "number_unparsable"),
        ("(5)", "number_unparsable"),
        ("5-", "number_unparsable"),
        ("5 %", "number_unparsable"),
        ("1 2", "number_unparsable"),
        ("12,34,5", "number_unparsable"),
        ("007", "number_unparsable"),
        ("'5", "number_unparsable"),
        (True, "number_unparsable"),
        ({"a": 1}, "number_unparsable"),
        (1e22, "number_too_long"),
        ("1234567890123456", "number_too_long"),
        ("0.1000000000000000000000000000000000001", "number_too_long"),
        ("9" * 5000, "number_too_long"),
        ([1, 2], "rule_failed"),
        ("5\x00", "control_character"),
    ],
)
def test_what_is_no_number_is_refused(text: JSON, code: str) -> None:
    """Nothing is bent to a number, and an identifier keeps its zeros and digits elsewhere."""
    assert refused("number", text).code == code


def test_a_declared_decimal_mark_ends_the_doubt() -> None:
    """What may be two numbers is one where the mark was declared, and neither where nobody said anything."""
    assert (read("number", "1,234", COMMA), read("number", "1,234", POINT)) == (1.234, 1234)
    assert (read("number", "1.234", COMMA), read("number", "1.234", POINT)) == (1234, 1.234)
    assert read("number", "1.234") == 1.234
    doubt = refused("number", "1.234", UNSAID)
    assert (doubt.code, doubt.allowed) == ("number_ambiguous", ("1234", "1.234"))
    assert refused("number", "12.5", COMMA).code == "number_unparsable"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15) + 1, max_value=10**15 - 1, places=0))
def test_whole_numbers_come_back(number: Decimal) -> None:
    """A number is shown as it is read again."""
    stored = read("number", f"{number:f}" if number else "0")
    assert stored == int(number)
    assert read("number", show(prop("number"), stored)) == stored


FRACTIONS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 15)
)


@given(FRACTIONS, FRACTIONS)
def test_the_index_orders_numbers_as_they_are(one: Decimal, other: Decimal) -> None:
    """Fifteen digits keep their order and their equality in the index, and their exact value in the store."""
    first, second = (read("number", f"{each:f}") for each in (one, other))
    assert [Decimal(str(first)), Decimal(str(second))] == [one, other]
    low, high = (index_rows(prop("number"), each)[0].num for each in (first, second))
    assert low is not None
    assert high is not None
    assert (low < high, low == high) == (one < other, one == other)
    keys = [unique_key(prop("number", is_unique=True), each) for each in (first, second)]
    assert (keys[0] == keys[1]) == (one == other)


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("12.50 EUR", {"amount": "12.50", "currency": "EUR"}),
        ("EUR 12.5", {"amount": "12.50", "currency": "EUR"}),
        ("\u20ac 12", {"amount": "12.00", "currency": "EUR"}),
        ("-\u20ac5", {"amount": "-5.00", "currency": "EUR"}),
        ("1200 JPY", {"amount": "1200", "currency": "JPY"}),
        ("1.234 KWD", {"amount": "1.234", "currency": "KWD"}),
        ({"amount": "5", "currency": "usd"}, {"amount": "5.00", "currency": "USD"}),
        (12.5, {"amount": "12.50", "currency": "EUR"}),
        ("-0", {"amount": "0.00", "currency": "EUR"}),
    ],
)
def test_money_has_the_decimals_of_its_currency(given_: JSON, stored: JSON) -> None:
    """An amount is exact, and in the tenant's currency where none is written."""
    assert read("money", given_) == stored


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        ("12.345 EUR", "number_out_of_range"),
        ("1.5 JPY", "number_out_of_range"),
        ("100000000000000 EUR", "number_out_of_range"),
        ("12 DEM", "currency_unknown"),
        ("12 XYZ", "currency_unknown"),
        ("$5", "currency_unknown"),
        ({"a": 5}, "number_unparsable"),
        ({"amount": "1e5", "currency": "EUR"}, "number_unparsable"),
        ("1,234 EUR", "number_ambiguous"),
    ],
)
def test_what_is_no_amount_is_refused(given_: JSON, code: str) -> None:
    """Nothing is rounded, and no currency is guessed."""
    assert refused("money", given_).code == code


def test_a_sign_means_the_tenant_s_own_currency() -> None:
    """A dollar sign is the tenant's dollar, and nobody's elsewhere."""
    canada = replace(POINT, currency="CAD")
    assert read("money", "$1,200.00", canada) == {"amount": "1200.00", "currency": "CAD"}


AMOUNTS = st.tuples(st.integers(-(10**13), 10**13), st.sampled_from(sorted(currencies())))


@given(AMOUNTS, AMOUNTS)
def test_money_comes_back_and_is_ordered(one: tuple[int, str], other: tuple[int, str]) -> None:
    """An amount is read again as it is shown; within a currency the index has the order of the amounts."""
    rows = []
    for whole, currency in (one, other):
        stored = read("money", {"amount": str(whole), "currency": currency})
        assert read("money", show(prop("money"), stored)) == stored
        rows.append(index_rows(prop("money"), stored)[0])
    assert [row.txt for row in rows] == [one[1], other[1]]
    assert (rows[0].big or 0) - (rows[1].big or 0) == (one[0] - other[0]) * 10_000


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31", "2026-01-31"),
        ("20260131", "2026-01-31"),
        ("2026/1/31", "2026-01-31"),
        ("31.01.2026", "2026-01-31"),
        ("13/04/2026", "2026-04-13"),
        ("04/13/2026", "2026-04-13"),
        ("04/04/2026", "2026-04-04"),
        ("31 Jan 2026", "2026-01-31"),
        ("Jan 31st, 2026", "2026-01-31"),
        ("31. Januar 2026", "2026-01-31"),
        ("31 de enero de 2026", "2026-01-31"),
        ("1er f\u00e9vrier 2026", "2026-02-01"),
        ("2024-02-29", "2024-02-29"),
        ("2026-01-31T00:00:00", "2026-01-31"),
        ("2026-01-31 00:00:00.000Z", "2026-01-31"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("\u0662\u0660\u0662\u0666-\u0660\u0661-\u0663\u0661", "2026-01-31"),
    ],
)
def test_a_day_is_read_as_written(text: str, day: str) -> None:
    """A day has one reading and is never shifted."""
    assert read("date", text) == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("03/04/2026", "date_ambiguous"),
        ("03.04.2026", "date_ambiguous"),
        ("03/04/26", "date_ambiguous"),
        ("2026-02-29", "date_unparsable"),
        ("2026-13-01", "date_unparsable"),
        ("31/31/2026", "date_unparsable"),
        ("2026-01-31T10:00:00Z", "date_unparsable"),
        ("2026-W05-1", "date_unparsable"),
        ("45321", "date_unparsable"),
        (45321, "date_unparsable"),
        ("tomorrow", "date_unparsable"),
        ("31 Brumaire 2026", "date_unparsable"),
        ("0000-01-01", "date_out_of_range"),
        ("10000-01-01", "date_out_of_range"),
        ("-0044-03-15", "date_out_of_range"),
    ],
)
def test_what_is_no_day_is_refused(text: JSON, code: str) -> None:
    """Doubt, other calendars and days that there are not get a code."""
    assert refused("date", text).code == code


def test_a_declared_order_ends_the_doubt() -> None:
    """Day or month first, as declared."""
    assert (read("date", "03/04/2026", COMMA), read("date", "03/04/2026", POINT)) == ("2026-04-03", "2026-03-04")


@given(st.dates(), st.dates())
def test_days_come_back_and_are_ordered(one: date, other: date) -> None:
    """Any day of any year, the index in the order of the days."""
    first, second = (read("date", each.isoformat()) for each in (one, other))
    assert read("date", show(prop("date"), first)) == first == one.isoformat()
    low, high = (index_rows(prop("date"), each)[0].ts for each in (first, second))
    assert isinstance(low, datetime)
    assert isinstance(high, datetime)
    assert (low < high) == (one < other)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z"),
        ("2026-01-31 10:00", "2026-01-31T09:00:00Z"),
        ("2026-07-31 10:00", "2026-07-31T08:00:00Z"),
        ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ("2026-01-31", "2026-01-30T23:00:00Z"),
        ("31.01.2026 2:30 pm", "2026-01-31T13:30:00Z"),
        ("31.01.2026 12:30 AM", "2026-01-30T23:30:00Z"),
        ("2026-01-31T10:00:00.120000000z", "2026-01-31T10:00:00.12Z"),
        ("2026-01-31T10:00 -0530", "2026-01-31T15:30:00Z"),
        ("2026-01-31T10:00:00+14:00", "2026-01-30T20:00:00Z"),
    ],
)
def test_a_time_is_kept_in_utc(text: str, moment: str) -> None:
    """Without an offset it is the tenant's; a time the clock skips moves forward, of one that comes twice the first."""
    assert read("datetime", text) == moment


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("9999-12-31T23:00:00-12:00", "date_out_of_range"),
        ("0001-01-01T00:00:00+05:00", "date_out_of_range"),
        ("2026-01-31T10:00:60Z", "date_unparsable"),
        ("2026-01-31T24:00Z", "date_unparsable"),
        ("2026-01-31T13:30 am", "date_unparsable"),
        ("2026-01-31T10:00+99:00", "date_unparsable"),
        ("2026-01-31T10:00+00:60", "date_unparsable"),
        ("2026-01-31T10:00:00.1234567Z", "date_unparsable"),
    ],
)
def test_what_is_no_time_is_refused(text: str, code: str) -> None:
    """Offsets, seconds and years beyond what there is get a code."""
    assert refused("datetime", text).code == code


def test_a_time_without_offset_needs_a_zone() -> None:
    """Where no zone was declared nothing is assumed."""
    assert refused("datetime", "2026-01-31T10:00", Reading()).code == "time_without_zone"


MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))


@given(MOMENTS, st.integers(-14 * 60, 14 * 60), MOMENTS)
def test_times_come_back_and_are_ordered(one: datetime, offset: int, other: datetime) -> None:
    """A moment is the same in any offset; the index has the order of the moments."""
    ahead = timedelta(minutes=offset)
    sign = "-" if offset < 0 else "+"
    hours, minutes = divmod(abs(offset), 60)
    first = (
        read("datetime", f"{(one + ahead).isoformat()}{sign}{hours:02}:{minutes:02}") if in_years(one, ahead) else None
    )
    plain = read("datetime", f"{one.isoformat()}Z")
    assert first in (None, plain)
    assert read("datetime", show(prop("datetime"), plain)) == plain
    low, high = (index_rows(prop("datetime"), read("datetime", f"{each.isoformat()}Z"))[0].ts for each in (one, other))
    assert low == one.replace(tzinfo=UTC)
    assert isinstance(low, datetime)
    assert isinstance(high, datetime)
    assert (low < high) == (one < other)


def in_years(moment: datetime, ahead: timedelta) -> bool:
    """Whether a moment has a reading in an offset."""
    return datetime.min <= moment + ahead <= datetime.max


@pytest.mark.parametrize(
    ("word", "truth"), [("Ja", True), ("S\u00cd", True), ("oui", True), ("YES", True), (1.0, True), ("1", True)]
)
def test_words_of_truth(word: JSON, truth: bool) -> None:
    """English, German, French and Spanish words are understood, others refused."""
    assert read("bool", word) is truth
    assert [read("bool", each) for each in ("nein", "No", "non", "falso", 0)] == [False] * 5
    assert {refused("bool", each).code for each in ("x", 2.0, "maybe", [True, False])} <= {
        "bool_unparsable",
        "rule_failed",
    }


def test_an_option_is_meant_by_value_or_label() -> None:
    """Exactly first, then folded; an unknown one is answered with what there is and what is near."""
    assert [read("select", each) for each in ("hot", "Hei\u00df", "heiss", "HOT", ["hot"])] == ["hot"] * 5
    unknown = refused("select", "holt")
    assert (unknown.code, unknown.allowed, unknown.did_you_mean) == ("option_unknown", ("hot", "cold", "a,b"), "hot")
    twins = (Option("1", "\u00c9t\u00e9"), Option("2", "Ete"))
    assert read("select", "Ete", options=twins) == "2"
    doubt = refused("select", "ETE", options=twins)
    assert (doubt.code, doubt.allowed) == ("option_ambiguous", ("1", "2"))


def test_an_archived_option_stays_where_it_is() -> None:
    """It is read, and refused for a record that does not have it."""
    stored = read("select", "old")
    definition = prop("select")
    assert newly_archived(definition, stored, "old") is None
    assert newly_archived(prop("multi_select"), ["hot", "old"], ["old"]) is None
    bad = newly_archived(definition, stored, "hot")
    assert bad is not None
    assert bad.code == "option_unknown"


def test_several_options() -> None:
    """Each once, in the order of the definition, from a list or from text with one of the usual marks."""
    for told in (["cold", "Hei\u00df", "hot"], "hot;cold", "hot, Kalt", "Kalt|hot"):
        assert read("multi_select", told) == ["hot", "cold"]
    assert (read("multi_select", "a,b"), read("multi_select", [])) == (["a,b"], None)
    assert refused("multi_select", "hot;nope").code == "option_unknown"
    assert len(index_rows(prop("multi_select"), ["hot", "cold"])) == 2


@pytest.mark.parametrize(
    ("kind", "given_", "stored"),
    [
        ("email", "J\u00f6hn.Doe+x@EXAMPLE.com", "J\u00f6hn.Doe+x@example.com"),
        ("phone", "030 1234567", "+49301234567"),
        ("phone", "+1 212 555 0100 ext. 5", "+12125550100x5"),
        ("phone", "\u202a+49 30 1234567\u202c", "+49301234567"),
        ("url", "acme.com", "https://acme.com"),
        ("url", "HTTPS://Acme.COM/A?b#c", "https://acme.com/A?b#c"),
        ("url", "ex\u00e4mple.de:8080/x", "https://xn--exmple-cua.de:8080/x"),
        ("reference", "019A0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000001"),
        ("user", "ADA@x.example", "ada@x.example"),
    ],
)
def test_normal_forms(kind: str, given_: str, stored: str) -> None:
    """Addresses are kept in one form, which is read again as it is."""
    assert read(kind, given_) == stored
    assert read(kind, show(prop(kind), stored)) == stored


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("email", "a@b", "email_invalid"),
        ("email", "a b@c.example", "email_invalid"),
        ("email", "x\r\nBcc: y@z.com", "control_character"),
        ("email", f"{'a' * 400}@x.example", "text_too_long"),
        ("phone", "123", "phone_invalid"),
        ("phone", "abc", "phone_invalid"),
        ("url", "javascript:alert(1)", "url_invalid"),
        ("url", "http://u:p@x.com", "url_invalid"),
        ("url", "localhost", "url_invalid"),
        ("url", "http://256.1.1.1", "url_invalid"),
        ("url", "http://x .com", "url_invalid"),
        ("url", "http://acme.com:99999", "url_invalid"),
        ("url", "data:text/html,x", "url_invalid"),
        ("user", "nobody", "owner_not_found"),
        ("reference", "7", "match_not_found"),
        ("text", "a\u202eb", "control_character"),
        ("text", "a\nb", "control_character"),
        ("text", "a\x00", "control_character"),
        ("text", "\ud800", "control_character"),
        ("text", "a\x85b", "control_character"),
        ("text", "x" * 1001, "text_too_long"),
        ("text", True, "rule_failed"),
        ("long_text", "a\x07", "control_character"),
    ],
)
def test_what_is_none_is_refused(kind: str, text: JSON, code: str) -> None:
    """Every class of bad input has a code."""
    assert refused(kind, text).code == code


def test_a_phone_without_country_needs_a_region() -> None:
    """Where no region was declared nothing is assumed."""
    assert refused("phone", "030 1234567", Reading()).code == "phone_region_needed"


WRITABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u202d\u202e"), max_size=60)


@given(WRITABLE)
def test_any_text_comes_back(text: str) -> None:
    """Text of any script is kept composed and read again as it is; what nobody sees is nothing."""
    for kind in ("text", "long_text"):
        stored = read(kind, text)
        if stored is not None:
            assert stored == unicodedata.normalize("NFC", text).strip()
            assert read(kind, show(prop(kind), stored)) == stored


@given(WRITABLE, WRITABLE)
def test_the_index_orders_texts_by_their_folded_form(one: str, other: str) -> None:
    """Texts that are unique to each other never share a key; the index has the order of the database's bytes."""
    first, second = (read("text", each) for each in (one, other))
    if first is None or second is None:
        return
    definition = prop("text", is_unique=True)
    low, high = (index_rows(definition, each)[0].txt or "" for each in (first, second))
    assert (low < high) == (low.encode() < high.encode())
    assert (unique_key(definition, first) == unique_key(definition, second)) == (low == high)


def test_case_and_accents_do_not_make_a_value_unique() -> None:
    """Folded texts collide; addresses keep their accents; a long text has a short key."""
    text, email = prop("text", is_unique=True), prop("email", is_unique=True)
    assert unique_key(text, "Stra\u00dfe") == unique_key(text, "STRASSE")
    assert unique_key(email, "jos\u00e9@x.example") != unique_key(email, "jose@x.example")
    assert unique_key(email, "Jane@x.example") == unique_key(email, "jane@x.example")
    assert len(str(unique_key(text, "\u6f22" * 1000))) < 513
    assert unique_key(prop("text"), "x") is None


def test_rules() -> None:
    """Bounds, lengths and patterns are kept by every value that is read."""
    assert refused("number", 5, rules={"min": 6}).code == "number_out_of_range"
    assert refused("money", "5 USD", rules={"max": "4.99"}).code == "number_out_of_range"
    assert refused("date", "2026-01-01", rules={"max": "2025-12-31"}).code == "date_out_of_range"
    assert refused("text", "ab", rules={"min_length": 3}).code == "rule_failed"
    assert refused("text", "abcd", rules={"max_length": 3}).code == "text_too_long"
    assert refused("text", "AB-1x", rules={"pattern": "[A-Z]{2}-\\d+"}).code == "rule_failed"
    assert read("text", "AB-12", rules={"pattern": "^[A-Z]{2}-\\d+$"}) == "AB-12"


@pytest.mark.parametrize("kind", [each.value for each in PropertyType])
def test_nothing_is_nothing(kind: str) -> None:
    """Blank text, null and an empty list give no value, no index and no key."""
    definition = prop(kind)
    nothings: tuple[JSON, ...] = (None, "", "  \u00a0", [], "\u200b")
    for nothing in nothings:
        assert parse(definition, nothing, BERLIN) is None
    emptied = change(definition, None)
    assert (emptied.value, list(emptied.index), emptied.unique_key) == (None, [], None)


def test_what_is_found_and_filtered() -> None:
    """Only what is searchable is found, options by their labels; only what is filterable is indexed."""
    assert found_by(prop("text", searchable=True), "Blue Whale") == "Blue Whale"
    assert found_by(prop("text"), "Blue Whale") == ""
    assert found_by(prop("multi_select", searchable=True), ["hot", "cold"]) == "Hei\u00df Kalt"
    assert found_by(prop("bool", searchable=True), True) == ""
    assert index_rows(prop("text", filterable=False), "x") == []
    assert index_rows(prop("bool"), False) == [IndexRow(flag=False)]
