"""Mappings saved under a name."""

import json
from collections.abc import Mapping

from sqlalchemy import text

from kontor_crm_core.imports.preparing import Prepared
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import InvalidField
from kontor_platform.runtime.call import Call

READ = text("SELECT name, fields FROM import_mapping WHERE tenant_id = :tenant ORDER BY name")
KEEP = text(
    """
    INSERT INTO import_mapping (tenant_id, name, fields, created_by, updated_at)
    VALUES (:tenant, :name, CAST(:fields AS jsonb), :actor, clock_timestamp())
    ON CONFLICT (tenant_id, name) DO UPDATE SET fields = excluded.fields, updated_at = excluded.updated_at
    """
)


async def saved_mapping(call: Call, name: str) -> Mapping[str, str]:
    """The fields of columns of a saved mapping; raises InvalidField with the nearest name."""
    if not name:
        return {}
    found = {row.name: row.fields for row in await call.session.execute(READ, {"tenant": call.actor.tenant})}
    if name not in found:
        raise InvalidField(
            f"No mapping is saved as {name!r}.",
            field="use_mapping",
            allowed=sorted(found),
            did_you_mean=nearest(name, list(found)),
        )
    return dict(found[name])


async def keep_mapping(call: Call, name: str, ready: Prepared) -> None:
    """Saves what every column means."""
    fields = {each.column.name: str(each.field or "") for each in ready.uses}
    values = {"tenant": call.actor.tenant, "name": name, "fields": json.dumps(fields), "actor": call.actor.actor}
    await call.session.execute(KEEP, values)
