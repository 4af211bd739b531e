"""Decides who is let in."""

from kontor_crm_governance.door.keyring import Admission, Keyring
from kontor_crm_governance.door.last_used import LastUsed
from kontor_crm_governance.door.refusals import Refusals
from kontor_crm_governance.door.static_tokens import StaticTokens
from kontor_crm_governance.key import rules
from kontor_crm_governance.key.rules import Door, Verdict
from kontor_platform.contract.problem import Unauthenticated, Unavailable
from kontor_platform.data.refusals import DATABASE_ERRORS

RETRY_AFTER_S = 2


class Doors:
    """Turns a credential into an admission; bad ones are refused in the same words and counted by reason."""

    def __init__(self, keyring: Keyring, tokens: StaticTokens, refusals: Refusals, used: LastUsed) -> None:
        self._keyring, self._tokens, self._refusals, self._used = keyring, tokens, refusals, used

    async def admit(self, credential: str | None, door: Door, address: str) -> Admission:
        """Whom the credential lets in; raises Unauthenticated, or Unavailable while the database does not answer."""
        if not credential:
            raise self._refuse(address, Verdict.MISSING)
        try:
            return await self._judged(credential, door, address)
        except (*DATABASE_ERRORS, TimeoutError) as error:
            raise Unavailable("Credentials cannot be checked now; try again.", retry_after_s=RETRY_AFTER_S) from error

    async def _judged(self, credential: str, door: Door, address: str) -> Admission:
        presented = rules.read(credential)
        if presented is None:
            return await self._token(credential, door, address)
        key = await self._keyring.find(presented)
        verdict = rules.judge(key.known, presented.secret, door, key.now()) if key else Verdict.UNKNOWN
        if key is None or verdict is Verdict.UNKNOWN:
            raise self._refuse(address, Verdict.UNKNOWN)
        if verdict is not Verdict.LIVE:
            await self._refusals.tell(address, verdict, key.tenant, str(key.id))
            raise Unauthenticated
        self._used.note(key.tenant, key.id, key.now())
        return key.admission(door)

    async def _token(self, credential: str, door: Door, address: str) -> Admission:
        found = await self._tokens.find(credential, door)
        if found is None:
            raise self._refuse(address, Verdict.MALFORMED)
        return found

    def _refuse(self, address: str, verdict: Verdict) -> Unauthenticated:
        self._refusals.count(address, verdict)
        return Unauthenticated()
