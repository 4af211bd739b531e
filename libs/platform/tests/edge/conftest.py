"""One running edge for the tests that only ask it things."""

from collections.abc import Iterator

import pytest

from .stage import Stage, staged


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An edge and everything behind it, up and ready."""
    with staged(tmp_path_factory.mktemp("edge")) as ready:
        yield ready
