"""Whether a call that needs consent has evidence of it."""

from collections.abc import Sequence

from protobuf import Message

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.operation import Approval, Operation
from kontor_platform.contract.problem import ApprovalInvalid, ApprovalRequired
from kontor_platform.data.outbox import Event
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import Grant


def require_evidence(operation: Operation, principal: Principal, grant: Grant | None, request: Message) -> None:
    """Lets a call pass that needs no consent, holds a grant for exactly itself, or is a person's own at the edge.

    Raises ApprovalRequired or ApprovalInvalid.
    """
    if operation.policy.approval is Approval.NONE:
        return
    if grant is not None:
        if not covers(grant, operation, principal, request):
            raise ApprovalInvalid
        return
    own = principal.door == "edge" and principal.kind == "user"
    if operation.policy.approval is Approval.USER and own:
        return
    path = "/mcp/" + operation.policy.tool.replace("_", "/", 1)
    raise ApprovalRequired(
        f"{operation.name} needs an approval: send the same body to {path}, which asks for one.", next_tool=path
    )


def covers(grant: Grant, operation: Operation, principal: Principal, request: Message) -> bool:
    """Whether the grant was given for this tenant, actor, tool and these very arguments."""
    return (grant.tenant, grant.actor, grant.tool, grant.arguments) == (
        principal.tenant,
        principal.actor,
        operation.name,
        arguments_hash(request),
    )


def require_unmoved(grant: Grant | None, events: Sequence[Event]) -> None:
    """Refuses a call whose records changed since the preview that was approved; raises ApprovalInvalid."""
    seen = dict(grant.records) if grant else {}
    first: dict[str, int] = {}
    for event in events:
        first.setdefault(str(event.record_id), event.version - 1)
    if any(record in seen and seen[record] != version for record, version in first.items()):
        raise ApprovalInvalid("A record changed since this call was approved; ask again.")
