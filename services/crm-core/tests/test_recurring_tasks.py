"""Tasks that recur or are followed by others, over the service's own faces."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

BERLIN = ZoneInfo("Europe/Berlin")


def today() -> datetime:
    """Now where the tenant is."""
    return datetime.now(UTC).astimezone(BERLIN)


def test_completing_a_recurring_task_makes_the_next(crm: Any, deal: str) -> None:
    """Due on the first day after the later of due day and today, about the same records, with all it had."""
    due = (today() + timedelta(days=3)).date()
    made = crm.do(
        "crm_create_task",
        title="Water the plants",
        due=due.isoformat(),
        recurrence="freq=weekly",
        priority="high",
        body="All",
        record_ids=[deal],
    )["task"]
    assert made["recurrence"] == "FREQ=WEEKLY"
    answer = crm.do("crm_complete_task", task_id=made["id"])
    following = answer["next"]
    assert following["due_date"] == (due + timedelta(days=7)).isoformat()
    assert (following["follows_id"], following["priority"], following["body"]) == (made["id"], "high", "All")
    assert [each["id"] for each in following["records"]] == [deal]
    assert following["id"] in [each["id"] for each in crm.do("crm_list_tasks", record_id=deal)["tasks"]]


def test_a_late_task_does_not_pile_up(crm: Any) -> None:
    """What was due long ago is followed by one task, after today."""
    made = crm.do("crm_create_task", title="Old", due="2024-01-31", recurrence="FREQ=MONTHLY")["task"]
    following = crm.do("crm_complete_task", task_id=made["id"])["next"]
    assert following["due_date"] > today().date().isoformat()
    day = datetime.fromisoformat(following["due_date"])
    assert day.day == 31 or (day + timedelta(days=1)).day == 1


def test_a_series_keeps_its_local_time(crm: Any) -> None:
    """Also where one day lacks it: the answer is the later reading, the next day has it again."""
    task = crm.do("crm_create_task", title="Early", due="2030-03-30T02:30", recurrence="FREQ=DAILY")["task"]
    seen = []
    for _ in range(3):
        seen.append(datetime.fromisoformat(task["due_at"]).astimezone(BERLIN).strftime("%d. %H:%M"))
        task = crm.do("crm_complete_task", task_id=task["id"])["next"]
    assert seen == ["30. 02:30", "31. 03:30", "01. 02:30"]


def test_completing_at_once_makes_one_successor(crm: Any, at_once: Any) -> None:
    """However many complete it, one task follows; done again it is unchanged and names the same."""
    made = crm.do("crm_create_task", title="Call", due="2030-01-01", recurrence="FREQ=DAILY")["task"]
    answers = at_once(10, lambda _: crm.do("crm_complete_task", task_id=made["id"]))
    assert len({each["next"]["id"] for each in answers}) == 1
    assert sorted(each["outcome"] for each in answers) == ["unchanged"] * 9 + ["updated"]
    assert crm.do("crm_list_tasks")["total"] == 1


def test_a_series_ends(crm: Any) -> None:
    """By its count or last day, or when told so."""
    made = crm.do("crm_create_task", title="Twice", due="2030-01-01", recurrence="FREQ=DAILY;COUNT=2")["task"]
    second = crm.do("crm_complete_task", task_id=made["id"])["next"]
    last = crm.do("crm_complete_task", task_id=second["id"])
    assert "next" not in last or last["next"] is None
    assert "last of its series" in last["summary"]
    other = crm.do("crm_create_task", title="Ever", due="2030-01-01", recurrence="FREQ=DAILY")["task"]
    ended = crm.do("crm_complete_task", task_id=other["id"], end_recurrence=True)
    assert ended.get("next") is None
    assert crm.do("crm_list_tasks")["total"] == 0


def test_next_makes_a_following_task_of_any(crm: Any, deal: str) -> None:
    """What is left out is taken from the one completed; a recurring one stays in its series."""
    made = crm.do("crm_create_task", title="Call", due="2030-01-01", record_ids=[deal])["task"]
    following = crm.do("crm_complete_task", task_id=made["id"], next={"title": "Send offer", "due": "2030-02-01"})[
        "next"
    ]
    assert (following["title"], following["due_date"], following["follows_id"]) == (
        "Send offer",
        "2030-02-01",
        made["id"],
    )
    assert [each["id"] for each in following["records"]] == [deal]
    series = crm.do("crm_create_task", title="Report", due="2030-01-31", recurrence="FREQ=MONTHLY")["task"]
    moved = crm.do("crm_complete_task", task_id=series["id"], next={"due": "2030-02-20"})["next"]
    assert (moved["title"], moved["due_date"], moved["recurrence"]) == ("Report", "2030-02-20", "FREQ=MONTHLY")
    assert crm.do("crm_complete_task", task_id=moved["id"])["next"]["due_date"] == "2030-02-28"


def test_nothing_is_done_if_what_follows_cannot_be_made(crm: Any) -> None:
    """One transaction: a bad next leaves the task open."""
    made = crm.do("crm_create_task", title="Call")["task"]
    refusal = crm.refused("crm_complete_task", task_id=made["id"], next={"due": "someday"})
    assert (refusal["code"], refusal["field"]) == ("invalid_field", "next.due")
    assert crm.do("crm_get_record", id=made["id"])["task"]["status"] == "open"


def test_a_task_is_edited_by_id(crm: Any) -> None:
    """With the version seen; clear empties, a due day moves this task and not its series."""
    made = crm.do("crm_create_task", title="Call", due="2030-01-31", recurrence="FREQ=MONTHLY", body="x")["task"]
    edited = crm.do("crm_create_task", id=made["id"], expected_version=1, due="2030-01-20", clear=["body"])
    assert (edited["outcome"], sorted(edited["changed"])) == ("updated", ["body", "due_date"])
    assert (edited["task"]["title"], edited["task"]["version"]) == ("Call", 2)
    assert crm.refused("crm_create_task", id=made["id"], expected_version=1, title="x")["code"] == "version_conflict"
    assert crm.do("crm_complete_task", task_id=made["id"])["next"]["due_date"] == "2030-01-31"
    again = crm.do("crm_create_task", title="Call", due="2030-01-05", external_id="t")["task"]
    cleared = crm.do("crm_create_task", id=again["id"], clear=["due", "owner_id"])
    assert sorted(cleared["changed"]) == ["due_date", "owner_id"]
    assert crm.do("crm_list_tasks", due="none")["tasks"][0]["id"] == again["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"recurrence": "FREQ=DAILY"}, "due"),
        ({"due": "2030-01-01", "recurrence": "every day"}, "recurrence"),
        ({"due": "2030-01-01", "recurrence": "FREQ=WEEKLY;BYDAY=MO"}, "recurrence"),
        ({"due": "2030-01-01", "recurrence": "FREQ=DAILY;UNTIL=20291231"}, "recurrence"),
        ({"due": "2030-01-01", "clear": ["due"]}, "clear"),
    ],
)
def test_a_bad_task_is_refused(crm: Any, body: dict[str, Any], field: str) -> None:
    """Named by field, and nothing is written."""
    refusal = crm.refused("crm_create_task", **({"title": "Call"} | body))
    assert (refusal["code"], refusal["field"]) == ("invalid_field", field)
    assert crm.do("crm_list_tasks")["total"] == 0
