"""The blocklist: fed by another service, enforced where addresses come in."""

import json
from typing import Any

import grpc
import pytest
from kontor_protos.kontor.crm.v1 import blocklist_pb as pb

from kontor_crm_core.blocklist.rules import digest
from kontor_platform.contract.problem import Conflict

from .importing import Importer

RPC = "/kontor.crm.v1.Blocklist"
SECRET = b"the tenant's secret, 32 bytes   "
GONE = "gone@hafen.example"


def put(crm: Any, *addresses: str, key: bytes = SECRET, **more: Any) -> pb.BlocklistPutResponse:
    """Feeds addresses."""
    entries = [pb.BlocklistEntry(digest=digest(key, each)) for each in addresses]
    answer: pb.BlocklistPutResponse = crm.internal(
        f"{RPC}/Put", pb.BlocklistPutRequest(key=key, entries=entries, **more), pb.BlocklistPutResponse
    )
    return answer


def listed(crm: Any, size: int = 0) -> list[str]:
    """All digests, page by page."""
    found, cursor = [], ""
    while True:
        page = crm.internal(
            f"{RPC}/List", pb.BlocklistListRequest(page_size=size, cursor=cursor), pb.BlocklistListResponse
        )
        found += [each.digest for each in page.entries]
        cursor = page.next_cursor
        if not cursor:
            return found


def test_the_feed_adds_takes_off_and_replaces(crm: Any) -> None:
    """Repeating it changes nothing; pages hold each entry once; another tenant sees none of it."""
    first = put(crm, "a@x.example", "b@x.example")
    again = put(crm, "a@x.example", "b@x.example")
    assert ((first.added, first.total), (again.added, again.total)) == ((2, 2), (0, 2))
    assert listed(crm, 1) == sorted(digest(SECRET, each) for each in ("a@x.example", "b@x.example"))
    off = put(crm, key=b"", removed=[digest(SECRET, "a@x.example")])
    assert (off.removed, off.total) == (1, 1)
    assert listed(crm.stranger()) == []
    other = b"another secret"
    with pytest.raises(grpc.RpcError) as refused:
        put(crm, "c@x.example", key=other)
    assert refused.value.code() is grpc.StatusCode.ABORTED
    whole = put(crm, "c@x.example", key=other, replace=True)
    assert (whole.added, whole.removed, whole.total) == (1, 1, 1)
    with pytest.raises(grpc.RpcError, match="need the key"):
        put(crm.stranger(), key=b"")


def test_only_services_feed_it(crm: Any) -> None:
    """A person's passport is refused, and there is no route."""
    with pytest.raises(grpc.RpcError) as refused:
        crm.unary(f"{RPC}/List", pb.BlocklistListRequest(), pb.BlocklistListResponse)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_blocklisted_people_are_left_out_and_counted(crm: Any, deal: str, stack: Any) -> None:
    """In e-mail, calls and meetings, in whatever spelling, also where contacts were to be made; none of it is kept."""
    put(crm, GONE)
    letter = {"direction": "in", "from": f"Gone <{GONE.upper()}>", "to": [GONE, "stays@hafen.example"]}
    mail = crm.do(
        "crm_log_email_engagement", **letter, message_id="1@x", record_ids=[deal], create_missing=True, subject="Hi"
    )
    people = [{"email": GONE, "name": "Gone"}, {"email": "stays@hafen.example"}]
    call = crm.do("crm_log_call", direction="in", participants=people, record_ids=[deal], create_missing=True)
    meeting = crm.do("crm_log_meeting", subject="Met", starts_at="2026-01-30", attendees=people, record_ids=[deal])
    logged = (mail["email"], call["call"], meeting["meeting"])
    assert [each["left_out"] for each in logged] == [1, 1, 1]
    assert "1 participant was left out" in call["summary"]
    assert GONE not in json.dumps([mail, call, meeting]).lower()
    assert crm.do("crm_search_customers", query=GONE)["total"] == 0
    with stack.sql("crm-core") as connection:
        query = "SELECT count(*) FROM crm_core.activity_participant WHERE tenant_id = %s AND email_key = %s"
        assert connection.execute(query, (crm.principal.tenant, GONE)).fetchone() == (0,)


def test_a_blocklisted_address_is_given_to_no_contact(crm: Any) -> None:
    """In whatever spelling and field it is refused and nothing is made; who has it already may lose it."""
    held = crm.do("crm_upsert_contact", emails=["stays@hafen.example", GONE])["contact"]["id"]
    put(crm, GONE, "other@hafen.example")
    for body in ({"email": "OTHER@hafen.example"}, {"email": "new@hafen.example", "emails": ["other@hafen.example"]}):
        refusal = crm.refused("crm_upsert_contact", name="Gone", **body)
        assert (refusal["code"], refusal["field"]) == ("blocklisted", "email")
    assert crm.refused("crm_upsert_contact", id=held, email="other@hafen.example")["code"] == "blocklisted"
    assert crm.do("crm_search_customers", query="other@hafen.example")["total"] == 0
    assert crm.do("crm_upsert_contact", id=held, title="CEO", email="stays@hafen.example")["outcome"] == "updated"
    removed = crm.do("crm_upsert_contact", id=held, email=GONE, multi_value_mode="remove")
    assert [each["address"] for each in removed["contact"]["emails"]] == ["stays@hafen.example"]
    assert crm.refused("crm_upsert_contact", id=held, email=GONE)["code"] == "blocklisted"


def test_contacts_are_refused_a_blocklisted_address(crm: Any, contact: str) -> None:
    """New ones and those there are, in whatever spelling; taking such an address away stays possible."""
    held = crm.do("crm_upsert_contact", name="Gone", email=GONE)["contact"]["id"]
    other = "else@hafen.example"
    put(crm, GONE, other)
    for body in ({"name": "New"}, {"id": contact}, {"id": contact, "multi_value_mode": "replace"}):
        refusal = crm.refused("crm_upsert_contact", email=other.upper(), **body)
        assert (refusal["code"], refusal["field"]) == ("blocklisted", "email")
    assert crm.do("crm_get_record", id=contact)["version"] == 1
    assert crm.do("crm_upsert_contact", id=held, city="Bonn")["outcome"] == "updated"
    off = crm.do("crm_upsert_contact", id=held, emails=[GONE], multi_value_mode="remove")
    assert not off["contact"].get("emails")


async def test_rows_with_a_blocklisted_address_fail_alone(crm: Any, importer: Importer) -> None:
    """In the trial and in the run, under the code that stays; the other rows are written."""
    put(crm, GONE)
    rows = f"First Name,Email\nGone,{GONE}\nJane,jane@x.example\n"
    for told in (await importer.try_(rows), await importer.tell(rows)):
        assert (told.created, told.failed) == (1, 1)
        assert [str(each.code) for each in told.problems] == ["blocklisted"]
    assert crm.do("crm_search_customers", query="gone")["total"] == 0


def test_merges_bring_no_blocklisted_address_back(crm: Any, contact: str) -> None:
    """Neither a merge nor taking one apart stores it again; the refusal changes nothing."""
    other = crm.do("crm_upsert_contact", name="J. Doe", email=GONE)["contact"]["id"]
    put(crm, GONE)
    with pytest.raises(Conflict, match="blocklist"):
        crm.over_grpc("crm_merge_contacts", winner_id=contact, loser_ids=[other])
    assert crm.do("crm_get_record", id=other)["contact"]["emails"][0]["address"] == GONE
    put(crm, key=b"", removed=[digest(SECRET, GONE)])
    crm.over_grpc("crm_merge_contacts", winner_id=contact, loser_ids=[other])
    put(crm, GONE)
    with pytest.raises(Conflict, match="blocklist"):
        crm.over_grpc("crm_unmerge_contacts", contact_id=other)
    assert crm.do("crm_get_record", id=other)["id"] == contact


def test_lookup_tells_of_blocklisted_addresses(crm: Any, contact: str) -> None:
    """They are named, and who has no other may not be written to."""
    assert crm.do("crm_lookup_customer", query=contact)["consent"]["may_email"]
    put(crm, "jane@acme.example")
    consent = crm.do("crm_lookup_customer", query=contact)["consent"]
    assert (consent["may_email"], consent["blocklisted"]) == (False, ["jane@acme.example"])
