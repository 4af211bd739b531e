"""Merges, what they moved, and pairs that are no duplicates."""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Changes nothing yet."""
