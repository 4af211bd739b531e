"""Exchanges credentials for passports, for the gateway and for services themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from kontor_protos.kontor.governance.v1 import passports_pb as pb
from protobuf.wkt import Timestamp

from kontor_crm_governance.door.doors import Doors
from kontor_crm_governance.door.issuer import Issuer, Passport
from kontor_crm_governance.door.keyring import Admission
from kontor_crm_governance.door.places import Places
from kontor_crm_governance.door.refusals import Refusals
from kontor_crm_governance.door.service_keys import SYSTEM, ServiceKeys, service_admission
from kontor_crm_governance.key.rules import Door
from kontor_platform.contract.problem import PermissionDenied, Unauthenticated

SERVICE_KEY = "kontor-service-key"
GATEWAY = "mcp-gateway"
WRONG_SERVICE_KEY = "service_key_unknown"


class Passports:
    """The rpc service of that name; it stands outside the Dispatcher, since its callers have no passport yet."""

    implements = "kontor.governance.v1.Passports"

    def __init__(self, doors: Doors, issuer: Issuer, services: ServiceKeys, places: Places, refusals: Refusals) -> None:
        self._doors, self._issuer, self._refusals = doors, issuer, refusals
        self._services, self._places = services, places

    async def exchange(self, request: pb.ExchangeRequest, metadata: Mapping[str, str]) -> pb.ExchangeResponse:
        """A passport for a credential, asked for by a service that shows its own key."""
        caller = self._services.name(metadata.get(SERVICE_KEY, ""))
        if not caller:
            self._refusals.count(request.address, WRONG_SERVICE_KEY)
            raise Unauthenticated(f"A service key is needed in {SERVICE_KEY}.")
        admission = await self._admit(request, caller)
        return told(admission, self._issuer.issue(admission))

    async def _admit(self, request: pb.ExchangeRequest, caller: str) -> Admission:
        door = Door(request.door)
        if door is Door.INTERNAL:
            return await self._itself(request, caller)
        if caller != GATEWAY:
            raise PermissionDenied("Only the gateway exchanges the credentials of others.")
        return await self._doors.admit(request.credential, door, request.address)

    async def _itself(self, request: pb.ExchangeRequest, caller: str) -> Admission:
        if self._services.name(request.credential) != caller:
            self._refusals.count(request.address, WRONG_SERVICE_KEY)
            raise Unauthenticated
        return service_admission(caller, await self._places.find(UUID(request.tenant)) if request.tenant else SYSTEM)


def told(admission: Admission, passport: Passport) -> pb.ExchangeResponse:
    """The answer: the passport, and what is in it for a reader that only needs to know."""
    principal = admission.principal
    return pb.ExchangeResponse(
        passport=passport.token,
        expires_at=Timestamp.from_datetime(datetime.fromtimestamp(passport.expires_at, UTC)),
        tenant=str(principal.tenant),
        slug=principal.slug,
        actor=str(principal.actor),
        kind=principal.kind,
        roles=sorted(principal.roles),
        key=principal.key,
        on_behalf_of=str(principal.on_behalf_of or ""),
        per_minute=admission.per_minute,
        interactive=admission.interactive,
        name=principal.name,
    )
