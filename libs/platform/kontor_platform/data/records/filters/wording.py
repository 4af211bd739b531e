"""Tells a checked filter in plain words."""

from kontor_platform.data.records.filters.tree import Against, Changed, Compare, Group, Linked, Member, Node

VERBS = {
    "eq": "is",
    "neq": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is more than",
    "gte": "is at least",
    "between": "is between",
    "is_set": "has a value",
    "is_empty": "has no value",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "begins with",
    "has_word": "has the words",
    "any_of": "has any of",
    "all_of": "has all of",
    "none_of": "has none of",
    "linked": "refers to any of",
    "linked_all": "refers to all of",
    "last_n_days": "is today or in the last days, in number",
    "next_n_days": "is today or in the next days, in number",
    "older_than_days": "is older than, in days,",
}
SIGNS = {"=": "is the same as", "<": "is less than", ">": "is more than"}
JOINS = {"all": " and ", "any": " or ", "none": " or "}
MOST_TOLD = 5


def words(node: Node | None) -> str:
    """A filter as a phrase."""
    match node:
        case None:
            return "every record"
        case Group(kind, children):
            inner = JOINS[kind].join(bracketed(child) for child in children)
            return f"not ({inner})" if kind == "none" else inner
        case Compare():
            return comparison(node)
        case Against(field, other, sign):
            return f"{field.name} {SIGNS[sign]} {other.name}"
        case Linked():
            return link(node)
        case Member(segment, _, inner):
            meant = f", that is: {words(inner)}" if inner is not None else ""
            return f"is in the {segment.kind} segment {segment.name}{meant}"
        case Changed(field, since, days):
            return f"{field.name} changed in the last {days} days, since {since.isoformat(timespec='minutes')}"


def bracketed(node: Node) -> str:
    """A phrase inside another."""
    several = isinstance(node, Group) and node.kind != "none" and len(node.children) > 1
    return f"({words(node)})" if several else words(node)


def comparison(node: Compare) -> str:
    """A condition on one field."""
    verb = VERBS.get(node.op, f"is {node.op.replace('_', ' ')}")
    told = " and ".join(node.told) if node.op == "between" else listed(node)
    empty = ", or has no value" if node.negated and node.include_empty and node.op != "is_empty" else ""
    when = f" ({node.when})" if node.when else ""
    return " ".join(filter(None, (node.field.name, verb, told))) + when + empty


def listed(node: Compare) -> str:
    """The values asked for, the first few of many."""
    more = f" and {len(node.told) - MOST_TOLD} more" if len(node.told) > MOST_TOLD else ""
    return ", ".join(node.told[:MOST_TOLD]) + more


def link(node: Linked) -> str:
    """A condition on linked records."""
    number = "no" if node.least == 0 else "a" if node.least == 1 else f"at least {node.least}"
    label = f" labelled {node.label}" if node.label else ""
    where = f" of which {words(node.where)}" if node.where is not None else ""
    return f"has {number} linked {node.relation.far_type} ({node.relation.name}){label}{where}"
