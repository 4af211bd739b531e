"""Keeps every word that terms are made of once, with the trigrams that substrings and slips are found by."""

from collections.abc import Iterable

from sqlalchemy import text

from kontor_platform.data.arrays import array
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
        tenant = call.actor.tenant
        await call.session.execute(SHARE, {"tenant": tenant})
        types, words = (array(column) for column in zip(*sorted(self._words), strict=True))
        added = await call.session.execute(ADD, {"tenant": tenant, "types": types, "words": words})
        new = sorted((row.object_type, gram, row.word) for row in added for gram in grams(row.word))
        if new:
            of_types, of_grams, of_words = (array(column) for column in zip(*new, strict=True))
            values = {"tenant": tenant, "types": of_types, "grams": of_grams, "words": of_words}
            await call.session.execute(ADD_GRAMS, values)
