"""Who gets what, and how a plan is known."""

from dataclasses import replace
from uuid import UUID

from kontor_crm_core.owner.rules import SAMPLES, SHOWN, Kind, Owned, by_owner, by_type, in_turn, plan_of, shown

ADA, BEA, CY = (UUID(int=number) for number in (1, 2, 3))
RECORDS = [Owned(Kind.CONTACT, UUID(int=100 + at), 1, ADA, f"c{at}") for at in range(5)]


def test_records_go_round() -> None:
    """Each owner gets the next record, and a later part of them goes on where the first ended."""
    assert [share.owner for share in in_turn(RECORDS, [BEA, CY])] == [BEA, CY, BEA, CY, BEA]
    assert [share.owner for share in in_turn(RECORDS[3:], [BEA, CY], 3)] == [CY, BEA]
    assert by_owner(in_turn(RECORDS, [BEA, CY])) == {BEA: 3, CY: 2}


def test_a_plan_is_of_records_versions_and_owners() -> None:
    """The order of the records does not matter; any other difference does."""
    shares = in_turn(RECORDS, [BEA])
    newer = in_turn([replace(RECORDS[0], version=2), *RECORDS[1:]], [BEA])
    others = [in_turn(RECORDS, [CY]), in_turn(RECORDS[1:], [BEA]), newer, in_turn(RECORDS, [BEA, CY])]
    assert plan_of(shares) == plan_of(reversed(shares))
    assert len({plan_of(each) for each in (shares, *others)}) == 5


def test_what_stays_counts_and_is_not_shown() -> None:
    """A record that belongs to its new owner already is meant and does not change hands."""
    shares = in_turn([*RECORDS, Owned(Kind.DEAL, UUID(int=9), 1, BEA, "d")], [BEA])
    assert by_type(shares) == {"contact": (5, 5), "deal": (1, 0)}
    assert [share.record.type for share in shown(shares)] == ["contact"] * 5


def test_many_are_shown_by_a_few() -> None:
    """An answer stays short."""
    many = [replace(RECORDS[0], id=UUID(int=at)) for at in range(SHOWN + 1)]
    assert (len(shown(in_turn(many[1:], [BEA]))), len(shown(in_turn(many, [BEA])))) == (SHOWN, SAMPLES)
