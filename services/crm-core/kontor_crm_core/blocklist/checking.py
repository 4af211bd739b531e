"""Whether addresses are on the blocklist; asked in the transaction that would store them."""

from collections.abc import Collection

from kontor_protos.kontor.platform.v1.errors_pb import Reason
from sqlalchemy import select

from kontor_crm_core.blocklist.models import ENTRIES, KEYS
from kontor_crm_core.blocklist.rules import digest
from kontor_platform.contract.problem import Conflict
from kontor_platform.runtime.call import Call


class Blocklisted(Conflict):
    """An address given is on the blocklist and may not be stored; leave it out."""

    reason = Reason.BLOCKLISTED


async def blocked(call: Call, email_keys: Collection[str]) -> set[str]:
    """The addresses among these that may not be stored."""
    if not email_keys:
        return set()
    keys = select(KEYS.c.secret).where(KEYS.c.tenant_id == call.actor.tenant)
    secret = (await call.session.execute(keys)).scalar_one_or_none()
    if secret is None:
        return set()
    asked = {digest(secret, each): each for each in email_keys}
    listed = select(ENTRIES.c.digest).where(ENTRIES.c.tenant_id == call.actor.tenant, ENTRIES.c.digest.in_(asked))
    return {asked[each] for each in (await call.session.execute(listed)).scalars()}


async def refuse_blocked(call: Call, email_keys: Collection[str], field: str = "") -> None:
    """Lets a call pass that stores no blocklisted address; raises Blocklisted."""
    if await blocked(call, email_keys):
        raise Blocklisted(field=field)
