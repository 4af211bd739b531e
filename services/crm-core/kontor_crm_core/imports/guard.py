"""Keeps spreadsheets from running cells as formulas, in a way that is taken back exactly."""

import re
import unicodedata

MARK = "'"
COLUMN = "_kontor"
FORMULA = "=+-@"
# A minus that is not ASCII and that compatibility does not fold.
MINUS = "\u2212"
BREAKS = "\t\r\n"
NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}([.,]\d{3})+)([.,]\d+)?([eE][+-]?\d{1,3})?%?", re.ASCII)
PHONE = re.compile(r"\+\d[\d ().-]{5,24}", re.ASCII)
DIGITS = range(7, 16)
SAFE_START = re.compile(r"[0-9A-Za-z]")


def guarded(text: str) -> str:
    """The cell as a spreadsheet may see it: with one mark in front of what it could run."""
    if not text or SAFE_START.match(text):
        return text
    return MARK + text if runs(text) else text


def unguarded(text: str) -> str:
    """The cell as it was before `guarded`."""
    return text[1:] if text.startswith(MARK) and runs(text[1:]) else text


def runs(text: str) -> bool:
    """Tells whether a spreadsheet could run a text, marks in front of it left out."""
    core = text.lstrip(MARK)
    begun = seen(core)
    if not begun:
        return bool(core) and any(each in BREAKS for each in core)
    led_by_break = any(each in BREAKS for each in core[: len(core) - len(begun)])
    return (led_by_break or is_operator(begun[0])) and not is_plain(core)


def seen(text: str) -> str:
    """The text from its first visible character on."""
    at = 0
    while at < len(text) and (text[at].isspace() or unicodedata.category(text[at]) in ("Cf", "Cc", "Zs")):
        at += 1
    return text[at:]


def is_operator(char: str) -> bool:
    """Tells whether a character begins a formula, in any of its widths."""
    return char == MINUS or unicodedata.normalize("NFKC", char)[0] in FORMULA


def is_plain(text: str) -> bool:
    """Tells whether a text is a number or a phone number in international form, which no spreadsheet runs."""
    if NUMBER.fullmatch(text):
        return True
    return bool(PHONE.fullmatch(text)) and sum(each.isdigit() for each in text) in DIGITS
