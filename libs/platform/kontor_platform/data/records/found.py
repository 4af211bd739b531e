"""The SQL of finding records by terms: how candidates are gathered, what narrows them, how they are ranked.

Every text from a caller is a parameter. Terms are read from the key of `search_term` alone, which holds the fields.
"""

from dataclasses import dataclass
from functools import lru_cache

COUNTS = """
SELECT a.at, (SELECT count(*) FROM (
    SELECT FROM unnest(%(ats)s::int[], %(lows)s::text[], %(highs)s::text[]) AS w(at, low, high),
        unnest(%(types)s::text[]) AS t(kind),
        LATERAL (SELECT FROM search_term s
            WHERE s.tenant_id = %(tenant)s AND s.object_type = t.kind AND s.term >= w.low AND s.term <= w.high) s
    WHERE w.at = a.at LIMIT %(most)s) AS counted) AS entries
FROM (SELECT DISTINCT unnest(%(ats)s::int[]) AS at) AS a
"""
WITHIN_COUNT = """
UNION ALL SELECT %(last)s, (SELECT count(*) FROM (SELECT FROM ({0}) AS wanted LIMIT %(most)s) AS counted)
"""
# The terms of each range in their order: an exact one is the range's lower bound and comes first.
IN_ORDER = """
    SELECT s.object_type, s.record_id, s.fields, CASE WHEN w.class <> 3 OR s.term <> w.low THEN w.class
        WHEN s.fields & %(identifiers)s <> 0 THEN 1 ELSE 2 END AS class
    FROM unnest(%(one_lows)s::text[], %(one_highs)s::text[], %(one_classes)s::int[]) AS w(low, high, class),
        unnest(%(types)s::text[]) AS t(kind),
        LATERAL (SELECT s.object_type, s.term, s.record_id, s.fields FROM search_term s
            WHERE s.tenant_id = %(tenant)s AND s.object_type = t.kind AND s.term >= w.low AND s.term <= w.high
            ORDER BY s.term, s.record_id LIMIT %(entries)s) s
"""
# The same in any order, told so that the database knows from its statistics how much it is.
BEGINNING = """
    SELECT s.object_type, s.record_id, s.fields, CASE
        WHEN s.term <> %({0})s THEN 3 WHEN s.fields & %(identifiers)s <> 0 THEN 1 ELSE 2 END AS class
    FROM search_term s WHERE s.tenant_id = %(tenant)s AND s.object_type = ANY(%(types)s)
        AND s.term >= %({0})s AND s.term <= %({0}_high)s
"""
AMONG = """
    SELECT s.object_type, s.record_id, s.fields, {1} AS class
    FROM search_term s WHERE s.tenant_id = %(tenant)s AND s.object_type = ANY(%(types)s) AND s.term = ANY(%({0})s)
"""
CANDIDATES = """
candidate AS MATERIALIZED (
    SELECT object_type, record_id, bit_or(fields)::int AS fields, min(class) AS class FROM entry
    GROUP BY object_type, record_id ORDER BY min(class) LIMIT {0}
)
"""
MATCHED = """
    SELECT p.at, own.term, CASE
        WHEN p.class = 3 THEN CASE WHEN own.term = p.text THEN 2 WHEN own.term ^@ p.text THEN 3 END
        WHEN p.class = 4 THEN CASE WHEN position(p.text IN own.term) > 0 AND NOT own.term ^@ '~' THEN 4 END
        WHEN own.term = p.text THEN p.class END AS class
    FROM unnest(r.terms) AS own(term),
        unnest(%(pattern_ats)s::int[], %(patterns)s::text[], %(pattern_classes)s::int[]) AS p(at, text, class)
"""
NARROWED = f"""
matched AS MATERIALIZED (
    SELECT c.object_type, c.record_id, c.fields, c.class AS driving, m.at, m.term, m.class
    FROM candidate c
    JOIN record r ON r.tenant_id = %(tenant)s AND r.id = c.record_id
    CROSS JOIN LATERAL (SELECT * FROM ({MATCHED}) AS told WHERE class IS NOT NULL AND at = ANY(%(others)s)) AS m
),
narrowed AS (
    SELECT object_type, record_id, bit_or(fields)::int AS fields, max(class) AS class FROM (
        SELECT m.object_type, m.record_id, bit_or(m.fields | s.fields) AS fields,
            greatest(m.driving, min(m.class)) AS class
        FROM matched m JOIN search_term s ON s.tenant_id = %(tenant)s AND s.object_type = m.object_type
            AND s.term = m.term AND s.record_id = m.record_id
        GROUP BY m.object_type, m.record_id, m.driving, m.at
    ) AS word GROUP BY object_type, record_id HAVING count(*) = cardinality(%(others)s::int[])
    LIMIT %(candidates)s
),
"""
RANKED = f"""
ranked AS (
    SELECT m.class, -bit_count(m.fields::bit(16)) AS fewer,
        -coalesce((SELECT (extract(epoch FROM a.last_activity_at) * 1000)::bigint FROM record_stat a
            WHERE a.tenant_id = %(tenant)s AND a.record_id = m.record_id), 0) AS older,
        m.record_id, m.object_type
    FROM {{source}} m
),
page AS (
    SELECT * FROM ranked
    WHERE (class, fewer, older, record_id) > (%(class)s, %(fewer)s, %(older)s, %(record)s::uuid)
    ORDER BY class, fewer, older, record_id LIMIT %(limit)s
)
SELECT page.class, page.fewer, page.older, page.record_id, page.object_type, why.term, why.fields AS term_fields,
    (SELECT count(*) FROM ranked) AS total,
    (SELECT count(*) FROM entry) >= %(entries)s OR (SELECT count(*) FROM candidate) >= %(candidates)s AS capped,
    {{shown}}
FROM page
JOIN record r ON r.tenant_id = %(tenant)s AND r.id = page.record_id
{{joined}}
LEFT JOIN LATERAL (
    SELECT best.term, s.fields FROM (
        SELECT m.term FROM ({MATCHED}) AS m WHERE m.class IS NOT NULL
        ORDER BY m.class = greatest(page.class, 2) DESC, m.class DESC, m.at, length(m.term), m.term LIMIT 1
    ) AS best
    JOIN search_term s ON s.tenant_id = %(tenant)s AND s.object_type = page.object_type AND s.term = best.term
        AND s.record_id = page.record_id
) AS why ON true
ORDER BY page.class, page.fewer, page.older, page.record_id
"""


@dataclass(frozen=True, slots=True)
class Source:
    """What a word is gathered by: a number of beginnings, and terms that hold it or are a slip away."""

    name: str
    begins: int
    widened: bool

    def sql(self) -> str:
        """Rows of the word's terms, in any order."""
        parts = [BEGINNING.format(f"{self.name}_{at}") for at in range(self.begins)]
        if self.widened:
            parts += [AMONG.format(f"{self.name}_parts", 4), AMONG.format(f"{self.name}_near", 5)]
        return " UNION ALL ".join(parts)


@dataclass(frozen=True, slots=True)
class Shape:
    """How candidates are gathered: by one word, by two at once, by whole words, or by who else is wanted.

    `whole` is how many whole words are joined; `within` selects the ids of the records wanted, `test` tells of one
    record `{0}` whether it is wanted: cheaper where there are few to ask about.
    """

    sources: tuple[Source, ...] = ()
    whole: int = 0
    narrowed: bool = False
    within: str = ""
    test: str = ""


# Texts of dynamic segments are among them, so they are not kept for ever.
@lru_cache(maxsize=512)
def statement(shape: Shape, shown: str, joined: str) -> str:
    """The statement that answers one page; `shown` are columns of its rows, `joined` what they come from."""
    wanted = f"wanted AS MATERIALIZED ({shape.within})," if shape.within and not shape.test else ""
    entries = f"entry AS MATERIALIZED ({entries_of(shape)} LIMIT %(entries)s),"
    candidates = CANDIDATES.format("%(entries)s" if shape.narrowed else "%(candidates)s")
    ranked = RANKED.format(source="narrowed" if shape.narrowed else "candidate", shown=shown, joined=joined)
    return f"WITH {wanted} {entries} {candidates}, {NARROWED if shape.narrowed else ''} {ranked}"


def entries_of(shape: Shape) -> str:
    """Rows of terms that candidates are made of."""
    rows = []
    if shape.whole:
        rows.append(f"SELECT * FROM ({whole_words(shape.whole, within=bool(shape.within))}) AS whole")
    if len(shape.sources) == 2:
        rows.append(two_words(*shape.sources, within=bool(shape.within)))
    if len(shape.sources) == 1:
        rows.append(wanted_only(shape.sources[0], shape.test) if shape.within else IN_ORDER)
    return " UNION ALL ".join(rows) or all_wanted()


def wanted_only(source: Source, test: str = "") -> str:
    """The rows of a word that belong to the records wanted."""
    if test:
        return f"SELECT * FROM ({source.sql()} OFFSET 0) AS mine WHERE {test.format('mine.record_id')}"
    return f"SELECT * FROM ({source.sql()}) AS mine WHERE record_id IN (SELECT id FROM wanted)"


def all_wanted() -> str:
    """The records wanted themselves, for words to narrow."""
    return """
        SELECT r.object_type, r.id AS record_id, 0 AS fields, 1 AS class
        FROM wanted JOIN record r ON r.tenant_id = %(tenant)s AND r.id = wanted.id
        WHERE r.object_type = ANY(%(types)s)
    """


def two_words(one: Source, two: Source, *, within: bool) -> str:
    """Records among the terms of two words."""
    return f"""
        SELECT a.object_type, a.record_id, a.fields | b.fields AS fields, greatest(a.class, b.class) AS class
        FROM ({wanted_only(one) if within else one.sql()}) AS a JOIN ({two.sql()}) AS b ON b.record_id = a.record_id
    """


def whole_words(words: int, *, within: bool) -> str:
    """Records with all of some whole words: each word's lie in the order of their ids, so that few are read."""
    fields = " | ".join(f"s{at}.fields" for at in range(words))
    others = "\n".join(
        f"JOIN search_term s{at} ON s{at}.tenant_id = %(tenant)s AND s{at}.object_type = t.kind "
        f"AND s{at}.term = %(whole_{at})s AND s{at}.record_id = s0.record_id"
        for at in range(1, words)
    )
    wanted = "AND s0.record_id IN (SELECT id FROM wanted)" if within else ""
    return f"""
        SELECT s.* FROM unnest(%(types)s::text[]) AS t(kind), LATERAL (
            SELECT s0.object_type, s0.record_id, ({fields})::int AS fields, 2 AS class FROM search_term s0 {others}
            WHERE s0.tenant_id = %(tenant)s AND s0.object_type = t.kind AND s0.term = %(whole_0)s {wanted}
            LIMIT %(candidates)s) AS s
    """
