"""Finds the encoding of a file that does not name it."""

from dataclasses import dataclass

from charset_normalizer import from_bytes

# WHATWG Encoding: what browsers take for text that names no encoding, and so what most tools wrote.
FALLBACK = "cp1252"


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding, why it was taken, and others that would read the file as well."""

    name: str
    why: str
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Says it in a phrase."""
        name = self.name.removesuffix("_sig")
        return f"{name} ({self.why}{'; as likely: ' + ', '.join(self.others) if self.others else ''})"


def detect(data: bytes) -> Encoding:
    """The encoding of some text; a guess where nothing but the letters tells.

    Several single-byte encodings often fit alike; then the web's default is taken.
    """
    found = from_bytes(data)
    best = found.best()
    if best is None:
        return Encoding(FALLBACK, "nothing fits; unreadable bytes are replaced")
    if best.bom or best.encoding in ("ascii", "utf_8"):
        return Encoding("utf_8_sig" if best.encoding == "utf_8" else best.encoding, "by its bytes")
    alike = [each for each in found if (each.chaos, each.coherence) == (best.chaos, best.coherence)]
    names = list(dict.fromkeys(name for each in alike for name in each.could_be_from_charset))
    taken = FALLBACK if FALLBACK in names else best.encoding
    return Encoding(taken, "guessed", tuple(name for name in names if name != taken)[:4])
