"""What a query may mean."""

import pytest

from kontor_crm_core.customer.rules import evidence, likeness, shape


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("01a2090e-62f3-73e6-87aa-67ba6526610a", {"id"}),
        ("jane@acme.com", {"email"}),
        ("+49 (170) 123-45.67", {"phone"}),
        ("4471", {"phone"}),
        ("acme.co.uk", {"domain"}),
        ("https://acme.com/about", {"domain"}),
        ("Jane Doe", set()),
        ("Studio 54", set()),
        ("x", set()),
    ],
)
def test_shape(query: str, kinds: set[str]) -> None:
    """A query is read as every kind of key that it can be."""
    read = shape(query)
    assert {kind for kind in ("id", "email", "phone", "domain") if getattr(read, kind)} == kinds


def test_evidence() -> None:
    """Why a record might be meant is said in words."""
    assert evidence(["phone", "name"]) == "same phone number and name"
    assert likeness("slip", "name") == "similar word in name"
    assert likeness("identifier", "phone") == "same phone number"
