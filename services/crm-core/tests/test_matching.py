"""Which record the keys of an upsert mean."""

from uuid import UUID

import pytest

from kontor_crm_core.record.matching import Ambiguous, Found, Matched, MatchKey, decide

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def test_no_key_leads_anywhere() -> None:
    """Without a find there is no match."""
    assert decide([]) is None


def test_strongest_key_is_named() -> None:
    """Several keys of one record are a match by the strongest of them."""
    found = [Found(MatchKey.EMAIL, A), Found(MatchKey.PHONE, A), Found(MatchKey.EXTERNAL_ID, A)]
    assert decide(found) == Matched(A, MatchKey.EXTERNAL_ID)


@pytest.mark.parametrize(
    ("found", "records"),
    [
        ([Found(MatchKey.EMAIL, A), Found(MatchKey.EXTERNAL_ID, B)], (A, B)),
        ([Found(MatchKey.EMAIL, A), Found(MatchKey.EMAIL, B)], (A, B)),
        ([Found(MatchKey.EMAIL, A), Found(MatchKey.PHONE, B)], (A, B)),
        ([Found(MatchKey.PHONE, A), Found(MatchKey.PHONE, B)], (A, B)),
        ([Found(MatchKey.PHONE, A, contradicted=True)], (A,)),
        ([Found(MatchKey.EMAIL, C), Found(MatchKey.PHONE, A), Found(MatchKey.PHONE, B)], (C, A, B)),
    ],
)
def test_doubt_is_told(found: list[Found], records: tuple[UUID, ...]) -> None:
    """Keys that lead to several records, or to one that something contradicts, are never decided."""
    with pytest.raises(Ambiguous) as doubt:
        decide(found)
    assert doubt.value.records == records


def test_shared_number_of_the_same_record_agrees() -> None:
    """A number that the matched contact shares with another does not stand against the match."""
    found = [Found(MatchKey.EMAIL, A), Found(MatchKey.PHONE, A), Found(MatchKey.PHONE, B)]
    assert decide(found) == Matched(A, MatchKey.EMAIL)
