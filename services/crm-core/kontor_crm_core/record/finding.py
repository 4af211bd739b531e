"""Looks keys of many records up at once, only those kinds of key that somebody gives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

from sqlalchemy import Row, TextClause, text

from kontor_crm_core.record.matching import MatchKey
from kontor_crm_core.record.wishes import Wish
from kontor_platform.runtime.call import Call

# What a kind of key is sent as: the columns beside the place of the wish, and their types.
COLUMNS: Mapping[MatchKey, tuple[tuple[str, str], ...]] = {
    MatchKey.ID: (("id", "uuid"),),
    MatchKey.EXTERNAL_ID: (("system", "text"), ("value", "text")),
    MatchKey.EMAIL: (("value", "text"),),
    MatchKey.DOMAIN: (("value", "text"),),
    MatchKey.PHONE: (("value", "text"),),
    MatchKey.NAME: (("value", "text"),),
    MatchKey.PROPERTY: (("property", "uuid"), ("value", "text")),
}
ID = """
SELECT coalesce(r.present_id, told.id) AS record, CASE WHEN r.old_id IS NOT NULL THEN told.id END AS named
FROM (SELECT 1) AS one LEFT JOIN redirect r ON r.tenant_id = :tenant AND r.old_id = told.id
"""
EXTERNAL_ID = """
SELECT x.record_id AS record, NULL::uuid AS named FROM external_id x
WHERE x.tenant_id = :tenant AND x.object_type = '{kind}' AND x.live AND x.system = told.system AND x.value = told.value
LIMIT 1
"""
BURIED_EXTERNAL_ID = """
SELECT x.record_id AS record FROM external_id x
WHERE x.tenant_id = :tenant AND x.object_type = '{kind}' AND NOT x.live AND x.system = told.system
    AND x.value = told.value
"""
PROPERTY = """
SELECT u.record_id AS record, NULL::uuid AS named FROM unique_value u
WHERE u.tenant_id = :tenant AND u.property_id = told.property AND u.value_key = told.value LIMIT 1
"""


@dataclass(slots=True)
class Sought:
    """Keys to look up, each with the place of the wish that gives it."""

    rows: dict[MatchKey, list[tuple[object, ...]]] = field(default_factory=dict)

    def add(self, key: MatchKey, at: int, values: Iterable[tuple[object, ...]]) -> None:
        """Adds the values of one kind of key."""
        self.rows.setdefault(key, []).extend((at, *each) for each in values)

    def add_wish(self, at: int, wish: Wish) -> None:
        """Adds the keys that every kind of record may have."""
        keys = wish.match_on
        if wish.id:
            self.add(MatchKey.ID, at, [(wish.id,)])
        if wish.external_ids and MatchKey.EXTERNAL_ID in keys:
            self.add(MatchKey.EXTERNAL_ID, at, [(each.system, each.value) for each in wish.external_ids])
        if wish.properties and MatchKey.PROPERTY in keys:
            unique = [(each.property_id, each.unique_key) for each in wish.properties if each.unique_key]
            self.add(MatchKey.PROPERTY, at, unique)

    @property
    def keys(self) -> tuple[MatchKey, ...]:
        """The kinds of key there are, strongest first."""
        return tuple(key for key in MatchKey if self.rows.get(key))

    def values(self, tenant: UUID) -> dict[str, object]:
        """The keys as arrays."""
        sent: dict[str, object] = {"tenant": tenant}
        for key in self.keys:
            columns = ("at", *(name for name, _ in COLUMNS[key]))
            for name, of_column in zip(columns, zip(*self.rows[key], strict=True), strict=True):
                sent[f"{key}_{name}"] = list(of_column)
        return sent


@cache
def finding(branches: tuple[tuple[MatchKey, str], ...], columns: Sequence[str] = ("record",)) -> TextClause:
    """The statement of what several kinds of key lead to, each kind by its own part of it."""
    return text(
        "\nUNION ALL\n".join(
            f"SELECT told.at, '{key}' AS key, {', '.join(f'found.{name}' for name in columns)} "
            f"FROM {sent(key)} CROSS JOIN LATERAL ({branch}) AS found"
            for key, branch in branches
        )
    )


def sent(key: MatchKey) -> str:
    """The keys sent, as a table."""
    columns = (("at", "int"), *COLUMNS[key])
    arrays = ", ".join(f"CAST(:{key}_{name} AS {kind}[])" for name, kind in columns)
    return f"unnest({arrays}) AS told({', '.join(name for name, _ in columns)})"


async def led_to(
    call: Call, sought: Sought, branches: Mapping[MatchKey, str], columns: tuple[str, ...]
) -> Sequence[Row[tuple[object, ...]]]:
    """The rows that keys lead to, with the place of the wish and the kind of key."""
    used = used_of(sought, branches)
    if not used:
        return ()
    return (await call.session.execute(finding(used, columns), sought.values(call.actor.tenant))).all()


def used_of(sought: Sought, branches: Mapping[MatchKey, str]) -> tuple[tuple[MatchKey, str], ...]:
    """The branches for the kinds of key there are."""
    return tuple((key, branches[key]) for key in sought.keys if key in branches)


def in_place(rows: Iterable[tuple[int, UUID]], number: int) -> list[list[UUID]]:
    """Records by the place of the wish that leads to them, each once."""
    found: list[dict[UUID, None]] = [{} for _ in range(number)]
    for at, record in rows:
        found[at][record] = None
    return [list(each) for each in found]
