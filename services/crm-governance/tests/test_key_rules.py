from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontor_crm_governance.key import rules
from kontor_crm_governance.key.rules import Caller, Door, Holder, Kind, Known, Verdict, Wanted

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TENANT, KEY, USER = (UUID(int=number) for number in (1, 2, 3))
SECRET = "s" * 43
SALES = Holder(USER, "Sam", frozenset({"sales"}), approver=False, active=True)
LIVE = Known(
    kind=Kind.USER,
    roles=frozenset({"sales"}),
    approver=False,
    doors=frozenset({"edge"}),
    secret_sha256=rules.sha256(SECRET),
    expires_at=NOW + timedelta(seconds=1),
    revoked_at=None,
    holder=SALES,
)
WANTED = Wanted(Kind.AGENT, frozenset({"sales"}), approver=False, interactive=False, user_id=USER, expires_at=None)


@given(st.uuids(), st.uuids())
def test_a_credential_reads_back_as_it_was_written(tenant: UUID, key: UUID) -> None:
    """What is written of a tenant, a key and a secret is what is read, even where the secret holds underscores."""
    secret = "a_b-" + "_" * 39
    assert rules.read(rules.written(tenant, key, secret)) == rules.Presented(tenant, key, secret)


@given(st.text(max_size=600))
def test_any_other_text_is_no_credential(text: str) -> None:
    """Reading never fails, whatever a client sends."""
    assert rules.read(text) is None


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda good: good + "x",
        lambda good: good[:-1],
        lambda good: good.upper(),
        lambda good: good + "\n",
        lambda good: "\u0661".join((good[:10], good[11:])),
        lambda good: good.replace("kontor_", "kontor-", 1),
    ],
)
def test_a_credential_has_one_spelling(spoilt: Callable[[str], str]) -> None:
    """Neither another length nor other digits, cases or marks are taken for a credential."""
    assert rules.read(spoilt(rules.written(TENANT, KEY, SECRET))) is None


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ([], None),
        (["Bearer a", "Bearer b"], None),
        (["Basic a"], None),
        (["Bearer"], None),
        (["Bearer "], None),
        (["Bearer a"], "a"),
        (["bearer  a "], "a"),
    ],
)
def test_exactly_one_bearer_header_counts(headers: list[str], credential: str | None) -> None:
    """A missing, doubled or foreign Authorization header is none at all."""
    assert rules.bearer(headers) == credential


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        (LIVE, Verdict.LIVE),
        (replace(LIVE, secret_sha256=None), Verdict.UNKNOWN),
        (replace(LIVE, secret_sha256=rules.sha256("other")), Verdict.UNKNOWN),
        (replace(LIVE, revoked_at=NOW), Verdict.REVOKED),
        (replace(LIVE, expires_at=NOW), Verdict.EXPIRED),
        (replace(LIVE, holder=replace(SALES, active=False)), Verdict.LOCKED_OUT),
        (replace(LIVE, doors=frozenset({"gateway"})), Verdict.WRONG_DOOR),
        (replace(LIVE, holder=None, kind=Kind.SERVICE), Verdict.LIVE),
    ],
)
def test_a_key_opens_only_while_everything_about_it_holds(key: Known, verdict: Verdict) -> None:
    """Secret, revocation, expiry to the second, holder and door each decide."""
    assert rules.judge(key, SECRET, Door.EDGE, NOW) is verdict


def test_a_wrong_secret_learns_nothing_of_the_key() -> None:
    """Whatever else is wrong with a key, a wrong secret is told only that it is unknown."""
    dead = replace(LIVE, revoked_at=NOW, expires_at=NOW, holder=replace(SALES, active=False))
    assert rules.judge(dead, "wrong", Door.EDGE, NOW) is Verdict.UNKNOWN


def test_the_gateways_rest_side_opens_with_the_gateways_keys() -> None:
    """The facade needs the door `gateway`; no key opens the door `internal`."""
    key = replace(LIVE, doors=frozenset({"gateway"}))
    doors = [door for door in Door if rules.judge(key, SECRET, door, NOW) is Verdict.LIVE]
    assert doors == [Door.GATEWAY, Door.FACADE]


def test_a_key_never_says_more_than_its_person_still_is() -> None:
    """A role the person lost is gone from every key of theirs, an agent's included; an admin still covers all."""
    key = replace(LIVE, roles=frozenset({"sales", "manager"}))
    assert rules.rights(key) == {"sales"}
    assert rules.rights(replace(key, kind=Kind.AGENT)) == {"sales"}
    assert rules.rights(replace(key, holder=replace(SALES, roles=frozenset({"admin"})))) == {"sales", "manager"}
    assert rules.rights(replace(key, holder=None, kind=Kind.AGENT)) == {"sales", "manager"}


@pytest.mark.parametrize(("on_key", "on_person", "kind"), [(True, False, Kind.USER), (False, True, Kind.USER)])
def test_an_approver_needs_the_mark_on_key_and_person(on_key: bool, on_person: bool, kind: Kind) -> None:
    """Either mark alone gives nothing."""
    key = replace(LIVE, kind=kind, approver=on_key, holder=replace(SALES, approver=on_person))
    assert "approver" not in rules.rights(key)


def test_an_agent_of_an_approver_is_none() -> None:
    """Only a person's own key decides approvals."""
    approver = replace(SALES, approver=True)
    assert "approver" in rules.rights(replace(LIVE, approver=True, holder=approver))
    assert "approver" not in rules.rights(replace(LIVE, kind=Kind.AGENT, approver=True, holder=approver))


@pytest.mark.parametrize(
    ("kind", "door", "is_model"),
    [
        ("user", "edge", False),
        ("user", "facade", False),
        ("user", "gateway", True),
        ("agent", "edge", True),
        ("agent", "facade", True),
        ("service", "internal", False),
        ("service", "gateway", True),
    ],
)
def test_a_model_may_stand_behind_agents_and_mcp(kind: str, door: str, is_model: bool) -> None:
    """An agent is a model everywhere, and over MCP everybody is."""
    assert Caller(kind, door, frozenset()).is_model is is_model


@pytest.mark.parametrize(
    ("kind", "interactive", "approver", "needed"),
    [
        ("agent", False, False, False),
        ("agent", True, False, True),
        ("agent", False, True, True),
        ("user", False, False, True),
        ("service", False, False, True),
    ],
)
def test_only_a_plain_agents_key_can_be_made_by_a_model(
    kind: str, interactive: bool, approver: bool, needed: bool
) -> None:
    """People's and services' keys, the interactive mark and the role approver need a person."""
    assert rules.needs_person(kind, interactive=interactive, approver=approver) is needed


def test_nobody_gives_what_they_are_not() -> None:
    """An admin can give every role, anyone else at most their own."""
    assert not rules.beyond(frozenset({"auditor"}), frozenset({"admin"}))
    assert rules.beyond(frozenset({"auditor", "sales"}), frozenset({"sales"})) == {"auditor"}


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (WANTED, []),
        (replace(WANTED, user_id=None), []),
        (replace(WANTED, kind=Kind.USER, user_id=None), ["user_id"]),
        (replace(WANTED, kind=Kind.SERVICE), ["user_id"]),
        (replace(WANTED, interactive=True, approver=True), ["interactive", "approver"]),
        (replace(WANTED, expires_at=NOW), ["expires_at"]),
        (replace(WANTED, expires_at=NOW + timedelta(days=365)), []),
        (replace(WANTED, expires_at=NOW + timedelta(days=365, seconds=1)), ["expires_at"]),
    ],
)
def test_fields_of_a_key_must_go_together(wanted: Wanted, fields: list[str]) -> None:
    """Each field that does not fit the others is named."""
    assert [fault.field for fault in rules.faults(wanted, NOW)] == fields


def test_a_key_fits_its_person() -> None:
    """Roles beyond the person's, and approving for one who is no approver, are refused by name."""
    assert rules.unfit(WANTED, SALES) is None
    beyond = rules.unfit(replace(WANTED, roles=frozenset({"sales", "manager"})), SALES)
    assert beyond is not None
    assert (beyond.field, "manager" in beyond.message) == ("roles", True)
    approving = rules.unfit(replace(WANTED, approver=True), SALES)
    assert approving is not None
    assert approving.field == "approver"
