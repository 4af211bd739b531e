"""Contacts and companies are found by words, beginnings and identifiers, as soon as they are written."""

from typing import Any

import pytest


@pytest.fixture
def known(crm: Any, company: str) -> dict[str, str]:
    """A few customers by a short name."""
    people: dict[str, dict[str, Any]] = {
        "jane": {"name": "Jané Doe", "email": "jane.doe@acme.example", "phone": "030 1234471", "city": "Zürich"},
        "bob": {"name": "Bob Jané", "email": "bob@other.example", "title": "Head of Tools"},
        "li": {"name": "李小龙", "external_ids": [{"system": "sap", "value": "K-100/7"}]},
    }
    made = {short: crm.do("crm_upsert_contact", **body)["contact"]["id"] for short, body in people.items()}
    return made | {"acme": company}


@pytest.mark.parametrize(
    ("query", "found", "reason", "field"),
    [
        ("jane.doe@acme.example", ["jane"], "identifier", "email"),
        ("+49 30 1234471", ["jane"], "identifier", "phone"),
        ("4471", ["jane"], "prefix", "phone"),
        ("acme.example", ["acme", "jane"], "identifier", "domain"),
        ("k-100/7", ["li"], "identifier", "external_id"),
        ("ZURICH", ["jane"], "word", "city"),
        ("too", ["bob"], "prefix", "title"),
        ("小龙", ["li"], "word", "name"),
        ("jane gmbh", ["jane"], "word", "name"),
        ("jane gmb", ["jane"], "prefix", "company"),
        ("do ja", ["jane"], "prefix", "name"),
        ("jane nobody", [], "", ""),
        ("%", [], "", ""),
    ],
)
def test_found(crm: Any, known: dict[str, str], query: str, found: list[str], reason: str, field: str) -> None:
    """Every form finds its records, the best first, and says why."""
    answer = crm.do("crm_search_customers", query=query)
    assert [hit["id"] for hit in answer["hits"]] == [known[short] for short in found]
    assert answer["total"] == len(found)
    if found:
        assert (answer["hits"][0]["match"]["class"], answer["hits"][0]["match"]["field"]) == (reason, field)


def test_whole_words_before_beginnings(crm: Any) -> None:
    """A whole word ranks before a beginning of one."""
    longer = crm.do("crm_upsert_contact", name="Annabel Bee", email="a@a.example")["contact"]["id"]
    whole = crm.do("crm_upsert_contact", name="Anna Bee", email="b@a.example")["contact"]["id"]
    assert [hit["id"] for hit in crm.do("crm_search_customers", query="anna bee")["hits"]] == [whole, longer]


def test_filters(crm: Any, known: dict[str, str], nowhere: str) -> None:
    """Type and owner narrow the hits."""
    mine = str(crm.principal.actor)
    assert crm.do("crm_search_customers", query="acme", type="company")["total"] == 1
    assert crm.do("crm_search_customers", query="acme", owner_id=mine)["total"] == 2
    assert crm.do("crm_search_customers", query="acme", owner_id=nowhere)["total"] == 0


def test_pages_hold_every_record_once(crm: Any) -> None:
    """Pages of any size hold each hit once, and a cursor works for its own query only."""
    made = {crm.do("crm_upsert_contact", name=f"Zedd{n} Many")["contact"]["id"] for n in range(23)}
    seen, cursor = [], ""
    while True:
        page = crm.do("crm_search_customers", query="many zed", page_size=5, cursor=cursor)
        assert page["total"] == 23
        seen += [hit["id"] for hit in page["hits"]]
        if not page["next_cursor"]:
            break
        cursor = page["next_cursor"]
    assert len(seen) == 23
    assert set(seen) == made
    assert crm.refused("crm_search_customers", query="zed", cursor=cursor)["code"] == "cursor_invalid"


def test_changed_record_leaves_its_old_words(crm: Any, contact: str) -> None:
    """After a change a record is found by its new words and no longer by its old ones."""
    crm.do("crm_upsert_contact", id=contact, last_name="Roe")
    assert crm.do("crm_search_customers", query="roe")["total"] == 1
    assert crm.do("crm_search_customers", query="jane roe")["total"] == 1
    crm.do("crm_upsert_contact", id=contact, clear=["emails"])
    assert crm.do("crm_search_customers", query="jane@acme.example")["total"] == 0


def test_strangers_find_nothing(crm: Any, known: dict[str, str]) -> None:
    """Hits, totals and fragments never come from another tenant."""
    answer = crm.stranger().do("crm_search_customers", query="jane")
    assert (answer["hits"], answer["total"]) == ([], 0)


def test_only_members_of_a_segment(crm: Any, colleague: str) -> None:
    """By key or id, of any kind; a dynamic one as the records are now, and together with an owner."""
    people = {
        city: crm.do("crm_upsert_contact", name="Ada Lund", city=city)["contact"]["id"] for city in ("Bonn", "Rome")
    }
    crm.do("crm_create_segment", key="listed", type="contact", kind="static", add=[people["Rome"]])
    in_bonn = {"field": "city", "op": "eq", "value": "Bonn"}
    made = crm.do("crm_create_segment", key="in_bonn", type="contact", kind="dynamic", filter=in_bonn)["segment"]

    def ids(**asked: str) -> list[str]:
        return [each["id"] for each in crm.do("crm_search_customers", **asked)["hits"]]

    assert ids(query="ada lund", segment="listed") == [people["Rome"]]
    assert ids(query="lund", segment=made["id"]) == [people["Bonn"]]
    crm.do("crm_upsert_contact", id=people["Rome"], city="Bonn")
    assert set(ids(query="lund", segment="in_bonn")) == set(people.values())
    crm.do("crm_assign_owner", record_ids=[people["Rome"]], owner=colleague)
    assert ids(query="lund", segment="in_bonn", owner_id=colleague) == [people["Rome"]]


def test_segments_that_hold_no_customers(crm: Any) -> None:
    """One that there is not is refused with the nearest key, one of deals as such."""
    crm.do("crm_create_segment", key="big", type="deal", kind="dynamic", filter={"field": "amount", "op": "is_set"})
    unknown = crm.refused("crm_search_customers", query="ada", segment="bigg")
    assert (unknown["code"], unknown["field"], unknown["did_you_mean"]) == ("not_found", "segment", "big")
    assert crm.refused("crm_search_customers", query="ada", segment="big")["field"] == "segment"
