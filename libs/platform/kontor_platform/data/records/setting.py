"""What a request for custom properties comes to: values read, faults with their paths, and what the writer stores."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from kontor_protos.kontor.records.v1.properties_pb import PropertyInput, PropertyValue
from protobuf.wkt import Value

from kontor_platform.contract.problem import JSON, InvalidField
from kontor_platform.data.outbox import Change
from kontor_platform.data.records import terms
from kontor_platform.data.records.definitions import Definition, Definitions, PropertyType
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.planned import PropertyChange
from kontor_platform.data.records.terms import Field, Plain
from kontor_platform.data.records.values import BadValue, Reading, change, found_by, newly_archived, parse, show


@dataclass(frozen=True, slots=True)
class Given:
    """A value to store, and where it stood in the request."""

    definition: Definition
    value: JSON
    path: str


@dataclass(slots=True)
class Wished:
    """What is asked for; nothing may be stored while there are faults. `blanks` are paths at which nothing stood."""

    definitions: Definitions
    given: list[Given] = field(default_factory=list)
    cleared: list[Definition] = field(default_factory=list)
    faults: list[FieldProblem] = field(default_factory=list)
    blanks: list[str] = field(default_factory=list)

    @property
    def asked(self) -> list[PropertyChange]:
        """What the writer stores where nothing is known of the record, as for a new one."""
        return [change(definition, value) for definition, value, _ in wanted_values(self)]

    def settle(self) -> None:
        """Raises InvalidField with all faults, if there are any."""
        if self.faults:
            first = self.faults[0]
            raise InvalidField(
                first.message, fields=self.faults, allowed=first.allowed, did_you_mean=first.did_you_mean
            )


@dataclass(frozen=True, slots=True)
class Settled:
    """What changes in a record, for its Planned."""

    properties: Sequence[PropertyChange] = ()
    changes: Sequence[Change] = ()


def fault_of(path: str, bad: BadValue) -> FieldProblem:
    """A value that could not be read, with its code."""
    return FieldProblem(
        field=path, message=bad.message, allowed=list(bad.allowed), did_you_mean=bad.did_you_mean, code=bad.code
    )


def wished(
    known: Definitions,
    inputs: Sequence[PropertyInput],
    reading: Reading,
    cleared: Iterable[str] = (),
    *,
    path: str = "properties",
    clearing: str = "clear",
) -> Wished:
    """Reads a request's properties, all faults at once; they stand at `path`, names to empty at `clearing`."""
    wish = Wished(known)
    for at, each in enumerate(inputs):
        take(wish, each, reading, f"{path}[{at}]")
    for at, name in enumerate(cleared):
        clear(wish, name, f"{clearing}[{at}]")
    return wish


def take(wish: Wished, given: PropertyInput, reading: Reading, path: str) -> None:
    """Reads one value."""
    try:
        definition = wish.definitions.named(given.name, path=f"{path}.name")
        require_settled(definition)
        value = read_given(definition, given, reading)
    except InvalidField as unknown:
        problem = FieldProblem(
            field=unknown.field, message=unknown.message, allowed=list(unknown.allowed), code="property_unknown"
        )
        problem.did_you_mean = unknown.did_you_mean
        wish.faults.append(problem)
    except BadValue as bad:
        wish.faults.append(fault_of(f"{path}.{'values' if given.values else 'value'}", bad))
    else:
        keep(wish, Given(definition, value, path))


def require_settled(definition: Definition) -> None:
    """Raises BadValue while the values of a property are being converted."""
    if definition.converting:
        raise BadValue(
            "property_read_only", f"{definition.name} is being converted to another type; try again when it is done."
        )


def read_given(definition: Definition, given: PropertyInput, reading: Reading) -> JSON:
    """The stored form of what an input gives; raises BadValue."""
    if given.value is not None and given.values:
        raise BadValue("rule_failed", "Both value and values are given; leave one of them out.")
    if given.values:
        return parse(definition, [plain_json(each) for each in given.values], reading)
    return parse(definition, plain_json(given.value) if given.value is not None else None, reading)


def plain_json(value: Value) -> JSON:
    """A JSON value as Python has it."""
    plain: JSON = json.loads(value.to_json())
    return plain


def keep(wish: Wished, given: Given) -> None:
    """Keeps a value that was read, or notes that nothing was given or that the property stood before."""
    if given.value is None:
        wish.blanks.append(given.path)
    elif any(each.definition.id == given.definition.id for each in wish.given):
        message = f"{given.definition.name} is given twice; leave one of them out."
        wish.faults.append(FieldProblem(field=given.path, message=message, code="rule_failed"))
    else:
        wish.given.append(given)


def clear(wish: Wished, name: str, path: str) -> None:
    """Notes a property to empty."""
    definition = wish.definitions.find(name)
    if definition is None:
        message = f"There is no property {name!r} of a {wish.definitions.object_type}."
        wish.faults.append(FieldProblem(field=path, message=message, code="property_unknown"))
    elif definition.converting:
        message = f"{name} is being converted to another type; try again when it is done."
        wish.faults.append(FieldProblem(field=path, message=message, code="property_read_only"))
    elif definition.required:
        message = f"{definition.name} is required; give it another value."
        wish.faults.append(FieldProblem(field=path, message=message, code="required_missing"))
    elif any(each.definition.id == definition.id for each in wish.given):
        message = f"{definition.name} is both given and cleared; leave one of them out."
        wish.faults.append(FieldProblem(field=path, message=message, code="rule_failed"))
    else:
        wish.cleared.append(definition)


def missing(wish: Wished, *, path: str = "properties") -> list[FieldProblem]:
    """The required properties that a new record would lack."""
    told = {each.definition.id for each in wish.given}
    return [
        FieldProblem(field=path, message=f"{each.name} is required; give it a value.", code="required_missing")
        for each in wish.definitions.all
        if each.required and each.id not in told
    ]


def settled(wish: Wished, present: Mapping[str, JSON]) -> Settled:
    """What the wish changes in a record that holds these properties; notes faults that only the record shows."""
    properties, changes = [], []
    for definition, value, path in wanted_values(wish):
        before = present.get(str(definition.id))
        if same(before, value):
            continue
        if bad := newly_archived(definition, value, before):
            wish.faults.append(fault_of(f"{path}.value", bad))
            continue
        properties.append(change(definition, value))
        changes.append(Change(definition.log_name, before, value))
    return Settled(properties, changes)


def same(one: JSON, other: JSON) -> bool:
    """Tells whether two stored values are the same; the order of options means nothing."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    return one == other


def revived(known: Definitions, props: Mapping[str, JSON], reading: Reading) -> Settled:
    """All properties of a record that returns, to be indexed anew; what no longer fits its definition is emptied."""
    properties, changes = [], []
    for definition in known.all:
        before = props.get(str(definition.id))
        value = still_fitting(definition, before, reading)
        if before is not None:
            properties.append(change(definition, value))
            changes += [] if same(before, value) else [Change(definition.log_name, before, value)]
    return Settled(properties, changes)


def still_fitting(definition: Definition, stored: JSON, reading: Reading) -> JSON:
    """A stored value, None if the property has become one that it does not fit."""
    try:
        return parse(replace(definition, rules={}), show(definition, stored), reading) if stored is not None else None
    except BadValue:
        return None


def wanted_values(wish: Wished) -> Iterator[tuple[Definition, JSON, str]]:
    """Each property with the value it shall have, None to empty it."""
    yield from ((each.definition, each.value, each.path) for each in wish.given)
    yield from ((each, None, "clear") for each in wish.cleared)


def after(present: Mapping[str, JSON], properties: Iterable[PropertyChange]) -> dict[str, JSON]:
    """The properties of a record once they were changed."""
    changed = {str(each.property_id): each.value for each in properties}
    return {key: value for key, value in {**present, **changed}.items() if value is not None}


def property_terms(known: Definitions, props: Mapping[str, JSON]) -> Iterator[Plain]:
    """What a record is found by of its searchable properties; identifiers whole, the others by their words."""
    for each in known.all:
        text = found_by(each, props.get(str(each.id)))
        if text and each.type in (PropertyType.EMAIL, PropertyType.PHONE, PropertyType.NUMBER):
            yield fold(text), Field.PROPERTY
        yield from terms.of_property(text)


def value_message(definition: Definition, stored: JSON) -> PropertyValue:
    """A value as answers show it."""
    return PropertyValue(name=definition.name, value=Value.from_json(json.dumps(stored)))
