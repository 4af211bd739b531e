"""What a clash means to a caller who asked for one record."""

from kontor_protos.kontor.platform.v1.errors_pb import Reason

from kontor_platform.contract.problem import Conflict, Refusal, VersionConflict
from kontor_platform.data.records.planned import Clash, Clashes


class IdentityTaken(Conflict):
    """Another record has this address, domain or external id."""

    reason = Reason.IDENTITY_TAKEN


class UniqueTaken(Conflict):
    """Another record has this value of a property whose values are unique."""

    reason = Reason.UNIQUE_TAKEN


def refusal_of_clash(clashes: Clashes) -> Refusal:
    """The refusal that tells of the first clash and of who holds what was wanted."""
    first = clashes.clashing[0]
    if first.clash is Clash.VERSION:
        return VersionConflict("The record changed while this call ran; read it and try again.")
    refusal = IdentityTaken if first.clash is Clash.IDENTITY else UniqueTaken
    holders = dict.fromkeys(str(each.holder) for each in clashes.clashing if each.holder)
    details = {"existing_id": next(iter(holders))} if holders else {}
    return refusal(ids=list(holders), next_tool="crm_get_record", details=details)
