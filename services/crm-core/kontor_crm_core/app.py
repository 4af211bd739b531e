"""The wiring of crm-core, and nothing else."""

from pathlib import Path

from kontor_crm_core.association.service import Associations
from kontor_crm_core.company.service import Companies
from kontor_crm_core.contact.service import Contacts
from kontor_crm_core.customer.service import Customers
from kontor_crm_core.deal.service import Deals
from kontor_crm_core.duplicate.service import Duplicates
from kontor_crm_core.note.service import Notes
from kontor_crm_core.pipeline.service import Pipelines
from kontor_crm_core.record.service import Records
from kontor_crm_core.settings import Settings
from kontor_crm_core.task.service import Tasks
from kontor_crm_core.timeline.service import Timeline
from kontor_platform.contract.image import own_image
from kontor_platform.faces.host import Service

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"


def build(settings: Settings) -> Service:
    """The service with everything it serves."""
    return Service(
        name="crm-core",
        settings=settings,
        image=own_image(),
        migrations=MIGRATIONS,
        implementations=[
            Contacts(),
            Companies(),
            Deals(),
            Pipelines(),
            Associations(),
            Duplicates(),
            Customers(),
            Records(),
            Notes(),
            Tasks(),
            Timeline(),
        ],
    )
