"""How custom properties stand in answers: SQL that names them and leaves out what the caller may not see.

Both expressions ask the setting `app.restricted`, which a call's transaction and reads carry; where nobody set it
restricted properties are absent.
"""

from collections.abc import Iterable, Mapping

from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition, Definitions
from kontor_platform.runtime.call import Change

SEEN = "(p.personal <> 'restricted' OR current_setting('app.restricted', true) = 'on')"
LOGGED = "property:"


def properties_json(table: str) -> str:
    """The properties of a row of a table with `tenant_id` and `props`: a JSON array of PropertyValue, or null."""
    return f"""(
        SELECT json_agg(json_build_object('name', p.name, 'value', held.value) ORDER BY p.name)
        FROM jsonb_each({table}.props) held
        JOIN property_definition p ON p.tenant_id = {table}.tenant_id AND p.id = held.key::uuid
        WHERE p.archived_at IS NULL AND {SEEN})"""


def changes_json(table: str = "record_change", column: str = "changes") -> str:
    """Changes of the log as JSON: properties under their present names, restricted ones left out."""
    name = "told.change->>'field'"
    return f"""(
        SELECT coalesce(jsonb_agg(
            CASE WHEN p.id IS NULL THEN told.change ELSE jsonb_set(told.change, '{{field}}', to_jsonb(p.name)) END
            ORDER BY told.place), '[]'::jsonb)
        FROM jsonb_array_elements({table}.{column}) WITH ORDINALITY AS told(change, place)
        LEFT JOIN property_definition p ON p.tenant_id = {table}.tenant_id AND p.id =
            CASE WHEN starts_with({name}, '{LOGGED}') THEN substr({name}, {len(LOGGED) + 1})::uuid END
        WHERE (p.id IS NULL AND NOT starts_with({name}, '{LOGGED}')) OR (p.id IS NOT NULL AND {SEEN}))"""


def told_name(definitions: Definitions, field: str) -> str | None:
    """A field of the change log as callers know it; None for a property they do not see."""
    if not field.startswith(LOGGED):
        return field
    return next((each.name for each in definitions.all if each.log_name == field), None)


def told_changes(definitions: Definitions, changes: Iterable[Change]) -> list[Change]:
    """Changes with properties by their names, those left out that the caller does not see."""
    named = ((told_name(definitions, each.field), each) for each in changes)
    return [Change(name, each.before, each.after) for name, each in named if name is not None]


def named_values(definitions: Definitions, props: Mapping[str, JSON]) -> list[tuple[Definition, JSON]]:
    """The values of a record that the caller sees, in the order of the properties' names."""
    return [(each, props[str(each.id)]) for each in definitions.all if str(each.id) in props]
