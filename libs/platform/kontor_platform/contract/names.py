"""The nearest name to a mistyped one."""

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA
from rapidfuzz.utils import default_process

LEAST_LIKENESS = 0.6


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The candidate nearest to the name by edit distance with transpositions after folding; empty if none is near."""
    found = process.extractOne(
        name, list(candidates), scorer=OSA.normalized_similarity, processor=default_process, score_cutoff=LEAST_LIKENESS
    )
    return found[0] if found else ""
