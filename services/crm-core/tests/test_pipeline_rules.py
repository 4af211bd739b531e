from dataclasses import replace
from uuid import UUID

import pytest

from kontor_crm_core.pipeline.rules import (
    DEFAULT_STAGES,
    Kind,
    Plan,
    Present,
    Wanted,
    faults,
    heirs,
    in_use,
    kept_stages,
    matching,
    observed,
    plan,
    unknown_ids,
    with_heritage,
)

NEW, TALKS = Wanted("New", Kind.OPEN, probability=10), Wanted("Talks", Kind.OPEN, probability=40)
WON, LOST = Wanted("Won", Kind.WON), Wanted("Lost", Kind.LOST)
WHOLE = [NEW, TALKS, WON, LOST]
IDS = [UUID(int=number) for number in range(1, 5)]
THERE = [Present(stage_id, stage.label, stage.kind) for stage_id, stage in zip(IDS, WHOLE, strict=True)]


def used(place: int, deals: int) -> list[Present]:
    """The present stages with deals in one of them."""
    return [replace(stage, deals=deals) if at == place else stage for at, stage in enumerate(THERE)]


def planned(present: list[Present], wanted: list[Wanted], *reassign: tuple[str, str]) -> Plan:
    """The plan, which must be free of faults."""
    made = plan(present, wanted, reassign)
    assert isinstance(made, Plan)
    return made


def test_the_default_pipeline_keeps_its_own_rules() -> None:
    """What a new tenant gets could have been defined by a caller."""
    assert faults(DEFAULT_STAGES) == []
    assert faults(WHOLE) == []


@pytest.mark.parametrize(
    ("stages", "fields"),
    [
        ([], ["stages", "stages", "stages"]),
        ([NEW, WON], ["stages"]),
        ([*WHOLE, Wanted(" NEW ", Kind.OPEN, probability=1)], ["stages[0].label", "stages[4].label"]),
        ([*WHOLE, Wanted("  ", Kind.OPEN, probability=1)], ["stages[4].label"]),
        ([*WHOLE, Wanted("More", Kind.OPEN)], ["stages[4].probability"]),
        ([NEW, replace(WON, probability=90), LOST], ["stages[1].probability"]),
        ([NEW, WON, replace(LOST, probability=0)], []),
        ([NEW, replace(WON, forecast_category="commit"), LOST], ["stages[1].forecast_category"]),
        ([replace(NEW, forecast_category="closed"), WON, LOST], ["stages[0].forecast_category"]),
        ([replace(NEW, allowed_next=("won", "Nowhere")), WON, LOST], ["stages[0].allowed_next[1]"]),
        ([replace(NEW, id=IDS[0]), replace(TALKS, id=IDS[0]), WON, LOST], ["stages[0].id", "stages[1].id"]),
    ],
)
def test_a_definition_is_whole_and_consistent(stages: list[Wanted], fields: list[str]) -> None:
    """Every fault is told with the field that has it."""
    assert [fault.field for fault in faults(stages)] == fields


def test_a_stage_is_kept_by_id_or_label() -> None:
    """An id keeps the stage under a new label; its old label may then go to another stage."""
    renamed = [replace(NEW, label="Fresh", id=IDS[0]), Wanted("New", Kind.OPEN, probability=5), WON, LOST]
    assert kept_stages(THERE, renamed) == (THERE[0], None, THERE[2], THERE[3])
    exchanged = [replace(NEW, id=IDS[1]), replace(TALKS, id=IDS[0]), WON, LOST]
    assert kept_stages(THERE, exchanged) == (THERE[1], THERE[0], THERE[2], THERE[3])
    assert kept_stages(THERE, [replace(NEW, label="new"), WON, LOST])[0] == THERE[0]


def test_an_id_of_another_pipeline_is_refused() -> None:
    """Stages are not passed from pipeline to pipeline."""
    assert [fault.field for fault in unknown_ids(THERE, [replace(NEW, id=UUID(int=77)), WON, LOST])] == ["stages[0].id"]


def test_a_stage_in_use_leaves_only_with_a_new_home() -> None:
    """Deals are never left in a stage that is gone, and the refusal counts them."""
    shorter = [NEW, WON, LOST]
    (refusal,) = in_use(planned(used(1, 3), shorter), shorter)
    assert refusal[0].deals == 3
    assert "3 deals" in refusal[1]
    at_home = planned(used(1, 3), shorter, ("talks", "new"))
    assert in_use(at_home, shorter) == []
    assert at_home.moves == {IDS[1]: 0}
    assert in_use(planned(THERE, shorter), shorter) == []


def test_deals_stay_open_won_or_lost() -> None:
    """Neither reassigning nor redefining a stage wins or loses a deal in passing."""
    shorter = [NEW, WON, LOST]
    refused = plan(used(1, 3), shorter, [("Talks", "Won")])
    assert isinstance(refused, list)
    assert [(fault.field, fault.allowed) for fault in refused] == [("reassign[0].to", ("New",))]
    turned = [NEW, replace(TALKS, kind=Kind.WON, probability=None), WON, LOST]
    assert len(in_use(planned(used(1, 3), turned), turned)) == 1
    assert in_use(planned(THERE, turned), turned) == []


def test_reassigning_names_stages_that_leave_and_stay() -> None:
    """Both ends are checked, each fault with what could be meant."""
    refused = plan(used(1, 3), [NEW, WON, LOST], [("New", "Elsewhere")])
    assert isinstance(refused, list)
    assert [(fault.field, fault.allowed) for fault in refused] == [
        ("reassign[0].from", ("Talks",)),
        ("reassign[0].to", ("New", "Won", "Lost")),
    ]


def test_a_name_means_the_nearest_spelling() -> None:
    """By id, else as written, else without case, else without accents; two of a kind are both told."""
    named = [(IDS[0], "Resume"), (IDS[1], "R\u00e9sum\u00e9"), (IDS[2], "resume")]
    assert matching(str(IDS[2]).upper(), named) == [named[2]]
    assert matching("Resume", named) == [named[0]]
    assert matching("RESUME", named) == [named[0], named[2]]
    assert matching("r\u00e9sum\u00e9", named) == [named[1]]
    assert matching("R\u00e8sum\u00e8", named) == named
    assert matching("Other", named) == []


def test_deals_go_to_the_last_of_a_chain() -> None:
    """A stage that took the deals of another may leave in its turn, and nothing goes round in circles."""
    one, two, three, four = IDS
    assert heirs({one: two, two: three, three: None, four: None}) == {one: three, two: three}
    assert set(heirs({one: two, two: one})) == {one, two}
    assert with_heritage({one: 5, three: 1, four: 2}, {one: three, two: three}) == {three: 6, four: 2}


@pytest.mark.parametrize(
    ("closed", "won", "percent"),
    [(0, 0, None), (19, 19, None), (20, 0, 0), (20, 20, 100), (40, 25, 62), (40, 27, 68), (30, 10, 33)],
)
def test_few_endings_make_no_probability(closed: int, won: int, percent: int | None) -> None:
    """Twenty closed deals are enough for a number; it is rounded half to even."""
    assert (observed(closed, won).closed, observed(closed, won).percent) == (closed, percent)
