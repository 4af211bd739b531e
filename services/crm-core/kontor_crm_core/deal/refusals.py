"""Why a deal is not made or moved."""

from collections.abc import Sequence

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem, Reason

from kontor_crm_core.deal.rules import Violation
from kontor_platform.contract.problem import Conflict, InvalidField


class StageRule(Conflict):
    """The stage's rules do not allow this; each field named would satisfy one of them."""

    reason = Reason.STAGE_RULE


class DealClosed(Conflict):
    """The deal is closed and its fields can no longer change; move it to an open stage first."""

    reason = Reason.DEAL_CLOSED


def refuse(problems: Sequence[FieldProblem], violations: Sequence[Violation]) -> None:
    """Raises with every fault: InvalidField if a field cannot be read, else StageRule; returns if there is none."""
    broken = [FieldProblem(field=each.field, message=each.message, allowed=list(each.allowed)) for each in violations]
    every = [*problems, *broken]
    if not every:
        return
    kind = InvalidField if problems else StageRule
    message = "; ".join(f"{each.field}: {each.message}" for each in every)
    raise kind(message, fields=every, allowed=every[0].allowed, did_you_mean=every[0].did_you_mean)
