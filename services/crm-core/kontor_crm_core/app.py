"""The wiring of crm-core, and nothing else."""

from pathlib import Path

from kontor_crm_core.association.service import Associations
from kontor_crm_core.blocklist.service import Blocklist
from kontor_crm_core.company.service import Companies
from kontor_crm_core.contact.service import Contacts
from kontor_crm_core.customer.service import Customers
from kontor_crm_core.deal.service import Deals
from kontor_crm_core.engagement.calls import Calls
from kontor_crm_core.engagement.emails import Emails
from kontor_crm_core.engagement.meetings import Meetings
from kontor_crm_core.exports.service import Exports, run_export
from kontor_crm_core.file.service import Files, forget_files
from kontor_crm_core.imports.job import run_import
from kontor_crm_core.imports.reverting.job import run_revert
from kontor_crm_core.imports.service import Imports
from kontor_crm_core.note.service import Notes
from kontor_crm_core.operation.service import Operations
from kontor_crm_core.operation.store import gave_up
from kontor_crm_core.pipeline.service import Pipelines
from kontor_crm_core.record.service import Records
from kontor_crm_core.settings import Settings
from kontor_crm_core.task.service import Tasks
from kontor_crm_core.timeline.service import Timeline
from kontor_platform.contract.image import own_image
from kontor_platform.faces.host import Service
from kontor_platform.runtime.work import Tick

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
FILES_EVERY_S = 600.0


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
            Customers(),
            Records(),
            Notes(),
            Tasks(),
            Calls(),
            Meetings(),
            Emails(),
            Timeline(),
            Blocklist(),
            Operations(),
            Files(),
            Imports(),
            Exports(),
        ],
        jobs={"import": run_import, "import_revert": run_revert, "export": run_export},
        gave_up=gave_up,
        ticks=[Tick("files", FILES_EVERY_S, forget_files)],
    )
