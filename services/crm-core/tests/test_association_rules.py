"""What a wish for links comes to."""

from uuid import UUID

import pytest

from kontor_crm_core.association.properties.rules import BadProperty, read_all
from kontor_crm_core.association.rules import Edge, LabelMode, LinkWish, Occupied, plan_links, plan_unlinks
from kontor_crm_core.association.types.rules import STANDARD, Unlinkable, directed, link_type

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def wish(edge: Edge, mode: LabelMode = LabelMode.ADD, **props: str | float | None) -> LinkWish:
    """The wish for a link."""
    return LinkWish(*edge.key, edge.labels, edge.is_primary, props, mode)


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
    [("", "contact", "contact"), ("deal_company", "contact", "company"), ("deal_contact", "task", "deal")],
)
def test_unlinkable(wanted: str, one: str, other: str) -> None:
    """What has no type, several, or another one is refused with the types there are."""
    with pytest.raises(Unlinkable) as refused:
        link_type(wanted, one, other)
    assert refused.value.allowed


def test_first_company_is_the_main_one() -> None:
    """A contact's first company is its main one, and a repeat changes nothing."""
    plan = plan_links([wish(works_at(B))], [], replacing=False)
    assert plan.inserts == [works_at(B, is_primary=True)]
    again = plan_links([wish(works_at(B))], plan.inserts, replacing=False)
    assert (again.inserts, again.updates, again.unchanged) == ([], [], plan.inserts)


def test_new_main_link_lets_the_other_step_back() -> None:
    """There is one main link of a type."""
    plan = plan_links([wish(works_at(C, is_primary=True))], [works_at(B, is_primary=True)], replacing=False)
    assert plan.inserts == [works_at(C, is_primary=True)]
    assert plan.updated == [works_at(B)]


def test_labels_are_joined() -> None:
    """Further labels join those a link has."""
    present = works_at(B, "owner", is_primary=True)
    plan = plan_links([wish(works_at(B, "chair", "owner"))], [present], replacing=False)
    assert plan.updates == [(present, works_at(B, "owner", "chair", is_primary=True))]


@pytest.mark.parametrize(
    ("mode", "left"), [(LabelMode.REPLACE, ("chair",)), (LabelMode.REMOVE, ("owner",)), (LabelMode.ADD, None)]
)
def test_labels_are_replaced_or_taken_away(mode: LabelMode, left: tuple[str, ...] | None) -> None:
    """As the mode says; what is so already changes nothing."""
    present = works_at(B, "owner", "chair", is_primary=True)
    plan = plan_links([wish(works_at(B, "chair"), mode)], [present], replacing=False)
    assert [each.labels for each in plan.updated] == ([left] if left else [])


def test_labels_are_not_taken_from_a_link_that_is_not_there() -> None:
    """Taking a label away makes no link."""
    plan = plan_links([wish(works_at(B, "chair"), LabelMode.REMOVE)], [], replacing=False)
    assert (plan.inserts, plan.updates, plan.deletes) == ([], [], [])


def test_properties_join_and_go() -> None:
    """Properties given are set, None takes one away, others stay."""
    present = Edge("contact_company", A, B, (), True, {"role": "CTO", "department": "IT"})
    plan = plan_links([wish(present, role="CEO", department=None, since="2026-01-01")], [present], replacing=False)
    assert [each.props for each in plan.updated] == [{"role": "CEO", "since": "2026-01-01"}]
    assert plan_links([wish(present, role="CTO")], [present], replacing=False).unchanged == [present]


@pytest.mark.parametrize(
    ("type_key", "given", "read"),
    [
        (
            "contact_company",
            {"role": " Che\u0301f ", "since": "2026-02-28"},
            {"role": "Ch\u00e9f", "since": "2026-02-28"},
        ),
        ("subsidiary_of", {"share": "51.5", "since": None}, {"share": 51.5, "since": None}),
        ("subsidiary_of", {"share": 100.0, "until": ""}, {"share": 100, "until": None}),
        ("deal_contact", {"influence": "HIGH"}, {"influence": "high"}),
    ],
)
def test_properties_are_typed(type_key: str, given: dict[str, object], read: dict[str, object]) -> None:
    """Each is read as its type has it; null and an empty text take it away."""
    assert read_all(STANDARD[type_key].properties, given.items()) == read


@pytest.mark.parametrize(
    ("type_key", "given"),
    [
        ("contact_company", {"rank": "1"}),
        ("contact_company", {"since": "2026-02-30"}),
        ("contact_company", {"since": 20260228}),
        ("contact_company", {"role": "two\nlines"}),
        ("contact_company", {"role": "x" * 201}),
        ("subsidiary_of", {"share": 101}),
        ("subsidiary_of", {"share": True}),
        ("subsidiary_of", {"share": float("nan")}),
        ("deal_contact", {"influence": "decisive"}),
    ],
)
def test_a_bad_property_is_refused(type_key: str, given: dict[str, object]) -> None:
    """Unknown names, other types and what lies out of range are named."""
    with pytest.raises(BadProperty) as refused:
        read_all(STANDARD[type_key].properties, given.items())
    assert refused.value.name in given


def test_one_company_per_deal() -> None:
    """A record that can have one link gets another only in its place."""
    with pytest.raises(Occupied):
        plan_links([wish(is_with(C))], [is_with(B)], replacing=False)
    plan = plan_links([wish(is_with(C))], [is_with(B)], replacing=True)
    assert (plan.inserts, plan.deletes) == ([is_with(C)], [is_with(B)])


def test_cardinality_holds_in_both_directions() -> None:
    """A deal renews one and is renewed by one; either is replaced only when asked."""
    present = Edge("renewal_of", A, B)
    for other in (Edge("renewal_of", A, C), Edge("renewal_of", C, B)):
        with pytest.raises(Occupied) as occupied:
            plan_links([wish(other)], [present], replacing=False)
        assert occupied.value.present == present
        plan = plan_links([wish(other)], [present], replacing=True)
        assert (plan.inserts, plan.deletes) == ([other], [present])
    both = plan_links([wish(Edge("renewal_of", A, C))], [present, Edge("renewal_of", B, C)], replacing=True)
    assert both.deletes == [present, Edge("renewal_of", B, C)]


def test_unlinking_passes_the_main_link_on() -> None:
    """When the main company goes, the next one takes its place; what was not there is unchanged."""
    plan = plan_unlinks(
        [wish(works_at(B)), wish(Edge("contact_company", B, C))], [works_at(B, is_primary=True), works_at(C)]
    )
    assert plan.deletes == [works_at(B, is_primary=True)]
    assert plan.updated == [works_at(C, is_primary=True)]
    assert plan.unchanged == [Edge("contact_company", B, C)]
