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


def test_links_hold_properties(crm: Any, company: str, deal: str, people: list[str]) -> None:
    """Typed by the link's type, per pair or for all, read from both ends; null takes one away."""
    pairs = [
        pair(deal, people[0]) | {"properties": [{"name": "role", "value": "Champion"}], "labels": ["key"]},
        pair(deal, people[1]),
    ]
    made = crm.do("crm_link_entities", pairs=pairs, properties=[{"name": "influence", "value": "High"}])
    assert [each["properties"] for each in made["links"]] == [
        [{"name": "influence", "value": "high"}, {"name": "role", "value": "Champion"}],
        [{"name": "influence", "value": "high"}],
    ]
    back = listed(crm, people[0], record_type="deal")[0]
    assert (back["labels"], back["properties"][1]) == (["key"], {"name": "role", "value": "Champion"})
    changed = [{"name": "role", "value": None}, {"name": "since", "value": "2026-02-01"}]
    again = crm.do("crm_link_entities", pairs=[pair(people[0], deal)], properties=changed)
    assert (again["linked"], again["updated"]) == (0, 1)
    assert [each["name"] for each in again["links"][0]["properties"]] == ["influence", "since"]
    assert crm.do("crm_link_entities", pairs=[pair(people[0], deal)], properties=changed)["unchanged"] == 1
    bad = crm.refused("crm_link_entities", pairs=[pair(people[0], deal)], properties=[{"name": "rol", "value": "x"}])
    assert (bad["code"], bad["did_you_mean"]) == ("invalid_field", "role")


def test_labels_can_be_replaced_and_taken_away(crm: Any, company: str, people: list[str]) -> None:
    """As the mode says."""
    link = {"pairs": [pair(people[0], company)]}
    crm.do("crm_link_entities", **link, labels=["advisor", "owner"])
    crm.do("crm_link_entities", **link, labels=["owner"], label_mode="remove")
    assert listed(crm, people[0])[0]["labels"] == ["advisor"]
    crm.do("crm_link_entities", **link, labels=["chair"], label_mode="replace")
    assert listed(crm, people[0])[0]["labels"] == ["chair"]


def test_one_successor_both_ways(crm: Any, deal: str) -> None:
    """A deal renews one and is renewed by one; the refusal names the present link."""
    one, two = (crm.do("crm_create_deal", name=f"Renewal {n}")["deal"]["id"] for n in range(2))
    crm.do("crm_link_entities", pairs=[pair(one, deal)], type="renewal_of")
    for other in (pair(two, deal), pair(one, two)):
        refusal = crm.refused("crm_link_entities", pairs=[other], type="renewal_of")
        assert (refusal["code"], refusal["ids"]) == ("link_exists", [one, deal])
    done = crm.do("crm_link_entities", pairs=[pair(two, deal)], type="renewal_of", replace=True)
    assert (done["linked"], done["removed"]) == (1, 1)
    assert [each["label"] for each in listed(crm, deal, type="renewal_of")] == ["renewed as"]


def test_activities_are_linked_to_what_they_are_about(crm: Any, company: str, deal: str) -> None:
    """In either order, once; unlinked they leave the timeline, where that is told."""
    note = crm.do("crm_create_note", body="Hello", record_ids=[deal])["note"]["id"]
    task = crm.do("crm_create_task", title="Call")["task"]["id"]
    made = crm.do("crm_link_entities", pairs=[pair(company, note), pair(task, company), pair(note, task)])
    assert (made["linked"], {each["label"] for each in made["links"]}) == (3, {"is about"})
    assert crm.do("crm_link_entities", pairs=[pair(note, company)])["unchanged"] == 1
    assert {each["record"]["id"] for each in listed(crm, note)} == {deal, company, task}
    assert [each["record"]["id"] for each in listed(crm, company, record_type="activity")] == [note]
    assert listed(crm, company, record_type="company") == []
    assert crm.do("crm_link_entities", pairs=[pair(company, note)], remove=True)["removed"] == 1
    kinds = [each["kind"] for each in crm.do("crm_get_timeline", record_id=company, page_size=50)["entries"]]
    assert (kinds.count("note"), kinds.count("unlink")) == (0, 1)
    assert crm.refused("crm_link_entities", pairs=[pair(note, company)], labels=["x"])["field"] == "pairs[0]"
    other = crm.do("crm_create_note", body="Other", record_ids=[deal])["note"]["id"]
    assert crm.refused("crm_link_entities", pairs=[pair(note, other)])["field"] == "type"


def test_what_becomes_of_a_link_stands_on_both_timelines(crm: Any, company: str, people: list[str]) -> None:
    """That it was made, changed and taken away, and by whom."""
    crm.do("crm_link_entities", pairs=[pair(people[0], company)])
    agent = crm.agent()
    agent.over_grpc(
        "crm_link_entities", pairs=[pair(people[0], company)], properties=[{"name": "role", "value": "CTO"}]
    )
    crm.do("crm_link_entities", pairs=[pair(people[0], company)], remove=True)
    for record, label, far in ((people[0], "works at", "Acme GmbH"), (company, "employs", "P0")):
        page = crm.do("crm_get_timeline", record_id=record, kinds=["link", "unlink"])
        assert [(each["kind"], each["title"]) for each in page["entries"]] == [
            ("unlink", f"No longer {label} {far}"),
            ("link", f"Changed the link '{label} {far}': role"),
            ("link", f"{label} {far}"),
        ]
        assert {each["kind"]: each["count"] for each in page["counts"] if each["count"] and "link" in each["kind"]} == {
            "link": 2,
            "unlink": 1,
        }
        by_agent = crm.do("crm_get_timeline", record_id=record, actor_kind="agent", kinds=["link"])["entries"]
        assert [each["actor_id"] for each in by_agent] == [str(agent.principal.actor)]


def test_twenty_writers_to_one_record(crm: Any, company: str, at_once: Any) -> None:
    """All link, no deadlock, no error, and each link stands once."""
    made = [crm.do("crm_upsert_contact", email=f"w{n}@x.example", name=f"W{n}")["contact"]["id"] for n in range(20)]
    backwards = list(reversed(made))

    def link(at: int) -> int:
        rows = (made if at % 2 else backwards)[at % 5 :]
        return int(crm.do("crm_link_entities", pairs=[pair(each, company) for each in rows])["linked"])

    assert sum(at_once(20, link)) == 20
    assert crm.do("crm_list_associations", record_id=company)["total"] == 20


def test_one_manager_under_parallel_calls(crm: Any, people: list[str], at_once: Any) -> None:
    """Of many who name a manager at once one is heard, the others are told so."""
    bosses = [crm.do("crm_upsert_contact", email=f"b{n}@x.example")["contact"]["id"] for n in range(10)]
    answers = at_once(
        10, lambda at: crm.send("crm_link_entities", pairs=[pair(people[0], bosses[at])], type="reports_to")
    )
    assert sorted(each.status_code for each in answers) == [200] + [409] * 9
    assert len(listed(crm, people[0], type="reports_to")) == 1
