import json
from dataclasses import replace

import pytest

from kontor_crm_governance.user import rules
from kontor_crm_governance.user.rules import Profile, Wish

ANN = Profile("ann@x.example", "Ann", frozenset({"admin"}), approver=False, active=True)
NOTHING = Wish("ANN@x.example", None, frozenset(), None, None)


def test_an_empty_wish_changes_nothing() -> None:
    """What is left out keeps its value, the spelling of the address included."""
    assert rules.merged(ANN, NOTHING) == ANN
    assert rules.differences(ANN, rules.merged(ANN, NOTHING)) == []


def test_a_wish_changes_what_it_names() -> None:
    """Each named field is replaced, and told with its value before and after."""
    after = rules.merged(ANN, replace(NOTHING, name="Anna", roles=frozenset({"sales", "manager"}), active=False))
    told = {each.field: (each.before, each.after) for each in rules.differences(ANN, after)}
    assert told == {"name": ("Ann", "Anna"), "roles": (["admin"], ["manager", "sales"]), "active": (True, False)}
    assert json.dumps(told)


def test_a_new_person_needs_name_and_roles() -> None:
    """Both are named where they are missing; what else is left out takes its default."""
    assert rules.missing(NOTHING) == ["name", "roles"]
    whole = replace(NOTHING, name="Ann", roles=frozenset({"admin"}))
    assert rules.missing(whole) == []
    assert rules.created(whole) == replace(ANN, email=whole.email)


@pytest.mark.parametrize(
    ("after", "others", "last"),
    [
        (replace(ANN, active=False), 0, True),
        (replace(ANN, roles=frozenset({"sales"})), 0, True),
        (replace(ANN, active=False), 1, False),
        (replace(ANN, name="Anna"), 0, False),
    ],
)
def test_the_last_admin_stays(after: Profile, others: int, last: bool) -> None:
    """Neither deactivation nor another role takes the last active admin."""
    assert rules.leaves_no_admin(ANN, after, others) is last


def test_an_inactive_admin_is_no_loss() -> None:
    """Who could not act as admin before is not the last admin."""
    locked = replace(ANN, active=False)
    assert not rules.leaves_no_admin(locked, replace(locked, roles=frozenset({"sales"})), 0)


def test_a_change_of_approver_is_seen() -> None:
    """Giving and taking the right both count, for a new person too."""
    assert rules.changes_approver(None, replace(ANN, approver=True))
    assert rules.changes_approver(replace(ANN, approver=True), ANN)
    assert not rules.changes_approver(None, ANN)
