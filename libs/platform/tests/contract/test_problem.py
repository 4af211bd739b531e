"""One table of reasons, one shape of refusals."""

import grpc

from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import (
    AmbiguousMatch,
    Conflict,
    NotFound,
    RateLimited,
    Refusal,
    Unavailable,
    difference,
    refusal_of,
    statuses,
)


def test_every_reason_states_http_and_grpc() -> None:
    """No reason is told as an unknown error."""
    for reason, status in statuses().items():
        assert 400 <= status.http <= 504, reason
        assert status.grpc in grpc.StatusCode.__members__, reason


def test_a_refusal_survives_the_way_through_grpc() -> None:
    """What a service refused is what the gateway's caller reads."""
    refusal = AmbiguousMatch(
        "Two contacts match.",
        field="email",
        ids=["a", "b"],
        next_tool="crm_merge_contacts",
        differing=[difference("city", "Bern", None)],
        details={"evidence": ["email", "phone"]},
    )
    back = refusal_of(refusal.to_message())
    assert type(back) is AmbiguousMatch
    assert back.to_json() == refusal.to_json()


def test_a_reason_of_one_service_arrives_as_a_conflict() -> None:
    """A gateway knows no class of a domain, yet tells its reason."""

    class DealClosed(Conflict):
        """The deal is closed and can no longer change."""

        reason = next(reason for reason in statuses() if reason.name == "DEAL_CLOSED")

    back = refusal_of(DealClosed().to_message())
    assert (back.code, back.http, back.message) == ("deal_closed", 409, "The deal is closed and can no longer change.")


def test_what_can_be_tried_again_says_when() -> None:
    """A retryable refusal carries seconds."""
    assert Unavailable().retry_after_s >= 1
    assert RateLimited(retry_after_s=7).to_json()["retry_after_s"] == 7
    assert NotFound().retry_after_s == 0


def test_a_refusal_without_words_says_its_docstring() -> None:
    """The class's docstring is the message."""
    assert NotFound().message == "There is no such record."
    assert Refusal().message


def test_the_nearest_name_forgives_slips_and_nothing_else() -> None:
    """Two letters swapped are a slip; another word is not."""
    assert nearest("crm_create_dael", ["crm_create_deal", "crm_get_record"]) == "crm_create_deal"
    assert nearest("Crm Create Deal", ["crm_create_deal"]) == "crm_create_deal"
    assert nearest("weather", ["crm_create_deal"]) == ""
