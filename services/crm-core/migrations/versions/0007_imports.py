"""Staged rows of imports and their plans."""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Changes nothing yet."""
