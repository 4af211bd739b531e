"""A customer is found by whatever is known of it and answered whole."""

import json
from typing import Any

import pytest
from kontor_protos.kontor.crm.v1 import customers_pb as pb

from kontor_crm_core.customer.telling import name_owner
from kontor_platform.runtime.peers import GOVERNANCE, Peers

from .inside import calling, working


@pytest.fixture
def jane(crm: Any, company: str) -> str:
    """A contact with every kind of key."""
    made = crm.do(
        "crm_upsert_contact",
        name="Jané Doe",
        email="Jane.Doe@acme.example",
        phone="0170 1234567",
        external_ids=[{"system": "hubspot", "value": "HS-7"}],
    )
    return str(made["contact"]["id"])


def found(crm: Any, query: str) -> dict[str, Any]:
    """The answer to a lookup."""
    answer: dict[str, Any] = crm.do("crm_lookup_customer", query=query)
    return answer


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("JANE.doe@acme.example", "email"),
        ("+49 170 123 45 67", "phone"),
        ("0170/1234567", "phone"),
        ("HS-7", "external_id"),
        ("jane DOE", "name"),
        ("doe", "name"),
    ],
)
def test_any_key_finds(crm: Any, jane: str, query: str, key: str) -> None:
    """Address, number in any spelling, foreign id and name lead to the contact with its company and owner."""
    answer = found(crm, query)
    assert (answer["outcome"], answer["matched_by"], answer["contact"]["id"]) == ("found", key, jane)
    assert answer["company"]["name"] == "Acme GmbH"
    assert answer["owner"]["id"] == str(crm.principal.actor)


def test_company_by_domain_and_id(crm: Any, company: str) -> None:
    """A company is found by its domain, its web address and its id."""
    for query in ("acme.example", "https://www.acme.example/x", company):
        answer = found(crm, query)
        assert (answer["outcome"], answer["type"], answer["company"]["id"]) == ("found", "company", company)


def test_whole_picture(crm: Any, jane: str, company: str) -> None:
    """Open deals with stage and days in it, last activities, open tasks and counts come with the customer."""
    crm.do("crm_create_deal", name="Widgets", amount="12500.5", currency="EUR", contact_ids=[jane], company_id=company)
    crm.do("crm_create_note", body="Called about widgets", record_ids=[jane])
    crm.do("crm_create_task", title="Send offer", record_ids=[jane])
    answer = found(crm, jane)
    deal = answer["open_deals"][0]
    assert (deal["name"], deal["amount"], deal["days_in_stage"]) == ("Widgets", "12500.50", 0)
    assert deal["stage"]
    assert answer["last_activities"][0]["line"] == "Called about widgets"
    assert answer["open_tasks"][0]["title"] == "Send offer"
    counts = {"contacts": 0, "companies": 1, "deals": 1, "open_deals": 1, "activities": 1, "open_tasks": 1}
    assert answer["counts"] == counts
    assert found(crm, company)["counts"] == counts | {"contacts": 1, "companies": 0, "activities": 0, "open_tasks": 0}


def test_several_are_never_picked_from(crm: Any, jane: str) -> None:
    """Several matches are candidates with the evidence for each."""
    bob = crm.do("crm_upsert_contact", name="Bob", phone="0170 1234567", email="b@b.example", match_on=["email"])
    answer = found(crm, "0170 1234567")
    assert answer["outcome"] == "candidates"
    assert {each["id"] for each in answer["candidates"]} == {jane, bob["contact"]["id"]}
    assert {each["evidence"] for each in answer["candidates"]} == {"same phone number"}
    assert "contact" not in answer


def test_none_offers_names_near(crm: Any, jane: str) -> None:
    """Where nothing matches, names near the query are offered, and never more than three."""
    answer = found(crm, "jnae deo")
    assert (answer["outcome"], [each["id"] for each in answer["did_you_mean"]]) == ("none", [jane])
    assert found(crm, "zzzzzz")["did_you_mean"] == []


def test_budget(crm: Any, jane: str, company: str) -> None:
    """An answer has at most 8 KB and names what was cut."""
    crm.do("crm_upsert_company", id=company, description="ü" * 5000)
    crm.do("crm_upsert_contact", id=jane, emails=[f"{'x' * 60}{n}@{'y' * 60}.example" for n in range(20)])
    for number in range(6):
        crm.do("crm_create_note", body="n" * 5000, record_ids=[jane])
        crm.do("crm_create_task", title=f"{number} " + "t" * 190, record_ids=[jane])
    answer = found(crm, jane)
    assert len(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()) <= 8 * 1024
    assert answer["truncated"]
    assert answer["counts"]["open_tasks"] == 6


def test_foreign_customer_is_unknown(crm: Any, jane: str, nowhere: str) -> None:
    """Another tenant's customer is answered byte for byte like one that does not exist, by any key."""
    stranger = crm.stranger()
    answers = [stranger.send("crm_lookup_customer", query=each) for each in (jane, nowhere)]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    for query in ("jane.doe@acme.example", "0170 1234567", "HS-7", "jane doe"):
        assert found(stranger, query)["outcome"] == "none"
        assert found(stranger, query)["did_you_mean"] == []


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("John Smith", "Jhon Smiht"),
        ("Дмитрий Александров", "Дмитрй Алексндров"),
        ("김민수", "김민슈"),
        ("李小龙", "李小朋"),
        ("Wolfgang Brandenburger", "Wolfgang Meier"),
        ("प्रियंका शर्मा", "प्रियका शरमा"),
    ],
)
def test_names_of_every_script_are_offered(crm: Any, name: str, query: str) -> None:
    """A slip, or one word too many, leads to the name meant, in whatever script it is written."""
    made = crm.do("crm_upsert_contact", name=name)["contact"]["id"]
    answer = found(crm, query)
    assert (answer["outcome"], [each["id"] for each in answer["did_you_mean"]]) == ("none", [made])
    assert answer["did_you_mean"][0]["evidence"].endswith("name")


def test_more_are_meant_than_are_listed(crm: Any) -> None:
    """Of many who bear a name ten are listed, and the answer says that there are more."""
    for number in range(12):
        crm.do("crm_upsert_contact", name="Jane Doe", email=f"{number}@a.example")
    for query in ("jane doe", "jane"):
        answer = found(crm, query)
        assert (answer["outcome"], len(answer["candidates"])) == ("candidates", 10)
        assert answer["summary"].startswith("More than 10")


def test_a_word_of_many_is_no_pick(crm: Any, company: str) -> None:
    """One contact of a city or an employer is offered, not taken for the customer."""
    made = crm.do("crm_upsert_contact", name="Ida Lund", city="Aarhus")["contact"]["id"]
    answer = found(crm, "aarhus")
    assert (answer["outcome"], answer["candidates"][0]["id"]) == ("candidates", made)
    assert answer["candidates"][0]["evidence"] == "same word in city"


def test_a_merged_id_answers_the_present_record(crm: Any, jane: str, nowhere: str, stack: Any) -> None:
    """The id of a merged record leads to the one it was merged into and says so, in its own tenant alone."""
    with stack.sql("crm-core") as connection:
        connection.execute("SET search_path TO crm_core")
        connection.execute(
            "INSERT INTO redirect (tenant_id, old_id, present_id) VALUES (%s, %s, %s)",
            (crm.principal.tenant, nowhere, jane),
        )
    answer = found(crm, nowhere)
    assert (answer["outcome"], answer["contact"]["id"], answer["redirected_from"]) == ("found", jane, nowhere)
    assert found(crm, jane).get("redirected_from", "") == ""
    assert crm.stranger().refused("crm_lookup_customer", query=nowhere)["code"] == "not_found"


def test_deleted_and_other_records_are_no_customers(crm: Any, deal: str, jane: str, stack: Any) -> None:
    """A deal's id is unknown here, and a deleted contact's id says that it is gone."""
    assert crm.refused("crm_lookup_customer", query=deal)["code"] == "not_found"
    with stack.sql("crm-core") as connection:
        connection.execute("SET search_path TO crm_core")
        for table in ("record", "contact"):
            connection.execute(f"UPDATE {table} SET deleted_at = now() WHERE id = %s".encode(), (jane,))
    assert crm.refused("crm_lookup_customer", query=jane)["code"] == "gone"


def test_consent(crm: Any, jane: str, stack: Any) -> None:
    """Opted out and bounced addresses are named, and whether one is left to write to."""
    crm.do("crm_upsert_contact", id=jane, emails=["jane@second.example"])
    assert found(crm, jane)["consent"] == {"may_email": True, "opted_out": [], "bounced": [], "blocklisted": []}
    with stack.sql("crm-core") as connection:
        connection.execute("SET search_path TO crm_core")
        connection.execute(
            "UPDATE contact_email SET opted_out = position = 0, bounced = position = 1 WHERE contact_id = %s", (jane,)
        )
    told = found(crm, jane)["consent"]
    assert (told["may_email"], len(told["opted_out"]), len(told["bounced"])) == (False, 1, 1)


def test_the_owner_is_named(crm: Any, jane: str, colleague: str) -> None:
    """By name and address; who owns records is no customer by that."""
    crm.do("crm_assign_owner", record_ids=[jane], owner=colleague)
    owner = found(crm, jane)["owner"]
    assert owner["id"] == colleague
    assert owner["name"]
    assert found(crm, owner["email"])["outcome"] == "none"


async def test_a_directory_that_is_down_fails_no_lookup(crm: Any, stack: Any) -> None:
    """The owner's name is left out, and a warning says why."""
    answer = pb.LookupCustomerResponse(owner=pb.Owner(id=str(crm.principal.actor)))
    async with working(stack) as work, calling(work, crm.principal) as call:
        call.peers = Peers({GOVERNANCE: "127.0.0.1:1"}, "nobody")
        await name_owner(call, answer)
    assert answer.owner is not None
    assert (answer.owner.name, [each.code for each in answer.warnings]) == ("", ["owner_unnamed"])


def test_segments_that_hold_it(crm: Any, jane: str) -> None:
    """The first five by key, and how many there are."""
    for at in range(7):
        crm.do("crm_create_segment", key=f"s{at}", type="contact", kind="static", add=[jane])
    answer = found(crm, jane)
    assert ([each["key"] for each in answer["segments"]], answer["segment_count"]) == (
        ["s0", "s1", "s2", "s3", "s4"],
        7,
    )
