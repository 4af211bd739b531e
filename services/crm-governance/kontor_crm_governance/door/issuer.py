"""Issues passports."""

import time
from dataclasses import dataclass

from kontor_crm_governance.door.keyring import Admission
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import PASSPORT_TTL_S, PassportSigner

# One passport serves a principal's calls for so long, because services remember the verdict on each.
SHARED_SECONDS = 60.0
CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class Passport:
    """A signed passport and its times, in seconds of the epoch."""

    token: str
    issued_at: float
    expires_at: float


class Issuer:
    """Signs a passport for an admission, or answers the one it signed less than a minute ago."""

    def __init__(self, signer: PassportSigner) -> None:
        self._signer = signer
        self._issued: dict[Principal, Passport] = {}

    def issue(self, admission: Admission) -> Passport:
        """A passport of at most five minutes that does not outlive the credential."""
        now, lasts = time.time(), int(min(PASSPORT_TTL_S, admission.seconds_left))
        issued = self._issued.get(admission.principal)
        if issued is None or now - issued.issued_at > SHARED_SECONDS or issued.expires_at > now + lasts + 1:
            issued = Passport(self._signer.sign(admission.principal, max(lasts, 1)), now, now + max(lasts, 1))
            self._keep(admission.principal, issued)
        return issued

    def _keep(self, principal: Principal, passport: Passport) -> None:
        if len(self._issued) >= CAPACITY:
            self._issued.clear()
        self._issued[principal] = passport
