"""The manual in docs/ is the contract's own words."""

from pathlib import Path

from kontor_platform.contract.image import own_image
from kontor_platform.faces.manual import manual


def test_the_manual_is_up_to_date(repository: Path) -> None:
    """`make docs` writes it; nobody does by hand."""
    assert (repository / "docs" / "tools.md").read_text() == manual(own_image().operations())
