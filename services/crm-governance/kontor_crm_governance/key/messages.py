"""Keys as messages."""

from datetime import datetime

from kontor_protos.kontor.governance.v1 import api_keys_pb as pb
from protobuf.wkt import Timestamp

from kontor_crm_governance.key.rules import Kind
from kontor_crm_governance.models import ApiKey


def key_message(key: ApiKey) -> pb.ApiKey:
    """What may be told of a key."""
    message = pb.ApiKey(
        id=str(key.id),
        name=key.name,
        kind=key.kind,
        roles=list(key.roles),
        doors=list(key.doors),
        actor_id=str(key.actor_id),
        on_behalf_of=str(key.user_id) if key.user_id and key.kind != Kind.USER else "",
        interactive=key.interactive,
        approver=key.approver,
        created_at=moment(key.created_at),
        created_by=str(key.created_by or ""),
        expires_at=moment(key.expires_at),
        revoked_at=moment(key.revoked_at),
        last_used_at=moment(key.last_used_at),
        version=key.version,
    )
    if key.per_minute is not None:
        message.per_minute = key.per_minute
    return message


def moment(at: datetime | None) -> Timestamp | None:
    """A time as messages hold it."""
    return Timestamp.from_datetime(at) if at else None
