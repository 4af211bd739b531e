"""What a wish for links comes to."""

from uuid import UUID

import pytest

from kontor_crm_core.association.rules import Edge, Occupied, Unlinkable, directed, link_type, plan_links, plan_unlinks

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def works_at(company: UUID, *labels: str, is_primary: bool = False) -> Edge:
    """A link of contact A to a company."""
    return Edge("contact_company", A, company, labels, is_primary)


def is_with(company: UUID) -> Edge:
    """A link of deal A to a company."""
    return Edge("deal_company", A, company, (), True)


def test_type_follows_from_records() -> None:
    """Two kinds of record that can be linked one way need no type, in either order."""
    assert link_type("", "company", "contact").key == "contact_company"
    assert directed(link_type("", "company", "contact"), (B, A), "company") == (A, B)


@pytest.mark.parametrize(
    ("wanted", "one", "other"),
    [("", "contact", "contact"), ("deal_company", "contact", "company"), ("", "task", "deal")],
)
def test_unlinkable(wanted: str, one: str, other: str) -> None:
    """What has no type, several, or another one is refused with the types there are."""
    with pytest.raises(Unlinkable) as refused:
        link_type(wanted, one, other)
    assert refused.value.allowed


def test_first_company_is_the_main_one() -> None:
    """A contact's first company is its main one, and a repeat changes nothing."""
    plan = plan_links([works_at(B)], [], replacing=False)
    assert plan.inserts == [works_at(B, is_primary=True)]
    again = plan_links([works_at(B)], plan.inserts, replacing=False)
    assert (again.inserts, again.updates, again.unchanged) == ([], [], plan.inserts)


def test_new_main_link_lets_the_other_step_back() -> None:
    """There is one main link of a type."""
    plan = plan_links([works_at(C, is_primary=True)], [works_at(B, is_primary=True)], replacing=False)
    assert plan.inserts == [works_at(C, is_primary=True)]
    assert plan.updates == [works_at(B)]


def test_labels_are_joined() -> None:
    """Further labels join those a link has."""
    plan = plan_links([works_at(B, "chair", "owner")], [works_at(B, "owner", is_primary=True)], replacing=False)
    assert plan.updates == [works_at(B, "owner", "chair", is_primary=True)]


def test_one_company_per_deal() -> None:
    """A record that can have one link gets another only in its place."""
    with pytest.raises(Occupied):
        plan_links([is_with(C)], [is_with(B)], replacing=False)
    plan = plan_links([is_with(C)], [is_with(B)], replacing=True)
    assert (plan.inserts, plan.deletes) == ([is_with(C)], [is_with(B)])


def test_unlinking_passes_the_main_link_on() -> None:
    """When the main company goes, the next one takes its place; what was not there is unchanged."""
    plan = plan_unlinks([works_at(B), Edge("contact_company", B, C)], [works_at(B, is_primary=True), works_at(C)])
    assert plan.deletes == [works_at(B, is_primary=True)]
    assert plan.updates == [works_at(C, is_primary=True)]
    assert plan.unchanged == [Edge("contact_company", B, C)]
