"""Text, addresses and numbers that go wrong: each has a named error or a told outcome, and changes nothing else."""

import unicodedata
from typing import Any

import pytest

LRM, RLO, ZWSP, ZWJ, BOM, FILLER = "\u200e", "\u202e", "\u200b", "\u200d", "\ufeff", "\u3164"
LONG = "x" * 64 + "@" + "y" * 63 + "." + "z" * 63 + "." + "z" * 59 + ".com"

NO_ADDRESSES = [
    "jane",
    "jane@",
    "@a.example",
    "jane@a",
    "jane@a..example",
    ".jane@a.example",
    "jane.@a.example",
    "ja ne@a.example",
    "jane@a.example, bob@a.example",
    "Jane <jane@a.example>",
    '"jane doe"@a.example',
    "jane@[127.0.0.1]",
    "jane@-a.example",
    "jane@a_b.example",
    "jane@a.example\r\nBcc: x@y.example",
    "jane\n@a.example",
    f"ja{ZWSP}ne@a.example",
    f"ja{RLO}ne@a.example",
    f"jane@a{ZWJ}.example",
    "jane@" + "a" * 64 + ".example",
    LONG,
    "jane@а.example\u0000x",
    "jane@xn--.example",
]
NO_DOMAINS = [
    "acme",
    "a@acme.example",
    "http://",
    "http://[::1",
    "127.0.0.1",
    "acme..example",
    "-acme.example",
    f"ac{ZWSP}me.example",
    f"acme{RLO}.example",
    "x" * 64 + ".example",
    "acme.example\nx",
]
NAMES = [
    "Zoe\u0308 Łukasz",
    f"Jo{ZWJ}hn Doe",
    "محمد علي",
    "ישראל כהן",
    "山田 太郎",
    "हिन्दी नाम",
    "👨‍👩‍👧‍👦👨‍👩‍👧‍👦 Family",
    "Ǆenana Ǆ",
    "ﬁne ﬂow",
    "Ａｄａ Ｌｏｖｅｌａｃｅ",
    "=cmd|' /C calc'!A0",
    "<img src=x onerror=alert(1)>",
    "Robert'); DROP TABLE contact;--",
    "%_\\ %s {0}",
    "İstanbul ISPARTA ı",
]
HALF_IDS = [
    ({"system": " ", "value": "7"}, "external_ids[0]"),
    ({"system": "hubspot", "value": ZWSP}, "external_ids[0]"),
    ({"system": "hub\nspot", "value": f"7{RLO}"}, "external_ids[0]"),
    ({"system": "", "value": "7"}, "external_ids[0].system"),
    ({"system": "s", "value": "7" * 256}, "external_ids[0].value"),
]


def upserted(crm: Any, **body: Any) -> dict[str, Any]:
    """The answer to an upsert of a contact."""
    answer: dict[str, Any] = crm.do("crm_upsert_contact", **body)
    return answer


def faults(refusal: dict[str, Any]) -> list[str]:
    """The code of a refusal and the fields at fault."""
    return [refusal["code"], *(each["field"] for each in refusal["fields"])]


def nobody(crm: Any) -> bool:
    """Whether the tenant has no customers."""
    found = [crm.do("crm_search_customers", query=query)["total"] for query in ("jane", "acme", "a.example")]
    return found == [0, 0, 0]


def test_what_is_no_address_is_refused(crm: Any) -> None:
    """Nothing but an address of its standards is taken, in either field, and the contact is not made without it."""
    for address in NO_ADDRESSES:
        for body, field in (({"email": address}, "email"), ({"emails": ["ok@a.example", address]}, "emails[1]")):
            refusal = crm.refused("crm_upsert_contact", name="Jane Doe", **body)
            assert refusal["code"] == "malformed" or faults(refusal) == ["invalid_field", field], address
    assert nobody(crm)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("  Jane.Doe@A.Example  ", "jane.doe@a.example"),
        ("jane+news@a.example", "JANE+news@a.example"),
        ("o'neill@a.example", "O'Neill@A.example"),
        ("jane@münchen.example", "jane@xn--mnchen-3ya.example"),
        ("zoe\u0308@a.example", "zoë@a.example"),
        ("用户@例え.example", "用户@例え.EXAMPLE"),
        ("jane@a.example\n", "jane@a.example"),
        ("x" * 64 + "@a.example", "X" * 64 + "@a.example"),
    ],
)
def test_spellings_of_one_address_mean_one_contact(crm: Any, address: str, key: str) -> None:
    """Case, space around it, normal form and the spelling of its domain do not make a second contact."""
    made = upserted(crm, email=address)["contact"]
    assert made["emails"][0]["address"] == unicodedata.normalize("NFC", address).strip()
    again = upserted(crm, email=key)
    assert (again["outcome"], again["contact"]["id"]) == ("unchanged", made["id"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jane+a@a.example", "jane@a.example"),
        ("j.doe@a.example", "jdoe@a.example"),
        ("jane@а.example", "jane@a.example"),
    ],
)
def test_hints_of_a_duplicate_are_no_identity(crm: Any, one: str, other: str) -> None:
    """A tag, dots and letters that look alike tell addresses apart."""
    assert upserted(crm, email=one)["outcome"] == "created"
    assert upserted(crm, email=other)["outcome"] == "created"


@pytest.mark.parametrize(
    ("number", "e164", "extension"),
    [
        ("030 1234567", "+49301234567", None),
        ("+1 (212) 555-0100", "+12125550100", None),
        ("0049 30 1234567", "+49301234567", None),
        ("030 1234567 ext. 12", "+49301234567", "12"),
        ("+1 212 555 0100 x99", "+12125550100", "99"),
        ("tel:+49-30-1234567", "+49301234567", None),
        ("٠٣٠ ١٢٣٤٥٦٧", "+49301234567", None),
        ("０３０ １２３４５６７", "+49301234567", None),
        (f"030{LRM} 1234567", "+49301234567", None),
        ("\u202a+49 30 1234567\u202c", "+49301234567", None),
    ],
)
def test_numbers_are_read_as_they_are_written(crm: Any, number: str, e164: str, extension: str | None) -> None:
    """A number is read in the tenant's region with its extension, and found by its E.164 form."""
    made = upserted(crm, name="Jane Doe", phone=number)["contact"]
    phone = made["phones"][0]
    assert (phone["raw"], phone["e164"], phone.get("extension")) == (number, e164, extension)
    assert crm.do("crm_lookup_customer", query=e164)["contact"]["id"] == made["id"]


@pytest.mark.parametrize(
    "number", ["12", "call me", "+999 123", "12 / 13", "1" * 40, "🤙", "030-12345-67-89-01-23-45-67"]
)
def test_a_number_that_cannot_be_read_costs_nothing(crm: Any, number: str) -> None:
    """Its text is kept with a warning, it finds nobody, and the same again changes nothing."""
    made = upserted(crm, email="jane@a.example", phone=number)
    assert [each["code"] for each in made["warnings"]] == ["phone_unreadable"]
    assert made["contact"]["phones"] == [{"raw": number, "is_primary": True}]
    assert upserted(crm, email="jane@a.example", phone=number)["outcome"] == "unchanged"
    assert upserted(crm, name="Bob Roe", phone=number)["outcome"] == "created"


@pytest.mark.parametrize("tool", ["crm_upsert_contact", "crm_upsert_company"])
def test_control_characters_are_refused(crm: Any, tool: str) -> None:
    """What no eye sees and what turns writing round is in no value."""
    key = {"email": "jane@a.example"} if tool == "crm_upsert_contact" else {"domain": "acme.example", "name": "Acme"}
    for text in ("a\x00b", "a\x1bb", "a\nb", "a\x7fb", "a\x85b", f"a{RLO}b"):
        for field in ("city", "name"):
            refusal = crm.refused(tool, **(key | {field: text}))
            assert refusal["code"] == "malformed" or faults(refusal) == ["invalid_field", field], text
    assert nobody(crm)


@pytest.mark.parametrize("text", [" ", "\u00a0", ZWSP, f"{ZWSP}{BOM} ", FILLER, "\u2800\u2800", "\u00ad"])
def test_what_cannot_be_seen_is_left_out(crm: Any, text: str) -> None:
    """A blank by whatever character counts as missing with a warning, and does not make a contact by itself."""
    made = upserted(crm, email="jane@a.example", title=text, first_name=text, phone=text)
    assert [each["code"] for each in made["warnings"]] == ["blank_ignored"] * 3
    assert made["contact"]["phones"] == []
    assert {"title", "first_name"}.isdisjoint(made["contact"])
    assert faults(crm.refused("crm_upsert_contact", name=text)) == ["invalid_field", "email"]
    assert faults(crm.refused("crm_upsert_company", name=text)) == ["invalid_field", "name"]


def test_names_of_every_script_are_kept_and_found(crm: Any) -> None:
    """A name is stored composed, otherwise as it was given, finds its contact, and again changes nothing."""
    for at, name in enumerate(NAMES):
        made = upserted(crm, email=f"p{at}@a.example", first_name=name)["contact"]
        composed = unicodedata.normalize("NFC", name)
        assert made["first_name"] == composed
        decomposed = unicodedata.normalize("NFD", name)
        assert upserted(crm, email=f"p{at}@a.example", first_name=decomposed)["outcome"] == "unchanged"
        assert made["id"] in [hit["id"] for hit in crm.do("crm_search_customers", query=composed)["hits"]], name


@pytest.mark.parametrize(
    ("one", "other"), [("Straße AG", "STRASSE ag"), ("Zoë Café", "ZOE\u0308 CAFE\u0301"), ("ＡＣＭＥ", "Acme")]
)
def test_companies_whose_names_fold_alike_are_one(crm: Any, one: str, other: str) -> None:
    """A name finds its company without regard to case, accents, normal form and width, and its spelling stays."""
    made = crm.do("crm_upsert_company", name=one)["company"]
    again = crm.do("crm_upsert_company", name=other)
    assert (again["outcome"], again["company"]["id"], again["company"]["name"]) == (
        "unchanged",
        made["id"],
        made["name"],
    )


def test_what_is_no_domain_is_refused(crm: Any) -> None:
    """Neither a company nor the company of a contact is found or made by it."""
    for domain in NO_DOMAINS:
        company = crm.refused("crm_upsert_company", name="Acme", domain=domain)
        assert faults(company) == ["invalid_field", "domain"], domain
        body = {"email": "jane@a.example", "company_domain": domain, "create_company": True}
        contact = crm.refused("crm_upsert_contact", **body)
        assert faults(contact) == ["invalid_field", "company_domain"], domain
    assert nobody(crm)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.Münch.example/about?x=1#y", "xn--mnch-0ra.example"),
        ("WWW.ACME.example.", "acme.example"),
        ("acme.example:8080/path", "//acme.example"),
    ],
)
def test_spellings_of_one_domain_mean_one_company(crm: Any, one: str, other: str) -> None:
    """A web address, its port and path, case and the spelling in ASCII do not make a second company."""
    made = crm.do("crm_upsert_company", name="Acme", domain=one)["company"]["id"]
    again = crm.do("crm_upsert_company", domain=other)
    assert (again["outcome"], again["company"]["id"]) == ("unchanged", made)


@pytest.mark.parametrize("tool", ["crm_upsert_contact", "crm_upsert_company"])
def test_half_an_external_id_is_refused(crm: Any, tool: str) -> None:
    """An id elsewhere has a system and a value that can be seen."""
    for given, field in HALF_IDS:
        assert faults(crm.refused(tool, name="Acme Jane", external_ids=[given])) == ["invalid_field", field]
    assert nobody(crm)


def test_all_faults_are_told_at_once(crm: Any) -> None:
    """One refusal names every field at fault, and a good value beside them is not kept."""
    refusal = crm.refused(
        "crm_upsert_contact",
        email="nope",
        first_name=f"a{RLO}",
        company_domain="nope",
        external_ids=[{"system": " ", "value": "1"}],
        email_states=[{"address": "x@"}, {"address": "a@a.example"}, {"address": "A@a.example"}],
        title="Jane",
        clear=["title"],
    )
    assert sorted(faults(refusal)[1:]) == [
        "clear",
        "company_domain",
        "email",
        "email_states[0].address",
        "email_states[2].address",
        "external_ids[0]",
        "first_name",
    ]
    assert nobody(crm)


@pytest.mark.parametrize("number", [-1, 12.5, "many", 2**40, [1]])
def test_a_count_that_is_none_is_refused(crm: Any, number: object) -> None:
    """Employees are a whole number that is not negative."""
    refusal = crm.refused("crm_upsert_company", name="Acme", employees=number)
    assert (refusal["code"], refusal["field"]) == ("invalid_field", "employees")
    assert nobody(crm)
