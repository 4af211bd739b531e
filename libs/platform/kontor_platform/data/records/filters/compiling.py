"""Compiles a checked filter: a condition on one record, and the index ranges that its records may be read from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters import terms
from kontor_platform.data.records.filters.comparing import Contains, Equals, Test, holds, ranged
from kontor_platform.data.records.filters.knowledge import Knowledge
from kontor_platform.data.records.filters.parameters import Parameters
from kontor_platform.data.records.filters.places import TENANT, Column, Marked
from kontor_platform.data.records.filters.tree import Against, Changed, Compare, Group, Linked, Member, Node
from kontor_platform.data.records.filters.wording import words
from kontor_platform.data.records.objects import FieldType, Link, ObjectType
from kontor_platform.data.records.values import INDEXED_TEXT

LOOKING_INSIDE = ("contains", "has_word", "starts_with")


@dataclass(frozen=True, slots=True)
class Range:
    """Index entries in which every record stands that can meet the filter; `sql` gives their ids."""

    sql: str
    path: str
    told: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Ranges of which one each is needed from every part."""

    parts: tuple[Sequence["Source"], ...]


Source: TypeAlias = Range | AnyOf


@dataclass(slots=True)
class Compiler:
    """Writes the SQL of conditions; `record` is the alias of the row asked about, `level` how deep it stands."""

    parameters: Parameters
    knowledge: Knowledge

    def predicate(self, node: Node | None, kind: ObjectType, record: str, level: int = 0) -> str:
        """Whether a record meets the filter: true or false, never NULL."""
        match node:
            case None:
                return "true"
            case Group(name, children):
                inner = [self.predicate(child, kind, record, level) for child in children]
                joined = (" AND " if name == "all" else " OR ").join(inner)
                return f"NOT ({joined})" if name == "none" else f"({joined})"
            case Compare():
                return self.compare(node, record)
            case Against():
                return self.against(node, record)
            case Linked():
                return self.linked(node, record, level)
            case Member():
                return self.member(node, kind, record, level)
            case Changed():
                return self.changed(node, record)

    def compare(self, node: Compare, record: str) -> str:
        """A condition on a field."""
        asked = " OR ".join(self.some(node.field, test, record, node.currency) for test in node.tests)
        if not node.negated:
            return f"({asked})"
        if node.include_empty:
            return f"(NOT ({asked}))"
        return f"(NOT ({asked}) AND {node.field.place.some(record, '{} IS NOT NULL', self.parameters)})"

    def some(self, field: FieldType, test: Test, record: str, currency: str) -> str:
        """Whether one of the values satisfies a test; where its index keeps the beginning only, a text is asked."""
        condition = holds(test, "{}", field.place.basis, self.parameters)
        asked = field.place.some(record, condition, self.parameters, currency)
        return f"({asked} OR {more})" if (more := self.unfolded(field, test, record)) else asked

    def unfolded(self, field: FieldType, test: Test, record: str) -> str:
        """Looks for what was given in a text that is not kept folded, or not to its end; empty for other texts."""
        if not isinstance(test, Contains) or field.type not in (Type.TEXT, Type.LONG_TEXT):
            return ""
        found = f"position(lower({self.parameters.add(test.given, 'text')}) in {{}}) > 0"
        if field.definition is None:
            return field.place.some(record, found, self.parameters) if field.type is Type.LONG_TEXT else ""
        cut = field.place.some(record, f"length({{}}) = {INDEXED_TEXT}", self.parameters)
        whole = f"lower({record}.props ->> {self.parameters.add(str(field.definition.id), 'text')})"
        return f"({cut} AND {found.replace('{}', whole)})"

    def against(self, node: Against, record: str) -> str:
        """A condition on two fields; amounts only in one currency."""
        sides = [each.place.scalar(record, self.parameters) for each in (node.field, node.other)]
        asked = f"{sides[0]} {node.sign} {sides[1]}"
        if node.field.type is Type.MONEY:
            codes = [each.place.currency(record, self.parameters) for each in (node.field, node.other)]
            asked += f" AND {codes[0]} = {codes[1]}"
        return f"(({asked}) IS TRUE)"

    def linked(self, node: Linked, record: str, level: int) -> str:
        """A condition on linked records."""
        rows = [self.far_rows(node, link, record, level + 1) for link in node.relation.links]
        if node.least <= 1:
            asked = " OR ".join(f"EXISTS ({each} OFFSET 0)" for each in rows)
            return f"({asked})" if node.least else f"(NOT ({asked}))"
        most = self.parameters.add(node.least, "int")
        return f"((SELECT count(*) FROM ({' UNION '.join(rows)} LIMIT {most}) c) >= {most})"

    def far_rows(self, node: Linked, link: Link, record: str, level: int) -> str:
        """The linked records of one direction that satisfy what is asked of them."""
        near, far = f"l{level}", f"f{level}"
        kind = self.knowledge.types[node.relation.far_type]
        wanted = [*self.link_conditions(link, near, node.label), f"{near}.{link.near} = {record}.id"]
        wanted += [kind.conditions(far), self.predicate(node.where, kind, far, level)]
        return (
            f"SELECT {far}.id FROM {link.table} {near} JOIN {kind.table} {far} ON {far}.id = {near}.{link.far} "
            f"WHERE {' AND '.join(wanted)}"
        )

    def link_conditions(self, link: Link, alias: str, label: str = "") -> list[str]:
        """What tells the links of a direction."""
        wanted = [f"{alias}.tenant_id = {TENANT}"]
        wanted += [f"{alias}.type_key = {self.parameters.add(link.key, 'text')}"] if link.key else []
        wanted += [link.fixed.replace("{}", alias)] if link.fixed else []
        return wanted + ([f"{self.parameters.add(label, 'text')} = ANY({alias}.labels)"] if label else [])

    def member(self, node: Member, kind: ObjectType, record: str, level: int) -> str:
        """A condition on a segment."""
        if node.segment.kind == "dynamic":
            return self.predicate(node.filter, kind, record, level)
        return (
            f"EXISTS (SELECT FROM segment_member m WHERE m.tenant_id = {TENANT} "
            f"AND m.segment_id = {self.parameters.add(node.segment.id, 'uuid')} AND m.record_id = {record}.id OFFSET 0)"
        )

    def changed(self, node: Changed, record: str) -> str:
        """A condition on the change log; how a record began is no change."""
        told = self.parameters.add(json.dumps([{"field": node.field.in_log}]), "jsonb")
        since = self.parameters.add(node.since, "timestamptz")
        return (
            f"EXISTS (SELECT FROM record_change c WHERE c.tenant_id = {TENANT} AND c.record_id = {record}.id "
            f"AND c.at >= {since} AND c.version > 1 AND c.changes @> {told} OFFSET 0)"
        )

    def sources(self, node: Node | None, kind: ObjectType) -> list[Source]:
        """Index ranges to choose from; each holds every record that can meet the filter."""
        match node:
            case Group("all", children):
                return [source for child in children for source in self.sources(child, kind)]
            case Group("any", children):
                parts = tuple(self.sources(child, kind) for child in children)
                return [AnyOf(parts)] if all(parts) else []
            case Compare():
                return self.ranges(node, kind)
            case Linked() if node.least:
                return self.through(node)
            case Member():
                return self.members(node, kind)
            case Changed():
                since = self.parameters.add(node.since, "timestamptz")
                place = kind.by_name["updated_at"].place
                return [Range(place.ids(f"{{}} >= {since}", self.parameters), node.path, words(node))]
        return []

    def ranges(self, node: Compare, kind: ObjectType) -> list[Source]:
        """The ranges of a condition on a field: of its own index, and of search terms."""
        if node.negated:
            return []
        parts = tuple(self.ranges_of(node, test, kind) for test in self.readable(node))
        if not all(parts):
            return []
        return parts[0] if len(parts) == 1 else [AnyOf(parts)]

    def readable(self, node: Compare) -> Sequence[Test]:
        """The tests of a condition; where only terms find its records, each of several values on its own."""
        place = node.field.place
        if not node.field.terms or (isinstance(place, Column) and place.indexed):
            return node.tests
        several = [test.values for test in node.tests if isinstance(test, Equals)]
        others = [test for test in node.tests if not isinstance(test, Equals)]
        return [*others, *(Equals((value,)) for values in several for value in values)]

    def ranges_of(self, node: Compare, test: Test, kind: ObjectType) -> list[Source]:
        """The ranges of one test."""
        field, told = node.field, words(node)
        found = [self.own(field, each, node.currency) for each in ranged(test)]
        if field.terms:
            found += [terms.source(piece, kind.name, self.parameters) for piece in terms.pieces(test)]
        return [Range(sql, node.path, told) for sql in found if sql]

    def unsearchable(self, node: Node | None, kind: ObjectType) -> Compare | None:
        """A condition on the inside of a text that only reading the text can answer."""
        match node:
            case Group("all" | "any", children):
                return next((found for child in children if (found := self.unsearchable(child, kind))), None)
            case Compare() if node.op in LOOKING_INSIDE and not node.field.terms and not self.ranges(node, kind):
                return node
            case Member() if node.filter is not None:
                return self.unsearchable(node.filter, kind)
        return None

    def own(self, field: FieldType, test: Test, currency: str) -> str:
        """The range of a field's own index; empty where it has none."""
        if isinstance(field.place, Marked) and test != Equals((True,)):
            return ""
        return field.place.ids(holds(test, "{}", field.place.basis, self.parameters), self.parameters, currency)

    def through(self, node: Linked) -> list[Source]:
        """The near ends of links, from the far ones that may satisfy what is asked of them."""
        far = self.sources(node.where, self.knowledge.types[node.relation.far_type])
        if far:
            return [self.reached(source, node) for source in far]
        found = [self.near_ids(link, node, "") for link in node.relation.links]
        return [Range(" UNION ALL ".join(found), node.path, words(node))]

    def reached(self, source: Source, node: Linked) -> Source:
        """A range of far records as a range of near ones."""
        if isinstance(source, AnyOf):
            return AnyOf(tuple([self.reached(each, node) for each in part] for part in source.parts))
        found = [self.near_ids(link, node, source.sql) for link in node.relation.links]
        return Range(" UNION ALL ".join(found), node.path, words(node))

    def near_ids(self, link: Link, node: Linked, far: str) -> str:
        """The near ends of the links of one direction."""
        wanted = " AND ".join(self.link_conditions(link, "l", node.label))
        if not far:
            return f"SELECT l.{link.near} AS id FROM {link.table} l WHERE {wanted}"
        return f"SELECT l.{link.near} AS id FROM ({far}) s JOIN {link.table} l ON l.{link.far} = s.id WHERE {wanted}"

    def members(self, node: Member, kind: ObjectType) -> list[Source]:
        """The members of a segment; of a dynamic one, those its filter gives."""
        if node.segment.kind == "dynamic":
            return self.sources(node.filter, kind)
        segment = self.parameters.add(node.segment.id, "uuid")
        sql = (
            f"SELECT m.record_id AS id FROM segment_member m WHERE m.tenant_id = {TENANT} AND m.segment_id = {segment}"
        )
        return [Range(sql, node.path, words(node))]
