"""Adds, relabels, archives and orders the choices of a select."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kontor_protos.kontor.crm.v1 import properties_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.property.rules import MOST_OPTIONS
from kontor_platform.data.records.definitions import Option
from kontor_platform.data.records.fold import clean, fold


@dataclass(slots=True)
class Merge:
    """The choices as they come together, by value."""

    options: dict[str, Option]
    named: list[str] = field(default_factory=list)
    faults: list[FieldProblem] = field(default_factory=list)


def merged(
    present: Sequence[Option], given: Sequence[pb.OptionInput], *, archive_others: bool
) -> tuple[tuple[Option, ...], list[FieldProblem]]:
    """The choices after a request, active ones first, and what is wrong with it."""
    merge = Merge({each.value: each for each in present})
    for at, each in enumerate(given):
        take(merge, each, f"options[{at}]")
    known = list(merge.options.values())
    if archive_others and given:
        named = [merge.options[value] for value in merge.named]
        others = [Option(each.value, each.label, True) for each in known if each.value not in merge.named]
        known = named + others
    check(merge, known)
    return tuple(sorted(known, key=lambda each: each.archived)), merge.faults


def take(merge: Merge, given: pb.OptionInput, path: str) -> None:
    """Takes one choice in: the one of its value, else of its label, else a new one."""
    value, label = clean(given.value), clean(given.label)
    if not value and not label:
        merge.faults.append(FieldProblem(field=path, message="An option needs a value or a label."))
        return
    present = merge.options.get(value) if value else labelled(merge, label)
    archived = given.archived if given.has_field("archived") else bool(present and present.archived)
    option = Option(
        present.value if present else value or label,
        label or (present.label if present else value),
        archived,
    )
    if option.value in merge.named:
        merge.faults.append(FieldProblem(field=path, message=f"The option {option.value} is given twice."))
        return
    merge.options[option.value] = option
    merge.named.append(option.value)


def labelled(merge: Merge, label: str) -> Option | None:
    """The present choice of a label or value."""
    known = merge.options.values()
    return merge.options.get(label) or next((each for each in known if fold(each.label) == fold(label)), None)


def check(merge: Merge, known: Sequence[Option]) -> None:
    """Notes values that are the same when folded, active labels that nobody could tell apart, and too many choices."""
    for told, options in (
        ("values", [each.value for each in known]),
        ("labels", [each.label for each in known if not each.archived]),
    ):
        folded = [fold(each) for each in options]
        alike = sorted({each for each, key in zip(options, folded, strict=True) if folded.count(key) > 1})
        if alike:
            message = f"The {told} {' and '.join(alike)} differ in case or accents only, or not at all."
            merge.faults.append(FieldProblem(field="options", message=message))
    if len(known) > MOST_OPTIONS:
        message = f"A property has at most {MOST_OPTIONS} options, archived ones counted."
        merge.faults.append(FieldProblem(field="options", message=message))
