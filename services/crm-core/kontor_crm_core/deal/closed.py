"""What a closed deal still takes, as its pipeline says."""

from collections.abc import Sequence
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.deal.refusals import DealClosed
from kontor_crm_core.pipeline.fields import names_of, shown
from kontor_crm_core.pipeline.queries import one_pipeline
from kontor_platform.runtime.call import Call


async def require_open_to(call: Call, pipeline: UUID, changed: Sequence[str], prefix: str = "") -> None:
    """Refuses changes of a closed deal that its pipeline does not leave open.

    Fields are named as the change log names them. Raises DealClosed with what is allowed.
    """
    if not changed:
        return
    row = (await call.session.execute(one_pipeline(call.actor.tenant, pipeline))).mappings().one()
    closed = [each for each in changed if each not in row["editable_when_closed"]]
    if closed:
        names = await names_of(call, [*closed, *row["editable_when_closed"]])
        raise refusal(row["name"], shown(closed, names), shown(row["editable_when_closed"], names), prefix)


def refusal(pipeline: str, closed: Sequence[str], allowed: Sequence[str], prefix: str) -> DealClosed:
    """The refusal that names what cannot change and what can."""
    taken = ", ".join(allowed) or "no field"
    message = (
        f"The deal is closed; deals closed in {pipeline} still take {taken}. "
        "Move it to an open stage with crm_update_pipeline first."
    )
    problems = [FieldProblem(field=prefix + each, message="cannot change once the deal is closed") for each in closed]
    return DealClosed(message, fields=problems, allowed=allowed, next_tool="crm_update_pipeline")
