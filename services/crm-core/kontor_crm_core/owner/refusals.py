"""Why somebody cannot own records."""

from kontor_protos.kontor.platform.v1.errors_pb import Reason

from kontor_platform.contract.problem import Conflict, Refusal


class OwnerNotFound(Refusal):
    """No user of the tenant has this id or e-mail address."""

    reason = Reason.OWNER_NOT_FOUND


class OwnerInactive(Conflict):
    """This user is deactivated and cannot own records; name an active one."""

    reason = Reason.OWNER_INACTIVE
