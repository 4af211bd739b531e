"""What a service with a worker has besides."""

from alembic import op

from kontor_platform.data.jobs import jobs_v1
from kontor_platform.data.schema import files_v1, worker_v1

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    worker_v1(op)
    jobs_v1(op)
    files_v1(op)
