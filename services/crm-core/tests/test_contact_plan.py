"""What wishes make of contacts, decided without a database."""

from dataclasses import replace
from uuid import UUID

import pytest
from kontor_protos.kontor.crm.v1.common_pb import ExternalId
from kontor_protos.kontor.crm.v1.contacts_pb import EmailState, UpsertContactRequest

from kontor_crm_core.contact.blocks import block_keys
from kontor_crm_core.contact.employer import Companies, employment
from kontor_crm_core.contact.plan import plan_upsert
from kontor_crm_core.contact.rules import Consent, ConsentWish, consented, ends_unfounded
from kontor_crm_core.contact.state import Address, ContactState, Employer
from kontor_crm_core.contact.wanted import WantedContact, wanted_contact
from kontor_crm_core.identity.parse import parse_phone
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.plans import Options
from kontor_platform.contract.problem import Gone, InvalidField, NotFound
from kontor_platform.data.records.terms import Field, address
from kontor_platform.runtime.principal import TenantSettings

ID, OWNER = UUID(int=1), UUID(int=2)
ACME, GLOBEX = Employer(UUID(int=3), "Acme GmbH"), Employer(UUID(int=4), "Globex")
OPTIONS = Options("DE", owner=OWNER)
JANE = ContactState(
    ID,
    version=3,
    first_name="Jane",
    last_name="Doe",
    owner_id=OWNER,
    emails=[Address("Jane@a.example", "jane@a.example")],
    phones=[parse_phone("030 1234567", "DE")],
    external_ids=[ForeignId("hubspot", "7")],
    company=ACME,
)


def wanted(**fields: object) -> WantedContact:
    """A wish as a request gives it."""
    return wanted_contact(UpsertContactRequest(**fields), TenantSettings(region="DE"))  # type: ignore[arg-type]


def test_a_new_contact_is_planned_whole() -> None:
    """Every column is given, what identifies it lies on its shelves, and its terms tell where they stand."""
    ids = [ExternalId(system="HubSpot", value="7")]
    plan = plan_upsert(None, wanted(name="Jane Doe", email="J@a.example", external_ids=ids), OPTIONS, ID, ACME)
    planned = plan.planned
    assert planned is not None
    assert (planned.is_new, planned.id, planned.values["name_key"], planned.values["owner_id"]) == (
        True,
        ID,
        "jane doe",
        OWNER,
    )
    assert [change.shelf.table.name for change in planned.shelves] == ["contact_email", "external_id"]
    assert plan.changed == ["first_name", "last_name", "owner_id", "emails", "external_ids", "company"]
    terms = planned.terms
    assert terms is not None
    assert (terms["jane"], terms[address("j@a.example")], terms["acme"], terms["7"]) == (
        Field.NAME,
        Field.EMAIL,
        Field.COMPANY,
        Field.EXTERNAL_ID,
    )


def test_what_is_there_already_changes_nothing() -> None:
    """The same values in other spellings come to no change, no version and no terms."""
    same = wanted(name="Doe, Jane", email="jane@A.example", phone="+49 30 1234567", owner_id=str(OWNER))
    plan = plan_upsert(JANE, same, replace(OPTIONS, owners={str(OWNER): OWNER}), ID, ACME)
    assert (plan.outcome, plan.planned, plan.retold) == ("unchanged", None, None)


def test_another_company_changes_terms_alone() -> None:
    """Who works for another company is found by its name, and the contact's version stays."""
    plan = plan_upsert(JANE, wanted(id=str(ID)), OPTIONS, ID, GLOBEX)
    assert (plan.outcome, plan.changed, plan.planned) == ("updated", ["company"], None)
    assert plan.retold is not None
    assert "globex" in (plan.retold.terms or {})
    assert "acme" not in (plan.retold.terms or {})


def test_only_what_differs_is_written() -> None:
    """An update gives the columns that change, the shelf rows that change, and every change with both values."""
    wish = wanted(id=str(ID), last_name="Roe", emails=["new@a.example"], clear=["phones"])
    plan = plan_upsert(JANE, wish, OPTIONS, ID, None)
    planned = plan.planned
    assert planned is not None
    assert set(planned.values) == {"name", "name_key", "last_name"}
    changed = {change.shelf.table.name: (len(change.added), len(change.removed)) for change in planned.shelves}
    assert changed == {"contact_email": (1, 0), "contact_phone": (0, 1)}
    assert [(each.field, each.before, each.after) for each in planned.changes] == [
        ("last_name", "Doe", "Roe"),
        ("emails", ["Jane@a.example"], ["Jane@a.example", "new@a.example"]),
        ("phones", ["030 1234567"], []),
    ]


def test_an_address_of_nobody_has_no_state() -> None:
    """What is said of an address that the contact will not have is refused where it was said."""
    told = [EmailState(address="x@a.example", bounced=True)]
    with pytest.raises(InvalidField) as refused:
        plan_upsert(JANE, wanted(id=str(ID), email_states=told), OPTIONS, ID, None)
    assert refused.value.field == "email_states[0].address"


@pytest.mark.parametrize(
    ("held", "wish", "after", "unfounded"),
    [
        (Consent(), ConsentWish(), Consent(), False),
        (Consent(), ConsentWish(opted_out=True), Consent(opted_out=True), False),
        (Consent(opted_out=True), ConsentWish(), Consent(opted_out=True), False),
        (Consent(opted_out=True), ConsentWish(opted_out=False), Consent(opted_out=True), True),
        (Consent(opted_out=True), ConsentWish(opted_out=False, basis="b"), Consent(basis="b"), False),
        (Consent(opted_out=True), ConsentWish(basis="b"), Consent(opted_out=True, basis="b"), False),
        (Consent(bounced=True, basis="a"), ConsentWish(bounced=False), Consent(basis="a"), False),
    ],
)
def test_consent(held: Consent, wish: ConsentWish, after: Consent, unfounded: bool) -> None:
    """An opt-out ends only on a ground told with it; a bounce comes and goes; a ground stays until another is told."""
    assert consented(held, wish) == after
    assert ends_unfounded(held, wish) is unfounded


def known(*, present: bool = True) -> Companies:
    """Acme has a domain, Globex a name that two others have too."""
    companies = Companies()
    companies.add(ACME, "acme.example", "Acme GmbH")
    companies.add(GLOBEX, "", "Globex")
    companies.redirected = {ACME.id: ACME.id, GLOBEX.id: GLOBEX.id}
    companies.deleted = set() if present else {GLOBEX.id}
    return companies


NOBODY = ContactState(ID)


@pytest.mark.parametrize(
    ("fields", "present", "company"),
    [
        ({"name": "Jane"}, NOBODY, None),
        ({"email": "j@acme.example"}, NOBODY, ACME),
        ({"email": "j@acme.example"}, JANE, None),
        ({"email": "j@acme.example", "company": "Globex"}, NOBODY, ACME),
        ({"email": "j@other.example", "company": "globex"}, NOBODY, GLOBEX),
        ({"company": "ACME gmbh"}, JANE, None),
        ({"company": "Globex"}, JANE, GLOBEX),
        ({"company_domain": "acme.example", "company": "Globex"}, NOBODY, ACME),
        ({"company_id": str(GLOBEX.id), "company_domain": "acme.example"}, JANE, GLOBEX),
        ({"company": "Nobody"}, JANE, None),
    ],
)
def test_employment(fields: dict[str, object], present: ContactState, company: Employer | None) -> None:
    """An id tells the company, else a domain, else the address, else the only one of the name."""
    assert employment(wanted(**({"phone": "030 1234567"} | fields)), present, known()).company == company


def test_a_company_that_is_not_there() -> None:
    """An unknown id and a deleted company are refused."""
    with pytest.raises(NotFound):
        employment(wanted(email="j@b.example", company_id=str(UUID(int=9))), None, known())
    with pytest.raises(Gone):
        employment(wanted(email="j@b.example", company_id=str(GLOBEX.id)), None, known(present=False))


def test_companies_made_on_the_way_are_found_by_those_who_come_later() -> None:
    """One company is made of a name and domain, and taken back where its wish is refused after all."""
    companies = known()
    first = employment(wanted(email="a@new.example", company="New", create_company=True), None, companies)
    later = employment(wanted(email="b@new.example", company="Other", create_company=True), None, companies)
    named = employment(wanted(email="c@gmail.com", company="NEW", create_company=True), None, companies)
    assert first.company == later.company == named.company
    assert [(each.name, each.domain) for each in companies.made] == [("New", "new.example")]
    companies.unmake(0)
    assert employment(wanted(email="d@new.example", company="New"), None, companies).company is None


def test_several_companies_of_a_name_are_not_chosen_from() -> None:
    """The warning names them, and no further one is made."""
    companies = known()
    companies.add(Employer(UUID(int=5), "GLOBEX"), "", "GLOBEX")
    told = employment(wanted(email="j@b.example", company="Globex", create_company=True), None, companies)
    assert (told.company, [each.code for each in told.warnings], companies.made) == (None, ["company_ambiguous"], [])


def test_block_keys() -> None:
    """Tags and dots, the order and the sound of a name do not keep two records of one person apart."""
    jane = set(block_keys("Jane", "Smith", ["j.smith+news@acme.example", "x@gmail.com"]))
    assert jane >= set(block_keys("Smyth", "Jane", []))
    assert "e:jsmith@acme.example" in jane
    assert {"d:acme.example:smith", "d:acme.example:jane"} <= jane
    assert not any(each.startswith("d:gmail.com") for each in jane)
    assert set(block_keys("太郎", "山田", [])) >= {"m:山田:太"}
    assert list(block_keys("", "", [])) == []
