"""Folding: the form in which text is compared, on the way in and on the way out."""

import re
import unicodedata

UNDECOMPOSED = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ħ": "h",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "ð": "d",
        "þ": "th",
        "ŧ": "t",
        "ĸ": "k",
        "ŋ": "n",
    }
)
WORD = re.compile(r"[a-z0-9]+")
SPACELESS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)


def clean(text: str) -> str:
    """The text as it is stored: composed (NFC), without space at its ends."""
    return unicodedata.normalize("NFC", text).strip()


def fold(text: str) -> str:
    """The text without regard to case, accents, width, invisible characters and the amount of space."""
    if text.isascii():
        return " ".join(text.lower().split())
    return fold_any(text)


def fold_any(text: str) -> str:
    """The same for any text, also one that `fold` reads the short way."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(each for each in apart if not unicodedata.combining(each) and unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFC", " ".join(kept.translate(UNDECOMPOSED).split()))


def words(text: str) -> list[str]:
    """The folded words of a text in order; a run of a script without spaces gives its overlapping pairs."""
    folded = fold(text)
    if folded.isascii():
        return WORD.findall(folded)
    return [piece for word in separated(folded) for piece in pieces(word)]


def separated(folded: str) -> list[str]:
    """The runs of letters, digits and the vowel signs that stay with their letters."""
    return "".join(each if each.isalnum() or is_sign(each) else " " for each in folded).split()


def lettered(word: str) -> bool:
    """Whether a word has no digits."""
    return word.isalpha() or all(each.isalpha() or is_sign(each) for each in word)


def is_sign(character: str) -> bool:
    """Whether a character is a vowel sign or another mark, as in Devanagari."""
    return unicodedata.category(character).startswith("M")


def pieces(word: str) -> list[str]:
    """The parts of a folded word that are searched for on their own."""
    found: list[str] = []
    start = 0
    for run in SPACELESS.finditer(word):
        found += [word[start : run.start()]] if run.start() > start else []
        found += pairs(run.group())
        start = run.end()
    return found + ([word[start:]] if start < len(word) else [])


def pairs(run: str) -> list[str]:
    """The overlapping pairs of a run of characters; the run itself when shorter."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
