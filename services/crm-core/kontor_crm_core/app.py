"""The wiring of crm-core, and nothing else."""

from pathlib import Path

from kontor_crm_core.advanced.service import AdvancedSearch
from kontor_crm_core.association.service import Associations
from kontor_crm_core.blocklist.service import Blocklist
from kontor_crm_core.company.renaming import JOB as REINDEX
from kontor_crm_core.company.renaming import run_reindex
from kontor_crm_core.company.service import Companies
from kontor_crm_core.contact.service import Contacts
from kontor_crm_core.customer.service import Customers
from kontor_crm_core.deal.following import JOB as FOLLOW
from kontor_crm_core.deal.following import run_follow_stages
from kontor_crm_core.deal.service import Deals
from kontor_crm_core.duplicate.service import Duplicates
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
from kontor_crm_core.owner.assigning import JOB as ASSIGN
from kontor_crm_core.owner.assigning import run_assign_owner
from kontor_crm_core.owner.service import Owners
from kontor_crm_core.pipeline.service import Pipelines
from kontor_crm_core.privacy.service import Privacy
from kontor_crm_core.property.jobs import JOBS as PROPERTY_JOBS
from kontor_crm_core.property.service import Properties
from kontor_crm_core.record.purging import purge_deleted
from kontor_crm_core.record.service import Records
from kontor_crm_core.record.words import clean_unused_words
from kontor_crm_core.segment.following import COMPARING, FOLLOWING
from kontor_crm_core.segment.following import JOBS as SEGMENT_JOBS
from kontor_crm_core.segment.service import Segments
from kontor_crm_core.settings import Settings
from kontor_crm_core.task.service import Tasks
from kontor_crm_core.timeline.service import Timeline
from kontor_platform.contract.image import own_image
from kontor_platform.faces.host import Service
from kontor_platform.runtime.peers import GOVERNANCE, Peers
from kontor_platform.runtime.settings import read_secret
from kontor_platform.runtime.work import Nightly, Tick

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
FILES_EVERY_S = 600.0


def service_key(settings: Settings) -> str:
    """What shows this service to the others; raises MissingSecret."""
    return read_secret(settings.service_key_file, "SERVICE_KEY_FILE").decode()


def build(settings: Settings) -> Service:
    """The service with everything it serves."""
    return Service(
        name="crm-core",
        settings=settings,
        image=own_image(),
        migrations=MIGRATIONS,
        peers=Peers({GOVERNANCE: settings.governance_rpc}, service_key(settings)),
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
            Owners(),
            Tasks(),
            Calls(),
            Meetings(),
            Emails(),
            Timeline(),
            Operations(),
            Files(),
            Blocklist(),
            Privacy(),
            Properties(),
            AdvancedSearch(),
            Segments(),
            Imports(),
            Exports(),
        ],
        gave_up=gave_up,
        jobs={
            FOLLOW: run_follow_stages,
            ASSIGN: run_assign_owner,
            REINDEX: run_reindex,
            "import": run_import,
            "import_revert": run_revert,
            "export": run_export,
            **PROPERTY_JOBS,
            **SEGMENT_JOBS,
        },
        ticks=[
            Tick("files", FILES_EVERY_S, forget_files),
            Nightly("purge_deleted", purge_deleted),
            Nightly("clean_words", clean_unused_words),
            FOLLOWING,
            COMPARING,
        ],
    )
