"""Which operators a field of each type takes, and how many values each needs."""

from collections.abc import Mapping, Sequence

from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.periods import COUNTED, RELATIVE

GENERAL = ("eq", "neq", "in", "not_in")
ORDERED = ("lt", "lte", "gt", "gte", "between")
TEXTUAL = ("contains", "not_contains", "starts_with")
FIELDS = ("eq_field", "lt_field", "gt_field")
EMPTINESS = ("is_set", "is_empty")
LINKS = ("linked", "linked_all")
NEGATED: Mapping[str, str] = {"neq": "eq", "not_in": "in", "not_contains": "contains", "none_of": "any_of"}
SEVERAL = ("in", "not_in", "between", "any_of", "all_of", "none_of", *LINKS)
NONE_NEEDED = tuple(each for each in (*EMPTINESS, *RELATIVE) if each not in COUNTED)
SIGNS: Mapping[str, str] = {"eq_field": "=", "lt_field": "<", "gt_field": ">"}

OPERATORS: Mapping[Type, Sequence[str]] = {
    Type.TEXT: (*GENERAL, *ORDERED, *TEXTUAL, "has_word", *FIELDS, *EMPTINESS),
    Type.LONG_TEXT: (*TEXTUAL, "has_word", *EMPTINESS),
    Type.NUMBER: (*GENERAL, *ORDERED, *FIELDS, *EMPTINESS),
    Type.MONEY: (*GENERAL, *ORDERED, *FIELDS, *EMPTINESS),
    Type.DATE: (*GENERAL, *ORDERED, *RELATIVE, *FIELDS, *EMPTINESS),
    Type.DATETIME: (*GENERAL, *ORDERED, *RELATIVE, *FIELDS, *EMPTINESS),
    Type.BOOL: ("eq", "neq", *EMPTINESS),
    Type.SELECT: (*GENERAL, "eq_field", *EMPTINESS),
    Type.MULTI_SELECT: ("any_of", "all_of", "none_of", *EMPTINESS),
    Type.EMAIL: (*GENERAL, *TEXTUAL, *EMPTINESS),
    Type.PHONE: (*GENERAL, *TEXTUAL, *EMPTINESS),
    Type.URL: (*GENERAL, *TEXTUAL, *EMPTINESS),
    Type.USER: (*GENERAL, "eq_field", *EMPTINESS),
    Type.REFERENCE: (*GENERAL, *LINKS, *EMPTINESS),
}
LINK_OPERATORS = (*LINKS, *EMPTINESS)


def operators(kind: Type, *, many: bool, exact: bool) -> list[str]:
    """The operators of a field.

    One with several values has no order and is not compared with another field; into an identifier nobody looks.
    """
    left_out = (
        *(FIELDS if many else ()),
        *(ORDERED if many or exact else ()),
        *((*TEXTUAL, "has_word") if exact else ()),
    )
    return [each for each in OPERATORS[kind] if each not in left_out]
