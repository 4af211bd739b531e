"""Reads choices of a select: by value or label, exactly, else without regard to case and accents."""

from collections.abc import Iterable, Sequence

from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Option
from kontor_platform.data.records.fold import clean, fold
from kontor_platform.data.records.reading.basis import BadValue, one_line, shown
from kontor_platform.data.records.reading.texts import written

BETWEEN = (";", "\n", "|", ",")


def read_option(options: Sequence[Option], given: JSON) -> str:
    """The value of the option meant, an active one if there is; raises BadValue."""
    text = choice(given)
    for same in (exactly, folded):
        meant = same(options, text)
        active = [each for each in meant if not each.archived] or meant
        if len(active) > 1:
            raise ambiguous(text, active)
        if active:
            return active[0].value
    raise unknown(text, options)


def choice(given: JSON) -> str:
    """What was given as the name of an option."""
    if isinstance(given, list | dict) or given is None:
        raise BadValue("option_unknown", f"{shown(given)} is not one option.")
    text = str(given).lower() if isinstance(given, bool) else written(given)
    return clean(one_line(text, "option_unknown", "an option"))


def exactly(options: Sequence[Option], text: str) -> list[Option]:
    """Options of this value, else of this label."""
    return [each for each in options if each.value == text] or [each for each in options if each.label == text]


def folded(options: Sequence[Option], text: str) -> list[Option]:
    """Options whose value or label is this but for case and accents."""
    return [each for each in options if fold(text) in (fold(each.value), fold(each.label))]


def ambiguous(text: str, meant: Sequence[Option]) -> BadValue:
    """The refusal of a text that means several options."""
    values = [each.value for each in meant]
    return BadValue("option_ambiguous", f"{shown(text)} may be {' or '.join(values)}; give the value.", values)


def unknown(text: str, options: Sequence[Option]) -> BadValue:
    """The refusal of a text that means no option."""
    active = [each for each in options if not each.archived]
    near = nearest_option(text, active)
    hint = f" Did you mean {near}?" if near else ""
    allowed = [each.value for each in active]
    return BadValue("option_unknown", f"There is no option {shown(text)}.{hint}", allowed, near)


def nearest_option(text: str, options: Sequence[Option]) -> str:
    """The value of the option whose value or label is nearest to the text."""
    named = {name: each.value for each in options for name in (each.label, each.value)}
    return named.get(nearest(text, named), "")


def read_options(options: Sequence[Option], given: JSON) -> list[JSON]:
    """The values of the options meant, each once and in the order of the definition; raises BadValue."""
    told = list(given) if isinstance(given, list) else listed(options, given)
    chosen = {read_option(options, each) for each in told if not nothing(each)}
    return [each.value for each in options if each.value in chosen]


def nothing(given: JSON) -> bool:
    """Tells whether an item of a list is empty."""
    return given is None or (isinstance(given, str) and not given.strip())


def listed(options: Sequence[Option], given: JSON) -> list[JSON]:
    """The items of one text: itself if it is an option, else split where all parts are options, else at semicolons."""
    if not isinstance(given, str) or known(options, [given]):
        return [given]
    splits = [[part.strip() for part in given.split(mark) if part.strip()] for mark in BETWEEN]
    fitting = next((parts for parts in splits if known(options, parts)), None)
    return list(fitting or splits[0])


def known(options: Sequence[Option], texts: Iterable[str]) -> bool:
    """Tells whether every text means an option."""
    return all(exactly(options, clean(text)) or folded(options, clean(text)) for text in texts)
