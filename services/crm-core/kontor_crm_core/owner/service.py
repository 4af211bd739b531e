"""The rpc method of owners."""

from kontor_protos.kontor.crm.v1 import owners_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import RecordRef

from kontor_crm_core.owner.assigning import Assigned, assign_owner
from kontor_crm_core.owner.rules import Share, by_owner, by_type, shown
from kontor_crm_core.record.redirects import led_on
from kontor_platform.runtime.call import Call


class Owners:
    """Gives records to owners."""

    implements = "kontor.crm.v1.Owners"

    async def assign_owner(self, request: pb.AssignOwnerRequest, call: Call) -> pb.AssignOwnerResponse:
        """Gives records to other owners."""
        done = await assign_owner(call, await led_on(call, request, "record_ids"))
        return answer(done, dry_run=call.dry_run)


def answer(done: Assigned, *, dry_run: bool) -> pb.AssignOwnerResponse:
    """What was assigned, by type and owner."""
    number = sum(share.changes for share in done.shares)
    types = by_type(done.shares)
    return pb.AssignOwnerResponse(
        summary=summary(number, done),
        outcome="started" if done.operation else "assigned" if number else "unchanged",
        types=[pb.AssignedType(type=kind, records=all_of, assigned=some) for kind, (all_of, some) in types.items()],
        owners=[
            pb.AssignedOwner(owner_id=str(each), email=done.owners[each].email, records=records)
            for each, records in by_owner(done.shares).items()
        ],
        assignments=[assignment(share) for share in shown(done.shares)],
        plan=done.plan,
        warnings=list(done.chosen.left),
        operation_id=str(done.operation) if done.operation and not dry_run else "",
        state="started" if done.operation else "",
    )


def assignment(share: Share) -> pb.Assignment:
    """One record that changes hands."""
    record = share.record
    told = pb.Assignment(
        record=RecordRef(id=str(record.id), type=record.type, name=record.name), after=str(share.owner)
    )
    if record.owner:
        told.before = str(record.owner)
    return told


def summary(number: int, done: Assigned) -> str:
    """What happened, in one sentence."""
    names = ", ".join(user.email for user in done.owners.values())
    what = f"{number} record{'s' * (number != 1)}"
    if not number:
        return f"All records belong to {names} already." if done.shares else "There is nothing to assign."
    return f"{what} {'are being assigned' if done.operation else 'assigned'} to {names}."
