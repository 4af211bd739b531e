"""E-mail over the service's own faces, on a real PostgreSQL."""

from itertools import permutations
from typing import Any

import pytest

from kontor_crm_core.engagement.rules import message_ids, referred

LETTER = {"direction": "in", "from": "Ida Lund <ida@hafen.example>", "to": ["sales@kontor.example"], "subject": "Offer"}


@pytest.fixture
def ida(crm: Any) -> str:
    """A contact with an address."""
    return str(crm.do("crm_upsert_contact", name="Ida Lund", email="ida@hafen.example")["contact"]["id"])


def log(crm: Any, message_id: str, **more: Any) -> dict[str, Any]:
    """The answer to logging a message."""
    answer: dict[str, Any] = crm.do("crm_log_email_engagement", **{**LETTER, "message_id": message_id, **more})
    return answer


def thread(crm: Any, message: str) -> tuple[str, int]:
    """The thread of a logged message, and how many messages it has."""
    email = crm.do("crm_get_record", id=message)["email"]
    return email["thread_id"], email["thread_size"]


def test_a_message_is_logged_once_and_linked_by_address(crm: Any, ida: str, deal: str) -> None:
    """Its Message-ID counts with and without brackets; who is known is linked, others are listed."""
    first = log(crm, "<a1@hafen.example>", body="Please send it.", cc=["x@hafen.example"], record_ids=[deal])
    email = first["email"]
    assert (first["outcome"], email["message_id"], email["thread_size"]) == ("created", "a1@hafen.example", 1)
    assert {each["id"] for each in email["records"]} == {ida, deal}
    assert [each["email"] for each in first["unknown_participants"]] == ["sales@kontor.example", "x@hafen.example"]
    again = log(crm, "a1@hafen.example", body="Please send it.", cc=["x@hafen.example"], record_ids=[deal])
    assert (again["outcome"], again["email"]) == ("unchanged", email)
    read = crm.do("crm_get_record", id=email["id"])
    assert (read["type"], read["email"]) == ("activity", email)
    (entry,) = crm.do("crm_get_timeline", record_id=ida, kinds=["email"])["entries"]
    assert (entry["id"], entry["title"], entry["thread_id"]) == (email["id"], "Offer", email["thread_id"])


def test_another_mailbox_adds_what_it_saw(crm: Any, ida: str) -> None:
    """The same message with further recipients and a text gains them, under a new version; nobody leaves it."""
    log(crm, "a1@x")
    bo = crm.do("crm_upsert_contact", name="Bo", email="bo@hafen.example")["contact"]["id"]
    more = log(crm, "a1@x", to=["bo@hafen.example"], body="Hello")
    assert (more["outcome"], sorted(more["changed"])) == ("updated", ["body", "participants", "record_ids"])
    assert more["email"]["version"] == 2
    assert {each["id"] for each in more["email"]["records"]} == {ida, bo}
    assert len(more["email"]["participants"]) == 3


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_thread_is_one_whatever_the_order_of_arrival(crm: Any, order: tuple[int, ...]) -> None:
    """A root, two answers and an answer to one of them, in each of 24 orders; a stranger stays apart."""
    letters: list[dict[str, Any]] = [
        {"message_id": "root@x"},
        {"message_id": "a@x", "in_reply_to": "<root@x>"},
        {"message_id": "b@x", "references": ["<root@x>"]},
        {"message_id": "c@x", "in_reply_to": "<a@x>", "references": ["<root@x> <a@x>"]},
    ]
    alone = log(crm, "alone@x")["email"]["id"]
    logged = [log(crm, **letters[at])["email"]["id"] for at in order]
    assert {thread(crm, each)[1] for each in logged} == {4}
    assert len({thread(crm, each)[0] for each in logged}) == 1
    assert thread(crm, alone)[1] == 1


def test_threads_are_joined_by_a_late_message(crm: Any) -> None:
    """Two answers to messages never seen are two threads until one that knows both comes."""
    one, other = log(crm, "1@x", in_reply_to="<lost-1@x>"), log(crm, "2@x", in_reply_to="<lost-2@x>")
    assert one["email"]["thread_id"] != other["email"]["thread_id"]
    late = log(crm, "3@x", references=["<lost-1@x>", "<lost-2@x>"])
    assert (late["threads_joined"], late["email"]["thread_size"]) == (2, 3)
    assert len({thread(crm, each["email"]["id"])[0] for each in (one, other, late)}) == 1
    assert crm.do("crm_get_record", id=one["email"]["id"])["email"]["version"] == 1


def test_many_messages_at_once_make_one_thread(crm: Any, at_once: Any) -> None:
    """Twenty writers of a chain, each referring to the one before only, leave one thread and no error."""
    answers = at_once(20, lambda at: log(crm, f"{at}@x", in_reply_to=f"<{at - 1}@x>" if at else ""))
    assert {thread(crm, each["email"]["id"])[1] for each in answers} == {20}


def test_many_who_log_one_message_make_one(crm: Any, ida: str, at_once: Any) -> None:
    """Two mailboxes bring the same message at the same moment."""
    answers = at_once(12, lambda _: log(crm, "a1@x", in_reply_to="<a0@x>"))
    assert len({each["email"]["id"] for each in answers}) == 1
    assert sorted(each["outcome"] for each in answers) == ["created"] + ["unchanged"] * 11


def test_people_at_the_other_end_are_made_when_asked(crm: Any) -> None:
    """The sender of what came in, the recipients of what went out; our own side becomes nobody."""
    incoming = log(crm, "1@x", create_missing=True)
    assert [each["name"] for each in incoming["created_contacts"]] == ["Ida Lund"]
    outgoing = {"direction": "out", "from": "me@kontor.example", "to": ["Bo <bo@x.example>"], "cc": ["cy@x.example"]}
    sent = log(crm, "2@x", **outgoing, create_missing=True)
    assert [each["name"] for each in sent["created_contacts"]] == ["Bo", "cy@x.example"]
    assert sent["unknown_participants"] == []
    assert crm.do("crm_search_customers", query="kontor.example")["total"] == 0


def test_bounces_and_opt_outs_are_kept_at_the_address(crm: Any, ida: str) -> None:
    """As a change of the contact, once, also after the message was logged; an address nobody has is warned of."""
    log(crm, "1@x")
    flagged = log(crm, "1@x", bounced=["IDA@hafen.example"], opted_out=["Ida <ida@hafen.example>", "no@x.example"])
    assert (flagged["outcome"], flagged["flagged_contact_ids"]) == ("unchanged", [ida])
    assert [each["code"] for each in flagged["warnings"]] == ["address_unknown"]
    contact = crm.do("crm_get_record", id=ida, include=["history"])
    address = contact["contact"]["emails"][0]
    assert (address["bounced"], address["opted_out"], contact["version"]) == (True, True, 2)
    (change,) = contact["history"][0]["changes"]
    assert (change["field"], change["before"]) == ("email_states", [])
    assert (change["after"][0]["bounced"], change["after"][0]["opted_out"]) == (True, True)
    assert log(crm, "1@x", bounced=["ida@hafen.example"])["flagged_contact_ids"] == []
    assert crm.do("crm_get_record", id=ida)["version"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"message_id": ""}, "message_id"),
        ({"message_id": "<a@x><b@x>"}, "message_id"),
        ({"message_id": "a b"}, "message_id"),
        ({"message_id": "x" * 999}, "message_id"),
        ({"direction": ""}, "direction"),
        ({"from": ""}, "from"),
        ({"from": "undisclosed-recipients:;"}, "from"),
        ({"from": "a@x.example\r\nBcc: b@x.example"}, "from"),
        ({"sent_at": "2999-01-01T00:00:00Z"}, "sent_at"),
        ({"sent_at": "Fri, 30 Jan 2026 10:00:00 +0100"}, "sent_at"),
        ({"bounced": ["nobody"]}, "bounced[0]"),
        ({"body": "x" * 50_001}, "body"),
    ],
)
def test_a_bad_message_is_refused(crm: Any, ida: str, body: dict[str, Any], field: str) -> None:
    """Named by field, and nothing is written."""
    refusal = crm.refused("crm_log_email_engagement", **{**LETTER, "message_id": "1@x", **body})
    assert (refusal["code"], refusal["field"]) == ("invalid_field", field)
    assert crm.do("crm_get_timeline", record_id=ida, kinds=["email"])["total"] == 0


def test_an_unreadable_recipient_does_not_cost_the_message(crm: Any, ida: str) -> None:
    """It is left out and warned of; international and quoted addresses are read."""
    odd = ['"Lund, Ida" <ida@hafen.example>', "undisclosed-recipients:;", "dörte@grün.example"]
    answer = log(crm, "1@x", to=odd)
    assert [each["code"] for each in answer["warnings"]] == ["address_unreadable"]
    assert [each["email"] for each in answer["unknown_participants"]] == ["dörte@grün.example"]


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        ("<a@x> <b@x>", ["a@x", "b@x"]),
        ("<a@x>\t<b@x>", ["a@x", "b@x"]),
        ("<a@x><b@x>", ["a@x", "b@x"]),
        ("a@x b@x", ["a@x", "b@x"]),
        ("Message of Friday <a@x>", ["a@x"]),
        ("<a@x", ["a@x"]),
        ("", []),
        ("<>", []),
    ],
)
def test_ids_are_read_from_headers(header: str, ids: list[str]) -> None:
    """With and without brackets, folded and run together."""
    assert message_ids(header) == ids


def test_a_message_does_not_refer_to_itself() -> None:
    """Its own id and repeats are dropped, and of too many the last are kept."""
    assert referred("a@x", ["<a@x> <b@x>", "<b@x>"]) == ["b@x"]
    assert referred("a@x", [f"<{at}@x>" for at in range(300)])[0] == "100@x"


def test_messages_work_over_grpc(crm: Any, ida: str) -> None:
    """An agent with a grant logs them."""
    email = crm.agent().over_grpc("crm_log_email_engagement", **LETTER, message_id="1@x")["email"]
    assert [each["id"] for each in email["records"]] == [ida]
