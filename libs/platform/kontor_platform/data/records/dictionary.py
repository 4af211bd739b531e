"""The words that terms are made of: which hold a text in their middle, and which are a slip away from it."""

from collections.abc import Sequence

from rapidfuzz.distance import OSA

from kontor_platform.data.records.terms import BEGIN, END, LONGEST_SLIPPING, slips, trigrams
from kontor_platform.runtime.call import Call

MOST_PARTS = 200
MOST_ALIKE = 50
MOST_NEAR = 10
GRAMS_OF_PART = 3
# domain/crm.md 3.1: one slip up to 7 characters, two in longer words, which may differ by two in length.
ONE_SLIP = LONGEST_SLIPPING - 1
# A slip leaves up to four grams that no word has, and they are the rarest.
GRAMS_ALIKE, LEAST_SHARE = 8, 2

# The rarest of the grams asked for: common ones cost much and tell little.
PICKED = """
WITH picked AS MATERIALIZED (
    SELECT gram FROM (
        SELECT a.gram, (SELECT count(*) FROM (SELECT FROM word_gram c WHERE c.tenant_id = %(tenant)s
            AND c.object_type = %(kind)s AND c.gram = a.gram LIMIT 1500) AS counted) AS words
        FROM unnest(%(grams)s::text[]) AS a(gram)
    ) AS told ORDER BY words LIMIT %(picked)s
)
"""
HOLDING = f"""{PICKED}
SELECT word FROM (
    SELECT g.word, length(g.word) AS size FROM picked JOIN word_gram g ON g.gram = picked.gram
    WHERE g.tenant_id = %(tenant)s AND g.object_type = ANY(%(types)s)
    GROUP BY g.object_type, g.word HAVING count(*) = %(picked)s OFFSET 0
) AS held
WHERE position(%(part)s IN word) > 0 GROUP BY size, word ORDER BY size, word LIMIT %(most)s
"""
ONE_AWAY = """
SELECT DISTINCT g.word FROM word_gram g
WHERE g.tenant_id = %(tenant)s AND g.object_type = ANY(%(types)s) AND g.gram = ANY(%(grams)s)
"""
ALIKE = f"""{PICKED}
SELECT word FROM (
    SELECT g.word, count(*) AS shared FROM picked JOIN word_gram g ON g.gram = picked.gram
    WHERE g.tenant_id = %(tenant)s AND g.object_type = ANY(%(types)s)
    GROUP BY g.object_type, g.word HAVING count(*) >= %(least)s OFFSET 0
) AS alike
WHERE length(word) BETWEEN %(size)s - 2 AND %(size)s + 2
GROUP BY word ORDER BY max(shared) DESC, word LIMIT %(most)s
"""


async def holding(call: Call, types: Sequence[str], part: str) -> list[str]:
    """Words with the text in their middle, the shortest first."""
    grams = list(dict.fromkeys(trigrams(part)))
    picked = min(len(grams), GRAMS_OF_PART)
    values = base(call, types, grams) | {"picked": picked, "part": part, "most": MOST_PARTS}
    return [row["word"] for row in await call.read(HOLDING, values) if not row["word"].startswith(part)]


async def near(call: Call, types: Sequence[str], word: str) -> list[str]:
    """Words a slip away, two in a long word, the nearest first; a swap of neighbours is one slip."""
    if len(word) <= ONE_SLIP:
        rows, most = await call.read(ONE_AWAY, base(call, types, slips(word))), 1
    else:
        grams = list(dict.fromkeys(trigrams(BEGIN + word + END)))
        wanted = {"picked": GRAMS_ALIKE, "least": LEAST_SHARE, "size": len(word), "most": MOST_ALIKE}
        rows, most = await call.read(ALIKE, base(call, types, grams) | wanted), 2
    return nearest_words(word, [row["word"] for row in rows], most)


def nearest_words(word: str, known: Sequence[str], most: int) -> list[str]:
    """The other words within so many slips, the nearest first."""
    away = sorted((OSA.distance(word, each, score_cutoff=most), each) for each in known if each != word)
    return [each for slipped, each in away if slipped <= most][:MOST_NEAR]


def base(call: Call, types: Sequence[str], grams: Sequence[str]) -> dict[str, object]:
    """What every statement here asks for."""
    return {"tenant": call.actor.tenant, "types": list(types), "kind": types[0], "grams": list(grams)}
