"""Puts crm-governance together."""

from functools import partial
from pathlib import Path

from kontor_crm_governance.door.authz import Authz, router
from kontor_crm_governance.door.budget import Budget
from kontor_crm_governance.door.chores import every
from kontor_crm_governance.door.doors import Doors
from kontor_crm_governance.door.issuer import Issuer
from kontor_crm_governance.door.keyring import Keyring
from kontor_crm_governance.door.last_used import LastUsed
from kontor_crm_governance.door.passports import Passports
from kontor_crm_governance.door.places import Places
from kontor_crm_governance.door.refusals import Refusals
from kontor_crm_governance.door.service_keys import ServiceKeys
from kontor_crm_governance.door.static_tokens import StaticTokens
from kontor_crm_governance.key.service import ApiKeys
from kontor_crm_governance.settings import Settings
from kontor_crm_governance.tenant.service import Tenants
from kontor_crm_governance.user.service import Users
from kontor_platform.contract.image import own_image
from kontor_platform.faces.host import Service
from kontor_platform.runtime.limit_store import limit_store
from kontor_platform.runtime.settings import read_secret
from kontor_platform.runtime.tokens import PassportSigner

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
# DECISIONS.md 1: a key's last use is written at most once a minute.
LAST_USED_SECONDS = 60.0
REFUSALS_SECONDS = 1.0
MINUTE = 60.0


def build(settings: Settings) -> Service:
    """The service, ready to run."""
    service = Service(
        name="crm-governance",
        settings=settings,
        image=own_image(),
        migrations=MIGRATIONS,
        implementations=[ApiKeys(), Users(), Tenants()],
    )
    refusals, used = Refusals(service.database), LastUsed(service.database)
    doors = Doors(Keyring(service.database), StaticTokens(service.config, service.database), refusals, used)
    read_secret(settings.passport_private_key_file, "PASSPORT_PRIVATE_KEY_FILE")
    issuer = Issuer(PassportSigner(settings.passport_private_key_file))
    edge_secret = read_secret(settings.edge_secret_file, "EDGE_SECRET_FILE")
    authz = Authz(doors, issuer, Budget(limit_store(settings.valkey_url)), refusals, service.config, edge_secret)
    services, places = ServiceKeys(settings.service_keys_dir), Places(service.database)
    service.plumbing = [Passports(doors, issuer, services, places, refusals)]
    service.routes = [router(authz)]
    service.background = [
        partial(every, REFUSALS_SECONDS, refusals.flush),
        partial(every, MINUTE, refusals.close_minutes),
        partial(every, LAST_USED_SECONDS, used.flush),
    ]
    return service
