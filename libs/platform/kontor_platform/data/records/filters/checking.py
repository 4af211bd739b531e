"""Checks a filter before it runs: fields, operators, values and limits, with every fault told at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kontor_protos.kontor.platform.v1 import policy_pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from kontor_protos.kontor.records.v1.filters_pb import Filter

from kontor_platform.contract.names import nearest
from kontor_platform.data.records.filters.conditions import check_compare, link_condition
from kontor_platform.data.records.filters.faults import fault, refused
from kontor_platform.data.records.filters.knowledge import Knowledge, Unclear
from kontor_platform.data.records.filters.periods import beginning, shifted
from kontor_platform.data.records.filters.tree import (
    Changed,
    Gathering,
    Group,
    Linked,
    Member,
    Node,
    Segment,
    Traits,
)
from kontor_platform.data.records.objects import ObjectType

OPTIONS = Filter.desc().proto.options
assert OPTIONS is not None
MOST_DEPTH, MOST_CONDITIONS = OPTIONS[policy_pb.ext_max_depth], OPTIONS[policy_pb.ext_max_nodes]
MOST_SEGMENTS_DEEP = 5
KINDS = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class Checked:
    """A filter that can run: its tree, None where every record is meant, and what it depends on."""

    object_type: ObjectType
    node: Node | None
    traits: Traits


def checked(filter: Filter | None, object_type: str, knowledge: Knowledge, path: str = "filter") -> Checked:
    """The filter as a tree of things known; raises InvalidField with every fault."""
    kind = knowledge.types[object_type]
    checker = Checker(knowledge)
    node = checker.node(filter, kind, path, 1) if filter is not None else None
    if checker.faults:
        raise refused(checker.faults)
    return Checked(kind, node, checker.gathering.traits())


@dataclass(slots=True)
class Checker:
    """One pass over a filter; `above` are the segments it stands in."""

    knowledge: Knowledge
    faults: list[FieldProblem] = field(default_factory=list)
    gathering: Gathering = field(default_factory=Gathering)
    conditions: int = 0
    above: tuple[Segment, ...] = ()

    def node(self, given: Filter, kind: ObjectType, path: str, depth: int) -> Node | None:
        """A node and what is below it; None where it is at fault."""
        try:
            return self._node(given, kind, path, depth)
        except Unclear as unclear:
            self.faults.append(fault(path, unclear))
            return None

    def _node(self, given: Filter, kind: ObjectType, path: str, depth: int) -> Node | None:
        if depth > MOST_DEPTH:
            raise Unclear(f"Conditions nest at most {MOST_DEPTH} deep; join some of them.")
        for name in KINDS:
            if inner := getattr(given, name):
                return self.group(name, inner, kind, path, depth)
        self.count()
        if given.assoc is not None:
            return self.assoc(given, kind, path, depth)
        if given.in_segment:
            return self.member(given.in_segment, kind, path)
        if given.changed is not None:
            return self.changed(given, kind, path)
        if given.field in kind.relation and given.field not in kind.by_name:
            self.gathering.relations.add(kind.relation[given.field].name)
            return link_condition(kind.relation[given.field], given, self.knowledge, path)
        return check_compare(given, kind, self.knowledge, path, self.gathering)

    def count(self) -> None:
        """Counts a condition; raises Unclear past the limit."""
        self.conditions += 1
        if self.conditions == MOST_CONDITIONS + 1 and not self.above:
            raise Unclear(f"A filter has at most {MOST_CONDITIONS} conditions; `in` takes up to 500 values in one.")

    def group(self, name: str, inner: Sequence[Filter], kind: ObjectType, path: str, depth: int) -> Node | None:
        """Conditions joined."""
        found = [self.node(each, kind, f"{path}.{name}[{at}]", depth + 1) for at, each in enumerate(inner)]
        children = tuple(each for each in found if each is not None)
        return Group(name, children, path) if len(children) == len(found) else None

    def assoc(self, given: Filter, kind: ObjectType, path: str, depth: int) -> Node | None:
        """A condition on linked records."""
        asked = given.assoc
        assert asked is not None
        relation = kind.relation.get(asked.type)
        if relation is None:
            near = nearest(asked.type, kind.relation)
            hint = f" Did you mean {near}?" if near else ""
            raise Unclear(f"A {kind.name} has no links of type {asked.type!r}.{hint}", kind.relation, near)
        if asked.label and not relation.labelled:
            raise Unclear(f"Links of type {relation.name} carry no labels.")
        if (asked.quantifier == "at_least") != (asked.n > 0):
            raise Unclear("at_least needs n of 1 or more, and n stands with at_least alone.")
        self.gathering.relations.add(relation.name)
        far = self.knowledge.types[relation.far_type]
        where = self.node(asked.where, far, f"{path}.assoc.where", depth + 1) if asked.where is not None else None
        least = 0 if asked.quantifier == "none" else max(asked.n, 1)
        return Linked(relation, least, path, where, asked.label)

    def member(self, name: str, kind: ObjectType, path: str) -> Node | None:
        """A condition on a segment; a dynamic one is its filter."""
        segment = self.knowledge.segment(name)
        if segment.object_type != kind.name:
            raise Unclear(f"The segment {segment.key} holds {segment.object_type} records, not {kind.name}.")
        if any(each.id == segment.id for each in self.above):
            round_ = " -> ".join(each.key for each in (*self.above, segment))
            raise Unclear(f"The segment would be a part of itself: {round_}.")
        if len(self.above) == MOST_SEGMENTS_DEEP:
            raise Unclear(f"Segments stand in segments at most {MOST_SEGMENTS_DEEP} deep.")
        self.gathering.segments.add(segment.id)
        if segment.kind != "dynamic":
            return Member(segment, path)
        return self.inlined(segment, kind, path)

    def inlined(self, segment: Segment, kind: ObjectType, path: str) -> Node | None:
        """A dynamic segment with its filter."""
        before, self.above = self.above, (*self.above, segment)
        inner = self.node(segment.filter, kind, f"{path}.in_segment", 1) if segment.filter is not None else None
        self.above = before
        return Member(segment, path, inner)

    def changed(self, given: Filter, kind: ObjectType, path: str) -> Node:
        """A condition on the change log."""
        asked = given.changed
        assert asked is not None
        what = self.knowledge.field(kind, asked.field)
        if what.definition is not None:
            self.gathering.properties.add(what.definition.id)
        self.gathering.by_day = True
        since = beginning(shifted(self.knowledge.today, -asked.within), self.knowledge.zone)
        return Changed(what, since, asked.within, path)


def narrowed(filter: Filter | None, *more: Filter) -> Filter | None:
    """A filter that asks for more besides."""
    both = [each for each in (filter, *more) if each is not None]
    return both[0] if len(both) == 1 else Filter(all=both) if both else None
