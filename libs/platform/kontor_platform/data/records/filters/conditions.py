"""Checks one condition on a field or on a kind of link."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from kontor_protos.kontor.records.v1.filters_pb import Filter

from kontor_platform.contract.names import nearest
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters import periods
from kontor_platform.data.records.filters.comparing import (
    Contains,
    Equals,
    HasWords,
    Present,
    StartsWith,
    Test,
    Within,
    contains,
    has_words,
)
from kontor_platform.data.records.filters.knowledge import Knowledge, Unclear
from kontor_platform.data.records.filters.operands import Read, as_id, compare, on_basis, read, texts
from kontor_platform.data.records.filters.operators import (
    FIELDS,
    LINK_OPERATORS,
    NEGATED,
    NONE_NEEDED,
    SEVERAL,
    SIGNS,
    operators,
)
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.places import Column
from kontor_platform.data.records.filters.tree import Against, Compare, Gathering, Group, Linked, Node
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.objects import FieldType, ObjectType, Relation

TEXTUAL = ("contains", "starts_with", "has_word")


def check_compare(given: Filter, kind: ObjectType, knowledge: Knowledge, path: str, seen: Gathering) -> Node:
    """The condition on a field; raises Unclear."""
    field = known_field(kind, given.field, knowledge, seen)
    op = known_operator(given.op, operators(field.type, many=field.many, exact=field.exact), field.name)
    told = values_for(op, given)
    include_empty = allowed_empty(given, op)
    if op in FIELDS:
        return against(field, known_field(kind, told[0], knowledge, seen), op, path)
    if op in ("linked", "linked_all"):
        return referenced(field, op, told, knowledge, path)
    if op in ("is_set", "is_empty"):
        return Compare(field, op, (Present(),), path, negated=op == "is_empty", include_empty=op == "is_empty")
    if op in periods.RELATIVE:
        seen.by_day = True
        return relative(field, op, told, knowledge, path)
    positive = NEGATED.get(op, op)
    if positive in TEXTUAL:
        node = Compare(field, op, (textual(positive, told[0]),), path, told=told)
    else:
        node = compared(field, positive, op, told, knowledge, path)
    if op == "all_of":
        return Group("all", tuple(replace(node, tests=(test,)) for test in each_alone(node.tests)), path)
    return replace(node, negated=op in NEGATED, include_empty=include_empty)


def known_field(kind: ObjectType, name: str, knowledge: Knowledge, seen: Gathering) -> FieldType:
    """The field meant; raises Unclear."""
    field = knowledge.field(kind, name)
    if field.definition is not None:
        seen.properties.add(field.definition.id)
    return field


def known_operator(op: str, allowed: Sequence[str], field: str) -> str:
    """The operator, if the field takes it; raises Unclear."""
    if op in allowed:
        return op
    near = nearest(op, allowed) if op else ""
    said = f"{field} does not take the operator {op!r}" if op else f"`op` is missing for {field}"
    raise Unclear(f"{said}; it takes {', '.join(allowed)}.", allowed, near)


def values_for(op: str, given: Filter) -> list[str]:
    """As many values as the operator needs; raises Unclear."""
    told = texts(given.value, given.values)
    if op in NONE_NEEDED:
        if told:
            raise Unclear(f"{op} takes no value.")
        return []
    if not told:
        raise Unclear(f"{op} needs {'`values`' if op in SEVERAL else 'a `value`'}.")
    if op == "between" and len(told) != 2:
        raise Unclear("between needs two `values`, the least and the greatest.")
    if op not in SEVERAL and len(told) > 1:
        raise Unclear(f"{op} takes one value; use `in` or `any_of` for several.")
    if op not in SEVERAL and given.values and given.value is not None:
        raise Unclear("Give `value` or `values`, not both.")
    return told


def allowed_empty(given: Filter, op: str) -> bool:
    """Whether records without a value are meant too; raises Unclear where that makes no sense."""
    if given.include_empty and op not in NEGATED:
        raise Unclear(f"include_empty goes with {', '.join(NEGATED)}, not with {op}.")
    return given.include_empty


def against(field: FieldType, other: FieldType, op: str, path: str) -> Against:
    """Two fields of one record; raises Unclear where they cannot be compared."""
    if (field.type, field.place.basis) != (other.type, other.place.basis) or field.many or other.many:
        raise Unclear(f"{field.name} is {field.type} and {other.name} is {other.type}: they cannot be compared.")
    return Against(field, other, SIGNS[op], path)


def relative(field: FieldType, op: str, told: Sequence[str], knowledge: Knowledge, path: str) -> Compare:
    """A period around today; raises Unclear for a count of days that is none."""
    count = days_told(op, told[0]) if told else 0
    found = periods.days(op, knowledge.today, count, knowledge.fiscal_month)
    when = " to ".join(each.isoformat() for each in dict.fromkeys((found.first, found.last)) if each is not None)
    if field.type is Type.DATE:
        first, last = (each and on_basis(each, field) for each in (found.first, found.last))
        test = Within(first, last)
    elif op in ("past", "future"):
        test = Within(high=knowledge.now, high_open=True) if op == "past" else Within(low=knowledge.now, low_open=True)
        when = knowledge.now.astimezone(knowledge.zone).isoformat(timespec="minutes")
    else:
        low = periods.beginning(found.first, knowledge.zone) if found.first else None
        high = periods.ending(found.last, knowledge.zone) if found.last else None
        test = Within(low, high, high_open=True)
    return Compare(field, op, (test,), path, told=told, when=when)


def days_told(op: str, text: str) -> int:
    """A number of days; raises Unclear."""
    if not text.isdecimal() or int(text) > periods.MOST_DAYS:
        raise Unclear(f"{op} needs a number of days from 0 to {periods.MOST_DAYS:,}.")
    return int(text)


def textual(op: str, text: str) -> Test:
    """A test of a text's parts; raises Unclear where nothing is looked for."""
    match op:
        case "contains":
            test: Contains | StartsWith | HasWords = contains(text)
        case "starts_with":
            test = StartsWith(fold(text))
        case _:
            test = has_words(text)
    if not (test.words if isinstance(test, HasWords) else test.text):
        raise Unclear(f"{text!r} has nothing in it that could be looked for.")
    return test


def compared(field: FieldType, positive: str, op: str, told: Sequence[str], knowledge: Knowledge, path: str) -> Compare:
    """A condition that compares with values; raises Unclear."""
    given = [each for text in told for each in read(field, text, knowledge)]
    currencies = {each.currency for each in given}
    if len(currencies) > 1:
        raise Unclear(f"A condition takes one currency and {' and '.join(sorted(currencies))} were given.")
    if positive == "between" and not in_order(given):
        raise Unclear(f"The first of the two values is the least, and {given[0].told} is more than {given[1].told}.")
    tests = compare("any_of" if positive == "all_of" else positive, field, given)
    shown = list(dict.fromkeys(each.told for each in given))
    return Compare(field, op, tests, path, currency=currencies.pop(), told=shown)


def in_order(given: Sequence[Read]) -> bool:
    """Whether the first value is at most the second."""
    low, high = given[0].value, given[-1].value
    return low <= high  # type: ignore[operator]


def each_alone(tests: Sequence[Test]) -> list[Test]:
    """Tests of one value each."""
    return [Equals((value,)) for test in tests if isinstance(test, Equals) for value in test.values]


def referenced(field: FieldType, op: str, told: Sequence[str], knowledge: Knowledge, path: str) -> Node:
    """A reference to any, or to all, of some records."""
    node = compared(field, "any_of", op, told, knowledge, path)
    if op == "linked":
        return node
    return Group("all", tuple(replace(node, tests=(test,)) for test in each_alone(node.tests)), path)


def link_condition(relation: Relation, given: Filter, knowledge: Knowledge, path: str) -> Node:
    """A condition on a kind of link itself: linked to these records, to any, or to none."""
    op = known_operator(given.op, LINK_OPERATORS, given.field)
    told = values_for(op, given)
    allowed_empty(given, op)
    if op in ("is_set", "is_empty"):
        return Linked(relation, 1 if op == "is_set" else 0, path)
    far = knowledge.types[relation.far_type]
    ids = [record_id(text, far) for text in told]
    groups = [ids] if op == "linked" else [[each] for each in ids]
    linked = [Linked(relation, 1, path, one_of(far, group, path)) for group in groups]
    return linked[0] if len(linked) == 1 else Group("all", tuple(linked), path)


def record_id(text: str, far: ObjectType) -> UUID:
    """The id of a record; raises Unclear."""
    found = as_id(text)
    if found is None:
        raise Unclear(f"{text!r} is not the id of a {far.name}.")
    return found


def one_of(far: ObjectType, ids: Sequence[UUID], path: str) -> Compare:
    """A record with one of these ids."""
    place = Column(far.table, "id", Basis.ID, required=True, indexed=True)
    field = FieldType("id", Type.REFERENCE, place, ordered=True)
    return Compare(field, "in", (Equals(tuple(ids)),), path, told=[str(each) for each in ids])
