"""Which legacy encoding a text is in, and how sure that is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

# Letters of the languages that were written in each code page: what is typical there speaks for it.
GERMAN, FRENCH, SPANISH = "äöüÄÖÜß", "éèêëàâçîïôùûœÉÈÊÀÇÎÔ", "áéíóúñüÁÉÍÓÚÑ"
PORTUGUESE, ITALIAN, NORDIC, DUTCH = "ãõáéíóúâêôçàÃÕÁÉÍÓÚÂÊÔÇ", "àèéìòùÀÈÉÌÒÙ", "åäöæøÅÄÖÆØéþðÞÐ", "ëïéèöüó"
POLISH, CZECH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňóřšťúůýžôľĺŕäÁČĎÉĚÍŇÓŘŠŤÚŮÝŽĽ"
HUNGARIAN, ROMANIAN, SLAVIC = "áéíóöőúüűÁÉÍÓÖŐÚÜŰ", "ăâîşţșțĂÂÎŞŢ", "čćđšžČĆĐŠŽ"
RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁІЇЄҐ"
GREEK = "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ"
TURKISH = "çğıöşüÇĞİÖŞÜâîû"
HEBREW = "אבגדהוזחטיכלמנסעפצקרשתךםןףץ"
ARABIC = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ"
BALTIC, ESTONIAN = "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽąęėįųĄĘĖĮŲ", "äöõüšžÄÖÕÜŠŽ"
VIETNAMESE = "ăâđêôơưĂÂĐÊÔƠƯàáãèéìíòóõùúýÀÁÃÈÉÌÍÒÓÕÙÚÝ"
THAI = "".join(map(chr, range(0x0E01, 0x0E5C)))
WESTERN = (GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, NORDIC, DUTCH)
CENTRAL = (POLISH, CZECH, HUNGARIAN, ROMANIAN, SLAVIC, GERMAN)
FOREIGN_SCRIPTS = (RUSSIAN, GREEK, HEBREW, ARABIC, THAI)
BICAMERAL = (RUSSIAN, GREEK)
PUNCTUATION = "\u201c\u201d\u201e\u2018\u2019\u201a\u2013\u2014\u2026\u2022\u00a0€£§©®™°ºª²³½«»¡¿·"
SINGLE: Mapping[str, tuple[str, ...]] = {
    "cp1252": WESTERN,
    "cp1250": CENTRAL,
    "cp1251": (RUSSIAN,),
    "koi8_r": (RUSSIAN,),
    "cp1253": (GREEK,),
    "cp1254": (TURKISH,),
    "cp1255": (HEBREW,),
    "cp1256": (ARABIC,),
    "cp1257": (BALTIC, ESTONIAN),
    "cp1258": (VIETNAMESE,),
    "cp874": (THAI,),
    "iso8859_2": CENTRAL,
    "mac_roman": WESTERN,
    "cp850": WESTERN,
    "cp852": CENTRAL,
    "cp866": (RUSSIAN,),
}
DOUBLE = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
LIKELY_CHAOS = 0.2
LEAST = 0.35


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding and, from 0 to 1, how sure it is."""

    encoding: str
    confidence: float


def guessed(sample: bytes) -> Guess | None:
    """The likeliest legacy encoding of a sample of lines that are not ASCII; None if none is likely."""
    found = sorted([*doubles(sample), *singles(sample)], key=lambda each: -each.confidence)
    return found[0] if found and found[0].confidence >= LEAST else None


def doubles(sample: bytes) -> Iterator[Guess]:
    """East Asian encodings that charset-normalizer holds for likely."""
    for rank, match in enumerate(from_bytes(sample, cp_isolation=[*SINGLE, *DOUBLE], threshold=LIKELY_CHAOS)):
        if match.encoding in DOUBLE:
            foreign = [each for each in str(match) if not each.isascii()]
            share = sum(map(is_eastern, foreign)) / len(foreign)
            yield Guess(match.encoding, round(share * (1 - match.chaos) * 0.95 ** (rank + 1), 2))


def singles(sample: bytes) -> Iterator[Guess]:
    """Code pages of one byte by how well their reading suits their languages; earlier ones win a tie."""
    for rank, (encoding, languages) in enumerate(SINGLE.items()):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        many = sum(not each.isascii() for each in text)
        yield Guess(encoding, round(fitness(text, languages) * many / (many + 0.8) - rank * 0.004, 2))


def fitness(text: str, languages: Sequence[str]) -> float:
    """How well characters beyond ASCII suit the languages of an encoding, from 0 to 1: the best and all together."""
    foreign = [at for at, each in enumerate(text) if not each.isascii()]
    if not foreign:
        return 0.0
    alone = languages[0] in FOREIGN_SCRIPTS
    together = "".join(languages)
    shares = [sum(fit(text, at, letters, alone) for at in foreign) / len(foreign) for letters in (together, *languages)]
    both_cases = languages[0] not in BICAMERAL or len({text[at].isupper() for at in foreign}) == 2
    return max((shares[0] + max(shares[1:])) / 2, 0.0) * (1.0 if both_cases else 0.7)


def fit(text: str, at: int, letters: str, alone: bool) -> float:
    """How well one character suits its place; `alone` is a script that does not mix with Latin letters."""
    char, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char in letters:
        return suits_word(char, before, after, alone)
    if char in PUNCTUATION:
        within = before.isalpha() and after.isalpha() and char not in "\u2019\u00b7"
        return -0.5 if within else 0.7
    return -0.5


def suits_word(char: str, before: str, after: str, alone: bool) -> float:
    """How well a letter suits its neighbours."""
    beside = [each for each in (before, after) if each.isalpha()]
    if (char.isupper() and before.islower()) or (char.islower() and after.isupper()):
        return 0.1
    if alone:
        return 0.1 if any(each.isascii() for each in beside) else 1.0
    if len(beside) == 2 and not any(each.isascii() for each in beside):
        return 0.1
    return 1.0 if beside else 0.6


def is_eastern(char: str) -> bool:
    """Tells whether a character is of the East Asian scripts."""
    return "\u3000" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or "\uff00" <= char <= "\uff60"
