"""Reads what a definition shall be from a request, with all its faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kontor_protos.kontor.crm.v1 import properties_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.property.options import merged
from kontor_crm_core.property.rules import RULES_OF, SELECTS, can_do, is_reserved, label_of
from kontor_platform.contract.problem import JSON
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.definitions import Definition, Definitions, IndexState, Personal, PropertyType
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.reading.numbers import plain, read_decimal
from kontor_platform.data.records.reading.patterns import BadPattern, compiled
from kontor_platform.data.records.reading.rules import measured
from kontor_platform.data.records.values import BadValue, Reading, parse


@dataclass(slots=True)
class Draft:
    """A definition as it shall be, what is wrong with it and what was left out of it."""

    wanted: Definition
    faults: list[FieldProblem] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def fault(self, path: str, message: str) -> None:
        """Notes a fault."""
        self.faults.append(FieldProblem(field=path, message=message))


def drafted(
    request: pb.DefinePropertyRequest, present: Definition | None, known: Definitions, reading: Reading
) -> Draft:
    """The definition that a request makes of the present one, or of none."""
    draft = Draft(begun(request, present))
    if present is None and not request.type:
        draft.fault("type", "A new property needs a type.")
        return draft
    check_name(draft, present, known)
    write_options(draft, request)
    write_rules(draft, request, present, reading)
    wanted = draft.wanted
    restricted = wanted.personal is Personal.RESTRICTED
    for path, message in can_do(
        wanted.type, unique=wanted.is_unique, searchable=wanted.searchable, restricted=restricted
    ):
        draft.fault(path, message)
    return draft


def begun(request: pb.DefinePropertyRequest, present: Definition | None) -> Definition:
    """The definition without its options and rules."""
    base = present or Definition(new_id(), request.object_type, request.name, PropertyType.TEXT)
    name = request.new_name or base.name
    label = clean(request.label) or base.label or label_of(name)
    description = "" if "description" in request.clear else clean(request.description) or base.description
    return replace(
        base,
        name=name,
        label=label,
        description=description,
        type=PropertyType(request.type or base.type),
        required=told(request, "required", base.required),
        is_unique=told(request, "unique", base.is_unique),
        filterable=told(request, "filterable", base.filterable),
        searchable=told(request, "searchable", base.searchable),
        personal=Personal(request.personal or base.personal),
        archived=told(request, "archived", base.archived),
    )


def told(request: pb.DefinePropertyRequest, name: str, present: bool) -> bool:
    """A switch of the request, as it is where the request says nothing."""
    return bool(getattr(request, name)) if request.has_field(name) else present  # type: ignore[arg-type]


def check_name(draft: Draft, present: Definition | None, known: Definitions) -> None:
    """Notes a name that a standard field or another property has."""
    wanted, path = draft.wanted, "new_name" if present else "name"
    if present and present.name == wanted.name and present.archived == wanted.archived:
        return
    if is_reserved(wanted.object_type, wanted.name):
        draft.fault(path, f"{wanted.name} is a standard field of a {wanted.object_type}; choose another name.")
    others = [each for each in known.all if each.id != wanted.id and not each.archived]
    if not wanted.archived and any(each.name == wanted.name for each in others):
        draft.fault(path, f"Another property is called {wanted.name}.")


def write_options(draft: Draft, request: pb.DefinePropertyRequest) -> None:
    """Puts the choices into the draft."""
    wanted = draft.wanted
    if wanted.type not in SELECTS:
        if request.options:
            draft.fault("options", f"Only select and multi_select have options, not {wanted.type}.")
        return
    options, faults = merged(wanted.options, request.options, archive_others=request.other_options == "archive")
    draft.faults += faults
    draft.wanted = replace(wanted, options=options)
    if not any(not each.archived for each in options):
        draft.fault("options", f"A {wanted.type} needs at least one option.")


def write_rules(draft: Draft, request: pb.DefinePropertyRequest, present: Definition | None, reading: Reading) -> None:
    """Puts the rules into the draft: those given, or those there were as far as the type has them."""
    wanted, allowed = draft.wanted, RULES_OF.get(draft.wanted.type, ())
    if request.rules is not None:
        given = rules_given(request.rules)
        for name in given.keys() - set(allowed):
            draft.fault(f"rules.{name}", f"A property of type {wanted.type} has no rule {name}.")
        draft.wanted = replace(wanted, rules=read_rules(draft, given, reading))
    elif "rules" in request.clear:
        draft.wanted = replace(wanted, rules={})
    elif present and present.type is not wanted.type and wanted.rules:
        draft.wanted = replace(wanted, rules={})
        draft.warnings.append(("rules_dropped", f"The rules of type {present.type} were dropped; give new ones."))


def rules_given(rules: pb.PropertyRules) -> dict[str, JSON]:
    """The rules a request gives, by name."""
    texts: dict[str, JSON] = {name: getattr(rules, name) for name in ("min", "max", "pattern", "reference_type")}
    counts = {name: getattr(rules, name) for name in ("min_length", "max_length") if rules.has_field(name)}
    return {name: value for name, value in texts.items() if value} | counts


def read_rules(draft: Draft, given: Mapping[str, JSON], reading: Reading) -> dict[str, JSON]:
    """Rules in their stored form; notes those that cannot be read or that nothing can keep."""
    wanted, stored = replace(draft.wanted, rules={}), dict(given)
    for name in ("min", "max"):
        if name in given:
            try:
                stored[name] = read_bound(wanted, given[name], reading)
            except BadValue as bad:
                draft.fault(f"rules.{name}", bad.message)
                return stored
    if "pattern" in given:
        try:
            compiled(str(given["pattern"]))
        except BadPattern as bad:
            draft.fault("rules.pattern", f"The pattern cannot be used: {bad}.")
    for least, most in (("min", "max"), ("min_length", "max_length")):
        if least in stored and most in stored and above(wanted.type, stored[least], stored[most]):
            draft.fault(f"rules.{most}", f"{most} is below {least}, so that nothing fits.")
    return stored


def read_bound(wanted: Definition, given: JSON, reading: Reading) -> JSON:
    """A bound in the form that values are compared in: of money, the amount."""
    if wanted.type is PropertyType.MONEY:
        return plain(read_decimal(given))
    return parse(wanted, given, reading)


def above(kind: PropertyType, least: JSON, most: JSON) -> bool:
    """Tells whether the lower bound is above the upper one."""
    if isinstance(least, int) and isinstance(most, int):
        return least > most
    return bool(measured(kind, least) > measured(kind, most))  # type: ignore[operator]


def indexed(wanted: Definition) -> IndexState:
    """The state of the index of a definition once its values were gone through."""
    return IndexState.READY if wanted.filterable and not wanted.archived else IndexState.NONE


COMPARED = (
    "name",
    "label",
    "description",
    "type",
    "options",
    "rules",
    "required",
    "unique",
    "filterable",
    "searchable",
    "personal",
    "archived",
)


def facts(definition: Definition) -> dict[str, JSON]:
    """A definition as its log tells it."""
    options: Sequence[JSON] = [
        {"value": each.value, "label": each.label, "archived": each.archived} for each in definition.options
    ]
    told: dict[str, JSON] = {name: getattr(definition, name) for name in COMPARED if name not in ("options", "unique")}
    return told | {
        "options": options,
        "unique": definition.is_unique,
        "type": str(definition.type),
        "personal": str(definition.personal),
        "rules": dict(definition.rules),
    }
