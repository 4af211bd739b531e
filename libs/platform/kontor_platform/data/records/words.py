"""Keeps every word that terms are made of once, with the trigrams that substrings and slips are found by."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.data.arrays import array
from kontor_platform.data.database import Database
from kontor_platform.data.records.terms import grams, is_word
from kontor_platform.runtime.call import Call

# Writers share the tenant's lock, the cleaner of unused words takes it alone.
SHARE = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('words:' || CAST(:tenant AS text), 0))")
ADD = text(
    """
    INSERT INTO search_word (tenant_id, object_type, word)
    SELECT :tenant, told.object_type, told.word
    FROM unnest(CAST(:types AS text[]), CAST(:words AS text[])) AS told(object_type, word)
    WHERE NOT EXISTS (SELECT FROM search_word w WHERE w.tenant_id = :tenant AND w.object_type = told.object_type
        AND w.word = told.word)
    ORDER BY told.object_type, told.word
    ON CONFLICT DO NOTHING RETURNING object_type, word
    """
)
ADD_GRAMS = text(
    """
    INSERT INTO word_gram (tenant_id, object_type, gram, word)
    SELECT :tenant, told.object_type, told.gram, told.word
    FROM unnest(CAST(:types AS text[]), CAST(:grams AS text[]), CAST(:words AS text[]))
        AS told(object_type, gram, word)
    ORDER BY told.object_type, told.gram, told.word
    ON CONFLICT DO NOTHING
    """
)

BATCH = 2_000
MOST_AT_ONCE = 500
# Writers that come meanwhile wait behind the cleaner, so it gives up soon.
PATIENCE = text("SELECT set_config('lock_timeout', '500ms', true)")
ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('words:' || CAST(:tenant AS text), 0))")
KEPT = text(
    """
    SELECT w.object_type, w.word, EXISTS (SELECT FROM search_term s WHERE s.tenant_id = :tenant
        AND s.object_type = w.object_type AND s.term = w.word) AS used
    FROM (
        SELECT object_type, word FROM search_word
        WHERE tenant_id = :tenant AND (object_type, word) > (:object_type, :word)
        ORDER BY object_type, word LIMIT :most
    ) AS w ORDER BY w.object_type, w.word
    """
)
DROP = text(
    """
    DELETE FROM search_word w
    USING unnest(CAST(:types AS text[]), CAST(:words AS text[])) AS told(object_type, word)
    WHERE w.tenant_id = :tenant AND w.object_type = told.object_type AND w.word = told.word
        AND NOT EXISTS (SELECT FROM search_term s WHERE s.tenant_id = :tenant AND s.object_type = told.object_type
            AND s.term = told.word)
    RETURNING w.object_type, w.word
    """
)
DROP_GRAMS = text(
    """
    DELETE FROM word_gram g
    USING unnest(CAST(:types AS text[]), CAST(:grams AS text[]), CAST(:words AS text[]))
        AS told(object_type, gram, word)
    WHERE g.tenant_id = :tenant AND g.object_type = told.object_type AND g.gram = told.gram AND g.word = told.word
    """
)


class Words:
    """The words of a call's records; stored last and in order, since other calls add the same ones."""

    def __init__(self) -> None:
        self._words: set[tuple[str, str]] = set()

    def add(self, object_type: str, terms: Iterable[tuple[str, int]]) -> None:
        """Notes the words among terms and the bits of their fields."""
        self._words.update((object_type, term) for term, bits in terms if is_word(term, bits))

    async def close(self, call: Call) -> None:
        """Stores those that are new."""
        if not self._words:
            return
        tenant, ordered = call.actor.tenant, sorted(self._words)
        kinds, words = (array(column) for column in zip(*ordered, strict=True))
        await call.session.execute(SHARE, {"tenant": tenant})
        added = await call.session.execute(ADD, {"tenant": tenant, "types": kinds, "words": words})
        new = sorted((row.object_type, gram, row.word) for row in added for gram in grams(row.word))
        if new:
            of_types, of_grams, of_words = (array(column) for column in zip(*new, strict=True))
            values = {"tenant": tenant, "types": of_types, "grams": of_grams, "words": of_words}
            await call.session.execute(ADD_GRAMS, values)


async def clean_words(database: Database, tenant: UUID) -> int:
    """Removes the words of a tenant that no term uses any more and answers how many; safe beside any writer.

    A writer that makes a word used again takes the tenant's lock before it looks whether the word is there. Raises
    sqlalchemy.exc.DBAPIError where writers hold the lock for long; what was removed until then stays so.
    """
    gone, place = 0, ("", "")
    while True:
        async with database.transaction(tenant) as (session, _):
            values = {"tenant": tenant, "object_type": place[0], "word": place[1], "most": BATCH}
            rows = (await session.execute(KEPT, values)).all()
        unused = [(row.object_type, row.word) for row in rows if not row.used]
        for at in range(0, len(unused), MOST_AT_ONCE):
            gone += await drop_words(database, tenant, unused[at : at + MOST_AT_ONCE])
        if len(rows) < BATCH:
            return gone
        place = (rows[-1].object_type, rows[-1].word)


async def drop_words(database: Database, tenant: UUID, words: Sequence[tuple[str, str]]) -> int:
    """Removes those of the words that are unused still, alone with the tenant's words."""
    async with database.transaction(tenant) as (session, _):
        await session.execute(PATIENCE)
        gone = await forget_words(session, tenant, words)
        await session.commit()
    return gone


async def forget_words(session: AsyncSession, tenant: UUID, words: Sequence[tuple[str, str]]) -> int:
    """Removes those of the words that no term uses and answers how many; writers of words wait until the commit."""
    if not words:
        return 0
    await session.execute(ALONE, {"tenant": tenant})
    types, names = zip(*words, strict=True)
    dropped = await session.execute(DROP, {"tenant": tenant, "types": list(types), "words": list(names)})
    gone = [(row.object_type, row.word) for row in dropped]
    await drop_grams(session, tenant, gone)
    return len(gone)


async def drop_grams(session: AsyncSession, tenant: UUID, words: Sequence[tuple[str, str]]) -> None:
    """Removes what the words were kept under."""
    rows = [(object_type, gram, word) for object_type, word in words for gram in grams(word)]
    if rows:
        types, of_words, names = zip(*rows, strict=True)
        values = {"tenant": tenant, "types": list(types), "grams": list(of_words), "words": list(names)}
        await session.execute(DROP_GRAMS, values)
