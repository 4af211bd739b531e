"""The id of a contact that became part of another leads on to that one in every operation."""

from dataclasses import dataclass
from typing import Any

import pytest

from kontor_platform.contract.problem import Conflict


@dataclass(frozen=True)
class Pair:
    """Two contacts of whom one became part of the other."""

    winner: str
    loser: str
    before: str


@pytest.fixture
def pair(crm: Any, contact: str) -> Pair:
    """Jane Doe, and J. Doe who was merged into her; a note of that one's own from before."""
    other = crm.do("crm_upsert_contact", name="J. Doe", email="j@doe.example", title="Buyer")["contact"]["id"]
    crm.do("crm_upsert_contact", id=other, city="Berlin")
    note = crm.do("crm_create_note", body="Before", record_ids=[other])["note"]["id"]
    crm.over_grpc("crm_merge_contacts", winner_id=contact, loser_ids=[other])
    return Pair(contact, other, note)


def ids(records: list[dict[str, Any]]) -> list[str]:
    """The ids of records."""
    return [each["id"] for each in records]


def test_a_record_is_read_by_either_id(crm: Any, pair: Pair) -> None:
    """Whole, in parts and with what hangs on it, and the answer says by which id it was asked."""
    parts: dict[str, Any] = {"include": ["associations", "counts"]}
    there, led = (crm.do("crm_get_record", id=each, **parts) for each in (pair.winner, pair.loser))
    assert (there.pop("redirected_from"), led.pop("redirected_from")) == ("", pair.loser)
    assert led == there
    some = crm.do("crm_get_record", id=pair.loser, fields=["id", "title"])
    assert some["selected"] == {"id": pair.winner, "title": "Buyer"}
    assert crm.stranger().refused("crm_get_record", id=pair.loser)["code"] == "not_found"


def test_the_history_holds_both(crm: Any, pair: Pair) -> None:
    """The changes of either contact, newest first, those of the one merged under its id, whichever id is asked."""
    told = [crm.do("crm_get_record", id=each, include=["history"])["history"] for each in (pair.winner, pair.loser)]
    assert told[0] == told[1]
    own = [each for each in told[0] if each.get("record_id") == pair.loser]
    assert [each["version"] for each in own] == [3, 2, 1]
    assert own[1]["changes"] == [{"field": "city", "before": None, "after": "Berlin"}]
    assert [each["version"] for each in told[0] if not each.get("record_id")] == [2, 1]
    times = [each["at"] for each in told[0]]
    assert times == sorted(times, reverse=True)


def test_a_long_history_says_what_it_leaves_out(crm: Any, pair: Pair) -> None:
    """Twenty changes of both are shown; the answer names the tool for the others."""
    for number in range(17):
        crm.do("crm_upsert_contact", id=pair.winner, city=f"City {number}")
    answer = crm.do("crm_get_record", id=pair.loser, include=["history"])
    assert len(answer["history"]) == 20
    assert "crm_get_timeline" in answer["truncated"][0]


def test_the_timeline_tells_of_the_merge(crm: Any, pair: Pair) -> None:
    """Activities and changes of both, and the merge under the other's name; its undoing on both timelines."""
    page = crm.do("crm_get_timeline", record_id=pair.loser, page_size=50)
    assert (page["record"]["id"], page["redirected_from"]) == (pair.winner, pair.loser)
    assert page["entries"] == crm.do("crm_get_timeline", record_id=pair.winner, page_size=50)["entries"]
    assert [each["title"] for each in page["entries"] if each["kind"] == "merge"] == ["Merged with J. Doe"]
    assert pair.before in ids(page["entries"])
    assert [each["title"] for each in page["entries"] if each["kind"] == "change"].count("Created") == 2
    assert sum(each["count"] for each in page["counts"]) == len(page["entries"]) == page["total"]
    crm.over_grpc("crm_unmerge_contacts", contact_id=pair.loser)
    titles = {
        each: {
            entry["kind"]: entry["title"]
            for entry in crm.do("crm_get_timeline", record_id=each, kinds=["merge", "unmerge"])["entries"]
        }
        for each in (pair.winner, pair.loser)
    }
    assert titles == {
        pair.winner: {"merge": "Merged with J. Doe", "unmerge": "J. Doe was taken out"},
        pair.loser: {"merge": "Merged into Jane Doe", "unmerge": "Taken out of Jane Doe"},
    }


def test_merges_are_paged_like_all_else(crm: Any, contact: str) -> None:
    """Page by page each merge comes once, two of one call too."""
    others = [crm.do("crm_upsert_contact", name=f"Other {at}")["contact"]["id"] for at in range(3)]
    crm.over_grpc("crm_merge_contacts", winner_id=others[1], loser_ids=[others[2]])
    crm.over_grpc("crm_merge_contacts", winner_id=contact, loser_ids=others[:2])
    found, cursor = [], ""
    while True:
        page = crm.do("crm_get_timeline", record_id=others[2], kinds=["merge"], page_size=1, cursor=cursor)
        found += [each["title"] for each in page["entries"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert sorted(found) == ["Merged with Other 0", "Merged with Other 1", "Merged with Other 2"]


def test_links(crm: Any, pair: Pair, company: str) -> None:
    """Links are listed, made and taken away."""
    made = [{"from_id": pair.loser, "to_id": company}]
    crm.do("crm_link_entities", pairs=made)
    listed = crm.do("crm_list_associations", record_id=pair.loser)
    assert (ids([each["record"] for each in listed["associations"]]), listed["redirected_from"]) == (
        [company],
        pair.loser,
    )
    assert crm.do("crm_link_entities", pairs=made)["unchanged"] == 1
    assert crm.do("crm_link_entities", pairs=made, remove=True)["removed"] == 1
    itself = crm.refused("crm_link_entities", pairs=[{"from_id": pair.loser, "to_id": pair.winner}])
    assert itself["code"] == "invalid_field"


@pytest.mark.parametrize(
    ("tool", "member", "body"),
    [
        ("crm_create_note", "note", {"body": "Hi"}),
        ("crm_log_call", "call", {"direction": "in"}),
        ("crm_log_meeting", "meeting", {"subject": "Met", "starts_at": "2026-01-30T10:00:00Z"}),
        (
            "crm_log_email_engagement",
            "email",
            {"direction": "in", "from": "x@y.example", "to": ["z@y.example"], "message_id": "1@x"},
        ),
        ("crm_create_task", "task", {"title": "Ask"}),
    ],
)
def test_activities(crm: Any, pair: Pair, tool: str, member: str, body: dict[str, Any]) -> None:
    """An activity about either id is about the present contact, once."""
    made = crm.do(tool, record_ids=[pair.loser, pair.winner], **body)[member]
    assert ids(made["records"]) == [pair.winner]
    assert made["id"] in ids(crm.do("crm_get_timeline", record_id=pair.winner)["entries"])


def test_people_who_take_part(crm: Any, pair: Pair) -> None:
    """A participant named by the old id is the present contact."""
    people = [{"contact_id": pair.loser}]
    call = crm.do("crm_log_call", direction="out", participants=people)["call"]
    meeting = crm.do("crm_log_meeting", subject="Met", starts_at="2026-01-30T10:00:00Z", attendees=people)["meeting"]
    assert [ids(each["records"]) for each in (call, meeting)] == [[pair.winner]] * 2


def test_tasks_of_a_record(crm: Any, pair: Pair) -> None:
    """Tasks are listed by either id."""
    task = crm.do("crm_create_task", title="Ask", record_ids=[pair.winner])["task"]["id"]
    assert ids(crm.do("crm_list_tasks", record_id=pair.loser)["tasks"]) == [task]


def test_deals(crm: Any, pair: Pair) -> None:
    """A deal is made, changed and moved with the present contact."""
    deal = crm.do("crm_create_deal", name="Widgets", contact_ids=[pair.loser])["deal"]
    assert ids(deal["contacts"]) == [pair.winner]
    kept = crm.do("crm_update_deal", deal_id=deal["id"], contact_ids=[pair.loser, pair.winner])
    assert (ids(kept["deal"]["contacts"]), kept["changed"]) == ([pair.winner], [])
    bare = crm.do("crm_create_deal", name="Gadgets")["deal"]["id"]
    moved = crm.do("crm_update_pipeline", deal_id=bare, stage="Qualified", set={"contact_ids": [pair.loser]})
    assert ids(moved["deal"]["contacts"]) == [pair.winner]


def test_properties_and_upsert(crm: Any, pair: Pair) -> None:
    """Values are set on the present contact, and the answers say so."""
    crm.over_grpc("crm_define_property", object_type="contact", name="tier", type="text", label="Tier")
    done = crm.do("crm_set_property", record_id=pair.loser, properties=[{"name": "tier", "value": "gold"}])
    assert (done["record_id"], done["redirected_from"]) == (pair.winner, pair.loser)
    again = crm.do("crm_upsert_contact", id=pair.loser, city="Bonn")
    assert (again["contact"]["id"], again["redirected_from"]) == (pair.winner, pair.loser)


def test_owners(crm: Any, pair: Pair, colleague: str) -> None:
    """Both ids give one record to its new owner."""
    done = crm.do("crm_assign_owner", record_ids=[pair.loser, pair.winner], owner=colleague)
    assert [each["record"]["id"] for each in done["assignments"]] == [pair.winner]


def test_exports(crm: Any, pair: Pair) -> None:
    """The present contact is written, once."""
    assert crm.do("crm_export_contacts_csv", ids=[pair.loser, pair.winner])["rows"] == 1


def test_segments(crm: Any, pair: Pair) -> None:
    """Either id joins, is a member, is found as one and leaves."""
    made = crm.do("crm_create_segment", key="vips", type="contact", kind="static", add=[pair.loser])
    assert ids(made["samples"]) == [pair.winner]
    why = crm.do("crm_segment_members", segment="vips", record_id=pair.loser)["membership"]
    assert (why["is_member"], why["record"]["id"], why["redirected_from"]) == (True, pair.winner, pair.loser)
    assert [each["key"] for each in crm.do("crm_list_segments", record_id=pair.loser)["segments"]] == ["vips"]
    assert crm.do("crm_create_segment", key="vips", remove=[pair.loser])["removed"] == 1


def test_what_a_merged_id_is_refused_for(crm: Any, pair: Pair) -> None:
    """It is neither deleted nor brought back nor merged again; the refusals name the present contact."""
    for tool in ("crm_delete_record", "crm_restore_record"):
        with pytest.raises(Conflict, match="became part of another") as refused:
            crm.over_grpc(tool, id=pair.loser)
        assert list(refused.value.ids) == [pair.winner]
    third = crm.do("crm_upsert_contact", name="Third")["contact"]["id"]
    with pytest.raises(Conflict, match="name that one") as again:
        crm.over_grpc("crm_merge_contacts", winner_id=third, loser_ids=[pair.loser])
    assert list(again.value.ids) == [pair.winner]


def test_a_chain_leads_to_its_end(crm: Any, pair: Pair) -> None:
    """Ids of contacts merged one after the other lead to the last; taken apart, each leads where it belongs."""
    last = crm.do("crm_upsert_contact", name="Last")["contact"]["id"]
    crm.over_grpc("crm_merge_contacts", winner_id=last, loser_ids=[pair.winner])
    read = [crm.do("crm_get_record", id=each)["contact"]["id"] for each in (pair.loser, pair.winner)]
    assert read == [last, last]
    with pytest.raises(Conflict, match="became part of another") as refused:
        crm.over_grpc("crm_delete_record", id=pair.loser)
    assert list(refused.value.ids) == [last]
    crm.over_grpc("crm_unmerge_contacts", contact_id=pair.winner)
    assert crm.do("crm_get_record", id=pair.loser)["contact"]["id"] == pair.winner
    assert "merge" in [each["kind"] for each in crm.do("crm_get_timeline", record_id=pair.loser)["entries"]]
