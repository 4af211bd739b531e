"""What an audit row tells of a call: enough to prove it, nothing that should not be kept."""

import time
from typing import Any
from uuid import UUID

from opentelemetry import trace

from kontor_mcp_gateway.approvals.records import Approval
from kontor_mcp_gateway.approvals.rules import Level
from kontor_mcp_gateway.door.call import Ask, ToolCall

Row = dict[str, Any]
MAX_ARGUMENTS = 4_096


def of_ask(ask: Ask) -> Row:
    """The row of a call before it was understood."""
    return ask.caller.told | {
        "call_id": str(ask.call_id),
        "operation": ask.tool.name,
        "sent_as": ask.sent_as,
        "client_name": ask.client_name,
        "face": ask.face,
        "door": ask.caller.door,
        "address": ask.caller.address,
        "fingerprint": ask.tool.fingerprint,
        "tainted": ask.tainted,
        "trace_id": trace_id(),
    }


def of_call(call: ToolCall) -> Row:
    """The row of a call that was understood."""
    return of_ask(call.ask) | {
        "mode": call.policy.mode,
        "policy_version": call.terms.policy_version,
        "level_needed": f"E{call.level.value}",
        "dry_run": call.control.dry_run,
        "arguments_hash": call.args_hash,
        "arguments": kept_arguments(call),
    }


def ended(
    row: Row, outcome: str, started: float, *, reason: str = "", level: Level = Level.NONE, approval: UUID | None = None
) -> Row:
    """The row with how the call ended."""
    told = {
        "outcome": outcome,
        "reason": reason,
        "evidence": f"E{level.value}",
        "ms": round((time.perf_counter() - started) * 1000, 1),
    }
    return row | told | ({"approval_id": str(approval)} if approval else {})


def of_step(approval: Approval, step: str, call_id: UUID, **more: Any) -> Row:
    """The row of one step of an approval."""
    return {
        "step": step,
        "approval_id": str(approval.id),
        "call_id": str(call_id),
        "operation": approval.tool,
        "actor": str(approval.actor),
        "on_behalf_of": str(approval.on_behalf_of) if approval.on_behalf_of else None,
        "client": approval.client,
        "fingerprint": approval.fingerprint,
        "policy_version": approval.policy_version,
        "arguments_hash": approval.args_hash,
        "mode": approval.mode,
        "tainted": approval.tainted,
        "level_needed": f"E{approval.level_needed.value}",
        "evidence": f"E{approval.level.value}",
        "trace_id": trace_id(),
        **({"standing_grant": str(approval.standing)} if approval.standing else {}),
    } | more


def kept_arguments(call: ToolCall) -> Row:
    """The arguments without secrets and personal data; nothing of those too long to keep."""
    marks = call.tool.request
    kept = marks.hide_all(call.plain) if marks.marked else call.plain
    return kept if len(str(kept)) <= MAX_ARGUMENTS else {}


def trace_id() -> str:
    """The id of the present trace, empty if there is none."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""
