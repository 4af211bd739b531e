"""Keys under which contacts stand that may be the same person; candidates for duplicates come from these alone.

Numbers and names have terms of their own that serve as such keys too.
"""

from collections.abc import Iterator, Sequence

from jellyfish import metaphone

from kontor_crm_core.identity.free_mail import FREE_MAIL
from kontor_platform.data.records.fold import fold, words

MOST_ADDRESSES = 3
LONGEST_NAME = 40


def block_keys(first: str, last: str, addresses: Sequence[str], company: str = "") -> Iterator[str]:
    """The keys of a contact: its addresses without dots and tags, its names as they sound, its names at its domains,
    and their initials at its company.

    Each name is taken for the surname in turn, so that swapped ones meet.
    """
    firsts, lasts = words(first), words(last)
    given, family = (firsts[0] if firsts else ""), (lasts[-1] if lasts else "")
    yield from sounding(family, given)
    yield from sounding(given, family)
    if company:
        yield from (f"c:{fold(company)[:LONGEST_NAME]}:{name[0]}" for name in (family, given) if name)
    for address in addresses[:MOST_ADDRESSES]:
        local, _, domain = address.rpartition("@")
        yield f"e:{plain(local)}@{domain}"
        if domain not in FREE_MAIL:
            yield from (f"d:{domain}:{name}" for name in (family, given) if name)


def sounding(family: str, given: str) -> Iterator[str]:
    """How a surname sounds, with the initial of the other name; a script without such rules stands as it is."""
    if family:
        yield f"m:{(metaphone(family) if family.isascii() else '') or family}:{given[:1]}"


def plain(local: str) -> str:
    """A local part without dots and without what follows a plus sign."""
    return local.partition("+")[0].replace(".", "") or local
