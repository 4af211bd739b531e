"""Pipelines over the service's own faces, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

Stage = dict[str, Any]
WON: Stage = {"label": "Won", "kind": "won"}
LOST: Stage = {"label": "Lost", "kind": "lost"}


def open_stage(label: str, probability: int, **more: Any) -> Stage:
    """An open stage."""
    return {"label": label, "kind": "open", "probability": probability, **more}


def stages_of(pipeline: dict[str, Any]) -> dict[str, Stage]:
    """The stages of a pipeline by label."""
    return {stage["label"]: stage for stage in pipeline["stages"]}


def test_a_new_tenant_gets_one_pipeline(crm: Any) -> None:
    """However many ask first at once, there is one default pipeline, and it stays the same."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: crm.do("crm_list_pipelines")["pipelines"], range(20)))
    assert len({pipeline["id"] for answer in answers for pipeline in answer}) == 1
    assert [stage["kind"] for stage in answers[0][0]["stages"]] == ["open"] * 4 + ["won", "lost"]


def test_defining_again_changes_nothing(crm: Any) -> None:
    """The same definition under the same name, in any case, is unchanged and keeps the name as it is written."""
    stages = [open_stage("A", 10, allowed_next=["Won"], rot_days=14), WON, LOST]
    made = crm.do("crm_define_pipeline", name="Partners", stages=stages)
    again = crm.do("crm_define_pipeline", name="PARTNERS", stages=stages)
    assert (made["outcome"], again["outcome"], again["pipeline"]) == ("created", "unchanged", made["pipeline"])


def test_all_faults_of_a_definition_are_told_at_once(crm: Any) -> None:
    """Nothing is made, and each fault names its field."""
    stages = [open_stage("A", 10), {"label": "a", "kind": "open"}, WON | {"probability": 90}]
    refusal = crm.refused("crm_define_pipeline", name="Partners", stages=stages)
    fields = [each["field"] for each in refusal["fields"]]
    assert fields == ["stages", "stages[0].label", "stages[1].label", "stages[1].probability", "stages[2].probability"]
    assert crm.do("crm_list_pipelines")["total"] == 1


def test_a_stage_in_use_leaves_with_its_deals(crm: Any) -> None:
    """Without a new home it is refused with the count; with one the deals move, and history keeps the stage's name."""
    whole = [open_stage("A", 10), open_stage("B", 20), WON, LOST]
    shorter = [open_stage("A", 10), WON, LOST]
    crm.do("crm_define_pipeline", name="Partners", stages=whole)
    deal = crm.do("crm_create_deal", name="Widgets", pipeline="Partners", stage="B", amount="7")["deal"]
    held = crm.refused("crm_define_pipeline", name="Partners", stages=shorter)
    assert (held["code"], held["stages"]) == ("stage_in_use", [{"stage": "B", "deals": 1}])
    answer = crm.do("crm_define_pipeline", name="Partners", stages=shorter, reassign=[{"from": "b", "to": "A"}])
    assert (answer["reassigned"], stages_of(answer["pipeline"])["A"]["deals"]) == (1, 1)
    after = crm.do("crm_get_record", id=deal["id"])["deal"]
    assert (after["stage"], after["probability"], after["version"]) == ("A", 10, 2)
    (move,) = crm.do("crm_get_timeline", record_id=deal["id"], kinds=["stage"])["entries"]
    assert move["title"] == "Moved from B to A"
    listed = crm.do("crm_list_pipelines", pipeline="Partners", include_archived_stages=True)["pipelines"][0]
    assert [(stage["label"], stage["archived"]) for stage in listed["stages"]][-1] == ("B", True)


def test_deals_follow_a_new_percentage(crm: Any) -> None:
    """Those that follow their stage take it at once, one set by hand stays."""
    crm.do("crm_define_pipeline", name="Partners", stages=[open_stage("A", 10), WON, LOST])
    usual = crm.do("crm_create_deal", name="Usual", pipeline="Partners")["deal"]["id"]
    sure = crm.do("crm_create_deal", name="Sure", pipeline="Partners", probability=90)["deal"]["id"]
    crm.do("crm_define_pipeline", name="Partners", stages=[open_stage("A", 35, forecast_category="commit"), WON, LOST])
    after = [crm.do("crm_get_record", id=deal)["deal"] for deal in (usual, sure)]
    assert [(deal["probability"], deal["forecast_category"]) for deal in after] == [(35, "commit"), (90, "commit")]


def test_stages_exchange_their_labels(crm: Any) -> None:
    """By id a stage keeps its deals under a new label, even one that another stage has just given up."""
    made = crm.do("crm_define_pipeline", name="Partners", stages=[open_stage("A", 10), open_stage("B", 20), WON, LOST])
    ids = {label: stage["id"] for label, stage in stages_of(made["pipeline"]).items()}
    deal = crm.do("crm_create_deal", name="Widgets", pipeline="Partners", stage="B")["deal"]["id"]
    swapped = [open_stage("B", 10) | {"id": ids["A"]}, open_stage("A", 20) | {"id": ids["B"]}, WON, LOST]
    answer = crm.do("crm_define_pipeline", name="Sellers", pipeline_id=made["pipeline"]["id"], stages=swapped)
    assert (answer["pipeline"]["name"], stages_of(answer["pipeline"])["A"]["id"]) == ("Sellers", ids["B"])
    assert crm.do("crm_get_record", id=deal)["deal"]["stage"] == "A"


def test_one_pipeline_is_the_default(crm: Any) -> None:
    """Naming another one takes the mark from the first, and the last cannot be given up."""
    crm.do("crm_define_pipeline", name="Partners", stages=[open_stage("A", 10), WON, LOST], is_default=True)
    listed = crm.do("crm_list_pipelines")["pipelines"]
    assert [(each["name"], each["is_default"]) for each in listed] == [("Partners", True), ("Sales", False)]
    assert crm.do("crm_create_deal", name="Widgets")["deal"]["pipeline"] == "Partners"
    assert crm.refused("crm_define_pipeline", name="Partners", is_default=False)["field"] == "is_default"


def test_a_stale_version_of_a_pipeline_is_refused(crm: Any) -> None:
    """Two who change it at once learn of each other."""
    whole = [open_stage("A", 10), WON, LOST]
    crm.do("crm_define_pipeline", name="Partners", stages=whole)
    crm.do("crm_define_pipeline", name="Partners", stages=[open_stage("A", 20), WON, LOST], expected_version=1)
    stale = crm.refused("crm_define_pipeline", name="Partners", stages=whole, expected_version=1)
    assert (stale["code"], stale["current_version"]) == ("version_conflict", 2)


def test_values_are_told_per_stage_and_currency(crm: Any) -> None:
    """Currencies are never added up, and an unknown amount counts as a deal of nothing."""
    for amount, currency in (("10.50", "EUR"), ("0.25", "EUR"), ("7", "JPY"), ("", "EUR")):
        crm.do("crm_create_deal", name=f"{amount}{currency}", amount=amount, currency=currency)
    first = crm.do("crm_list_pipelines")["pipelines"][0]["stages"][0]
    assert (first["deals"], first["values"]) == (
        4,
        [{"currency": "EUR", "deals": 3, "amount": "10.75"}, {"currency": "JPY", "deals": 1, "amount": "7"}],
    )


def test_a_page_of_pipelines_ends_where_the_next_begins(crm: Any) -> None:
    """Every pipeline comes once."""
    for name in ("A", "B", "C"):
        crm.do("crm_define_pipeline", name=name, stages=[open_stage("A", 10), WON, LOST])
    seen: list[str] = []
    cursor = ""
    while True:
        page = crm.do("crm_list_pipelines", page_size=3, cursor=cursor)
        seen += [pipeline["name"] for pipeline in page["pipelines"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert (seen, page["total"]) == (["Sales", "A", "B", "C"], 4)


def test_moving_and_defining_do_not_block_each_other_for_good(crm: Any, deal: str) -> None:
    """Calls that move a deal and calls that redefine its pipeline all end, whatever their order."""
    labels = ("New", "Qualified", "Proposal")

    def move(number: int) -> int:
        return int(crm.send("crm_update_pipeline", deal_id=deal, stage=labels[number % 3]).status_code)

    def define(number: int) -> int:
        stages = [open_stage(label, number + 1) for label in labels]
        return int(crm.send("crm_define_pipeline", name="Sales", stages=[*stages, WON, LOST]).status_code)

    crm.do("crm_define_pipeline", name="Sales", stages=[*(open_stage(label, 1) for label in labels), WON, LOST])
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(move if number % 4 else define, number) for number in range(60)]
    assert {call.result() for call in calls} == {200}
