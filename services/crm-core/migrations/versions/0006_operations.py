"""Long work, the jobs that do it, files."""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Changes nothing yet."""
