"""Records are linked, listed and unlinked."""

from typing import Any

import pytest


@pytest.fixture
def people(crm: Any) -> list[str]:
    """Three contacts."""
    return [crm.do("crm_upsert_contact", email=f"p{n}@x.example", name=f"P{n}")["contact"]["id"] for n in range(3)]


def pair(one: str, other: str) -> dict[str, str]:
    """A pair to link."""
    return {"from_id": one, "to_id": other}


def listed(crm: Any, record: str, **body: Any) -> list[dict[str, Any]]:
    """The linked records on the first page."""
    found: list[dict[str, Any]] = crm.do("crm_list_associations", record_id=record, **body)["associations"]
    return found


def test_labels_read_both_ways(crm: Any, company: str, people: list[str]) -> None:
    """A link is made whatever the order of the pair, once, and reads from either end."""
    made = crm.do("crm_link_entities", pairs=[pair(company, people[0])], labels=["advisor"])
    assert (made["linked"], made["links"][0]["label"]) == (1, "works at")
    again = crm.do("crm_link_entities", pairs=[pair(people[0], company)], labels=["advisor"])
    assert (again["linked"], again["unchanged"]) == (0, 1)
    there, back = listed(crm, people[0])[0], listed(crm, company)[0]
    assert (there["label"], there["record"]["name"], there["labels"]) == ("works at", "Acme GmbH", ["advisor"])
    assert (back["label"], back["record"]["name"], back["is_primary"]) == ("employs", "P0", True)
    assert len(listed(crm, company, label="advisor")) == 1
    assert listed(crm, company, label="chair") == []


def test_one_manager(crm: Any, people: list[str]) -> None:
    """A link that a record can have once is replaced only when asked."""
    crm.do("crm_link_entities", pairs=[pair(people[0], people[1])], type="reports_to")
    other = {"pairs": [pair(people[0], people[2])], "type": "reports_to"}
    refusal = crm.refused("crm_link_entities", **other)
    assert (refusal["code"], refusal["ids"]) == ("link_exists", [people[0], people[1]])
    replaced = crm.do("crm_link_entities", **other, replace=True)
    assert (replaced["linked"], replaced["removed"]) == (1, 1)
    assert [each["record"]["id"] for each in listed(crm, people[0])] == [people[2]]


def test_many_or_none(crm: Any, company: str, people: list[str], nowhere: str) -> None:
    """One pair that cannot be linked leaves all of them unlinked; five hundred go in one call."""
    strange = crm.refused("crm_link_entities", pairs=[pair(people[0], company), pair(nowhere, company)])
    assert strange["code"] == "not_found"
    assert listed(crm, company) == []
    unclear = crm.refused("crm_link_entities", pairs=[pair(people[0], people[1])])
    assert unclear["allowed"] == ["reports_to", "assistant_of", "related_contact"]
    assert crm.refused("crm_link_entities", pairs=[pair(people[0], people[0])], type="reports_to")["field"] == "pairs"
    pairs = [pair(each, company) for each in people] * 200
    assert crm.refused("crm_link_entities", pairs=pairs)["code"] == "invalid_field"
    assert crm.do("crm_link_entities", pairs=pairs[:500])["linked"] == 3


def test_removed(crm: Any, company: str, people: list[str]) -> None:
    """Unlinking is idempotent, and the next company becomes the main one."""
    other = crm.do("crm_upsert_company", name="Other")["company"]["id"]
    crm.do("crm_link_entities", pairs=[pair(people[0], company), pair(people[0], other)])
    gone = crm.do("crm_link_entities", pairs=[pair(people[0], company)], remove=True)
    again = crm.do("crm_link_entities", pairs=[pair(people[0], company)], remove=True)
    assert (gone["removed"], again["removed"], again["unchanged"]) == (1, 0, 1)
    assert crm.do("crm_get_record", id=people[0])["contact"]["company"]["id"] == other


def test_two_steps_and_pages(crm: Any, company: str, people: list[str]) -> None:
    """Two steps reach each record once with the one between, and pages hold each once."""
    crm.do("crm_link_entities", pairs=[pair(each, company) for each in people])
    crm.do("crm_link_entities", pairs=[pair(people[0], people[1])], type="related_contact")
    whole = listed(crm, people[0], depth=2)
    assert [(each["record"]["id"], each["depth"]) for each in whole[2:]] == [(people[2], 2)]
    assert whole[2]["via"]["id"] == company
    seen, cursor = [], ""
    while True:
        page = crm.do("crm_list_associations", record_id=people[0], depth=2, page_size=1, cursor=cursor)
        seen += page["associations"]
        if not page["next_cursor"]:
            break
        cursor = page["next_cursor"]
    assert seen == whole
    assert page["total"] == 3
    assert len(listed(crm, people[0], record_type="company")) == 1
    refusal = crm.refused("crm_list_associations", record_id=people[0], type="relatd_contact")
    assert refusal["did_you_mean"] == "related_contact"


def test_foreign_record_is_unknown(crm: Any, company: str, people: list[str], nowhere: str) -> None:
    """Another tenant's record cannot be linked or listed, and is answered like an unknown one."""
    theirs = crm.stranger()
    mine = theirs.do("crm_upsert_contact", email="x@x.example")["contact"]["id"]
    links = [theirs.send("crm_link_entities", pairs=[pair(mine, each)]) for each in (company, nowhere)]
    lists = [theirs.send("crm_list_associations", record_id=each) for each in (company, nowhere)]
    assert [each.status_code for each in links + lists] == [404] * 4
    assert links[0].content == links[1].content
    assert lists[0].content == lists[1].content


def test_one_main_company_under_parallel_calls(crm: Any, people: list[str], at_once: Any) -> None:
    """However many calls name a main company at once, there is one."""
    companies = [crm.do("crm_upsert_company", name=f"C{n}")["company"]["id"] for n in range(10)]
    at_once(10, lambda at: crm.do("crm_link_entities", pairs=[pair(people[0], companies[at])], is_primary=True))
    links = listed(crm, people[0], page_size=20)
    assert (len(links), sum(each["is_primary"] for each in links)) == (10, 1)
