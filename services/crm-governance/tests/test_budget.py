from limits.aio.storage import MemoryStorage
from limits.errors import StorageError

from kontor_crm_governance.door.budget import Budget, Charge
from kontor_crm_governance.door.quota_headers import quota_headers


class Unreachable(MemoryStorage):
    """A store whose server is away."""

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        raise StorageError(ConnectionError())


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


async def test_a_store_that_does_not_answer_costs_no_limit() -> None:
    """With the shared store away the replica counts for itself, by the same numbers."""
    budget = Budget(Unreachable())
    accepted = [(await budget.charge("key", 2)).accepted for _ in range(3)]
    assert accepted == [True, True, False]


def test_the_headers_say_quota_window_rest_and_reset() -> None:
    """The form of draft-ietf-httpapi-ratelimit-headers."""
    assert quota_headers(Charge(accepted=True, quota=120, remaining=7, reset_s=42)) == {
        "RateLimit-Policy": '"key";q=120;w=60',
        "RateLimit": '"key";r=7;t=42',
    }
