"""Calls, meetings, e-mail with its threads and participants, recurrence, properties of links."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Changes nothing yet."""
