"""A company is created or found by its keys, and changed as asked."""

from collections import Counter
from typing import Any

import pytest


def upserted(crm: Any, **body: Any) -> dict[str, Any]:
    """The answer to an upsert."""
    answer: dict[str, Any] = crm.do("crm_upsert_company", **body)
    return answer


def test_found_by_every_key(crm: Any) -> None:
    """A web address, a foreign id and, without either, the exact name find the company."""
    foreign = [{"system": "Salesforce", "value": "001x"}]
    made = upserted(crm, name="Acme GmbH", domain="https://www.acme.example/about", external_ids=foreign, employees=0)
    assert (made["company"]["domains"], made["company"]["employees"]) == (["acme.example"], 0)
    for key, body in (
        ("domain", {"domain": "ACME.example"}),
        ("external_id", {"external_ids": foreign}),
        ("name", {"name": "acme  GMBH"}),
    ):
        found = upserted(crm, **body)
        assert (found["outcome"], found["matched_by"]) == ("unchanged", key)
        assert found["company"]["id"] == made["company"]["id"]


def test_name_does_not_find_beside_another_key(crm: Any) -> None:
    """Two companies of one name with different domains are two companies; the name alone is then in doubt."""
    one = upserted(crm, name="Acme", domain="acme.example")["company"]["id"]
    two = upserted(crm, name="Acme", domain="acme.test")["company"]["id"]
    refusal = crm.refused("crm_upsert_company", name="Acme")
    assert (refusal["code"], set(refusal["ids"])) == ("ambiguous_match", {one, two})


def test_free_mail_domain_is_left_out(crm: Any) -> None:
    """A mail provider's domain identifies no company."""
    made = upserted(crm, name="Jane's Bakery", domain="gmail.com")
    assert (made["company"]["domains"], [each["code"] for each in made["warnings"]]) == ([], ["free_mail_domain"])


def test_update_and_clear(crm: Any) -> None:
    """Given fields change, cleared ones empty, the others stay."""
    made = upserted(crm, name="Acme", domain="acme.example", industry="Tools", city="Köln", employees=12)["company"]
    changed = upserted(crm, domain="acme.example", name="Acme AG", clear=["employees", "industry"])
    assert set(changed["changed"]) == {"name", "industry", "employees"}
    assert (changed["company"]["version"], changed["company"]["city"]) == (2, "Köln")
    assert "employees" not in changed["company"]
    assert crm.refused("crm_upsert_company", id=made["id"], city="B", expected_version=1)["code"] == "version_conflict"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"domain": "acme.example"}, "name"), ({"name": "A", "domain": "no domain"}, "domain")],
)
def test_faults_are_named(crm: Any, body: dict[str, Any], field: str) -> None:
    """A new company needs a name, and a domain must be one."""
    refusal = crm.refused("crm_upsert_company", **body)
    assert (refusal["code"], refusal["field"]) == ("invalid_field", field)


def test_renaming_reaches_its_people(crm: Any, company: str, contact: str) -> None:
    """Contacts are found by the present name of their company at once."""
    upserted(crm, id=company, name="Globex")
    assert [hit["id"] for hit in crm.do("crm_search_customers", query="jane globex")["hits"]] == [contact]
    assert crm.do("crm_search_customers", query="jane gmbh")["hits"] == []


@pytest.mark.parametrize("body", [{"name": "Same", "domain": "same.example"}, {"name": "Same"}])
def test_thirty_at_once_make_one(crm: Any, at_once: Any, body: dict[str, Any]) -> None:
    """Parallel upserts of one new company make one, by domain or by name."""
    answers = at_once(30, lambda _: upserted(crm, **body))
    assert Counter(each["outcome"] for each in answers) == {"created": 1, "unchanged": 29}
