"""Reads one cell for each kind of field; what cannot be read is told, never bent."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

from kontor_crm_core.contact.rules import split_name
from kontor_crm_core.identity.parse import Phone, Unreadable, digits, parse_domain, parse_email, parse_phone
from kontor_crm_core.imports.codes import MatchCode, ValueCode
from kontor_crm_core.imports.mapping.targets import Target
from kontor_crm_core.imports.values.wish import RowWish
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.wishes import control_in
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.reading.basis import BadValue, Reading
from kontor_platform.data.records.reading.numbers import read_bool
from kontor_platform.data.records.values import parse

# Google joins several values of a contact with this, others with a semicolon or a line break.
SEVERAL = re.compile(r"\s*(?::::|;|\r?\n)\s*")
SEVERAL_ADDRESSES = re.compile(r"\s*(?::::|[;,|]|\r?\n)\s*")
INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\u202a\u202c"
ADDRESS = re.compile(r"[^\s<>,;:\"']+@[^\s<>,;:\"']+\.[^\s<>,;:\"']+")
LINE_BREAK = re.compile(r"[\t\n\r]")
LONGEST: Mapping[Target, int] = {
    Target.FIRST_NAME: 100,
    Target.LAST_NAME: 100,
    Target.NAME: 200,
    Target.TITLE: 200,
    Target.CITY: 100,
    Target.COUNTRY: 100,
    Target.COMPANY: 200,
    Target.OWNER: 320,
    Target.CONSENT_BASIS: 100,
}
REMEMBERED = 4_096
LONGEST_PHONE, LONGEST_EMAIL, LONGEST_ID = 64, 320, 200


class Unread(Exception):
    """A cell that could not be read; a warning leaves the row as good as it is."""

    def __init__(self, code: str, message: str, suggestion: str = "", *, is_warning: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.suggestion, self.is_warning = code, message, suggestion, is_warning


Read: TypeAlias = Callable[[RowWish, str], Iterator[Unread]]


def visible(text: str) -> str:
    """The text without spaces and invisible characters at its ends."""
    return clean(text).strip(INVISIBLE).strip()


@lru_cache(REMEMBERED)
def plain_text(cell: str, target: Target) -> str:
    """A text on one line within its limit; raises Unread."""
    text = clean(cell)
    if control := on_one_line(text):
        raise Unread(ValueCode.CONTROL_CHARACTER, f"It has the control character {control}.", " ".join(text.split()))
    if len(text) > LONGEST[target]:
        raise Unread(ValueCode.TEXT_TOO_LONG, f"It has {len(text)} characters, at most {LONGEST[target]} are kept.")
    return text


def on_one_line(text: str) -> str:
    """The first character that no text on one line may have, by its code; empty if there is none."""
    found = LINE_BREAK.search(text)
    return control_in(text) or (f"U+{ord(found.group()):04X}" if found else "")


def text_field(target: Target) -> Read:
    """Reads a text field of the contact."""

    def read(wish: RowWish, cell: str) -> Iterator[Unread]:
        wish.texts[target] = plain_text(cell, target)
        yield from ()

    return read


def whole_name(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads a whole name into its parts."""
    parts = split_name(plain_text(cell, Target.NAME))
    wish.texts |= {name: part for name, part in (("first_name", parts.first), ("last_name", parts.last)) if part}
    yield from ()


def emails(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads one or several addresses."""
    yield from addresses(wish, SEVERAL_ADDRESSES.split(visible(cell)))


def one_email(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads an address as we wrote it."""
    yield from addresses(wish, [clean(cell)])


def addresses(wish: RowWish, texts: Iterable[str]) -> Iterator[Unread]:
    """Reads addresses; one that is none is told, with the address it holds."""
    for each in filter(None, texts):
        try:
            if len(each) > LONGEST_EMAIL:
                raise Unreadable(f"It has more than {LONGEST_EMAIL} characters.")
            email = parse_email(each)
        except Unreadable as why:
            inside = ADDRESS.search(each)
            near = inside.group() if inside and inside.group() != each else ""
            yield Unread(ValueCode.EMAIL_INVALID, str(why), near)
        else:
            if all(email.key != held.key for held in wish.emails):
                wish.emails.append(email)


def phones(region: str, *, ours: bool = False) -> Read:
    """Reads one or several numbers in the habits of a region; what is no number is kept as text and warned of.

    A file of ours has one number a cell, as it is stored.
    """

    def read(wish: RowWish, cell: str) -> Iterator[Unread]:
        for each in [clean(cell)] if ours else filter(None, SEVERAL.split(visible(cell))):
            if len(each) > LONGEST_PHONE:
                told = f"It has {len(each)} characters, at most {LONGEST_PHONE} are kept; it was left out."
                yield Unread(ValueCode.TEXT_TOO_LONG, told, is_warning=True)
                continue
            phone = parse_phone(each, region)
            if not phone.e164:
                yield unread_phone(phone, region)
            if all(phone.key != held.key for held in wish.phones):
                wish.phones.append(phone)

    return read


def unread_phone(phone: Phone, region: str) -> Unread:
    """Why a number cannot be read."""
    if not region and not phone.raw.startswith("+") and digits(phone.raw):
        told = "It has no country code, and no phone region is given; it is kept as text and finds nobody."
        help_ = "Say phone_region, or write it as in +49 30 123456."
        return Unread(ValueCode.PHONE_REGION_NEEDED, told, help_, is_warning=True)
    where = f" of region {region}" if region and not phone.raw.startswith("+") else ""
    told = f"It is no phone number{where}; it is kept as text and finds nobody."
    help_ = "Write it with its country code, as in +1 212 555 0100."
    return Unread(ValueCode.PHONE_INVALID, told, help_, is_warning=True)


def own_id(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads the id of a contact."""
    try:
        wish.id = UUID(visible(cell))
    except ValueError:
        told = "It is not the id of a contact; map ids of other systems to external_id:<system>."
        yield Unread(MatchCode.MATCH_NOT_FOUND, told)


def external_id(system: str) -> Read:
    """Reads an id in another system."""

    def read(wish: RowWish, cell: str) -> Iterator[Unread]:
        value = visible(cell)
        if len(value) > LONGEST_ID:
            yield Unread(ValueCode.TEXT_TOO_LONG, f"An id has at most {LONGEST_ID} characters.")
        elif control := on_one_line(value):
            yield Unread(ValueCode.CONTROL_CHARACTER, f"It has the control character {control}.")
        else:
            wish.external_ids.append(ForeignId(system.strip().lower(), value))

    return read


def company(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads the name of a company; one that cannot be one is left out and warned of."""
    try:
        wish.company = plain_text(cell, Target.COMPANY)
    except Unread as why:
        yield Unread(why.code, f"{why.message} The company was left out.", why.suggestion, is_warning=True)


def company_domain(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads the domain of a company, or the web address it stands in."""
    try:
        wish.company_domain = domain_of(cell)
    except Unreadable as why:
        yield Unread(ValueCode.DOMAIN_INVALID, str(why), is_warning=True)


@lru_cache(REMEMBERED)
def domain_of(cell: str) -> str:
    """The domain in a cell; raises Unreadable."""
    return parse_domain(visible(cell))


def company_id(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads the id of a company."""
    try:
        wish.company_id = UUID(visible(cell))
    except ValueError:
        yield Unread(MatchCode.COMPANY_NOT_FOUND, "It is not the id of a company.", is_warning=True)


def owner(wish: RowWish, cell: str) -> Iterator[Unread]:
    """Reads who owns the contact; users are looked up later."""
    wish.owner = plain_text(visible(cell), Target.OWNER)
    yield from ()


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a column says about an address of its row: about all, or about the one of this place."""

    target: Target
    place: int = 0

    def read(self, wish: RowWish, cell: str) -> Iterator[Unread]:
        """Notes it with the addresses meant."""
        meant = wish.emails[self.place - 1 : self.place] if self.place else wish.emails
        name, value = self.value(cell)
        for email in meant:
            wish.flags.setdefault(email.key, {})[name] = value
        yield from ()

    def value(self, cell: str) -> tuple[str, JSON]:
        """What is said, by the name of the flag; raises Unread."""
        if self.target is Target.CONSENT_BASIS:
            return str(self.target), plain_text(cell, self.target)
        if self.target is Target.OPTED_OUT_AT:
            return str(Target.OPTED_OUT), True
        try:
            return str(self.target), read_bool(visible(cell), Reading())
        except BadValue as why:
            raise Unread(why.code, why.message, "true or false") from why


def custom(definition: Definition, reading: Reading) -> Read:
    """Reads the value of a custom property."""
    key = str(definition.id)
    stored_form = lru_cache(REMEMBERED)(lambda cell: parse(definition, cell, reading))

    def read(wish: RowWish, cell: str) -> Iterator[Unread]:
        try:
            stored = stored_form(cell)
        except BadValue as why:
            options = f"One of: {', '.join(why.allowed)}" if why.allowed else ""
            yield Unread(why.code, why.message, why.did_you_mean or options)
        else:
            if stored is not None:
                wish.properties[key] = stored

    return read
