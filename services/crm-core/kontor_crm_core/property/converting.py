"""Changes the type of a property: tries every value first, then writes those that change."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kontor_protos.kontor.crm.v1 import properties_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from protobuf.wkt import Value

from kontor_crm_core.property.rules import SAMPLES
from kontor_crm_core.property.stored import Held
from kontor_crm_core.record.objects import write
from kontor_platform.contract.problem import JSON, Conflict
from kontor_platform.data.records.definitions import Definition, PropertyType
from kontor_platform.data.records.planned import Planned, PropertyChange
from kontor_platform.data.records.values import BadValue, Reading, parse, show
from kontor_platform.runtime.call import Call, Change

NAMING = (PropertyType.USER, PropertyType.REFERENCE)


class DoesNotConvert(Conflict):
    """Values of some records do not convert; change them, or empty them with on_failure: clear."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A value with what becomes of it; `after` is None where it does not convert."""

    held: Held
    after: JSON
    bad: BadValue | None = None


@dataclass(slots=True)
class Trial:
    """What a change of type does to values."""

    source: str
    target: str
    converts: int = 0
    fails: int = 0
    failing: list[Converted] = field(default_factory=list)
    passing: list[Converted] = field(default_factory=list)

    def count(self, each: Converted) -> None:
        """Counts one value and keeps it as a sample while there are few."""
        self.fails += each.bad is not None
        self.converts += each.bad is None
        samples = self.failing if each.bad else self.passing
        if len(samples) < SAMPLES:
            samples.append(each)

    def to_message(self) -> pb.Conversion:
        """The trial as callers see it."""
        return pb.Conversion(
            from_=self.source,
            to=self.target,
            converts=self.converts,
            fails=self.fails,
            samples=[sample(each) for each in (*self.failing, *self.passing)],
        )


def tried(before: Definition, wanted: Definition, held: Held, reading: Reading) -> Converted:
    """What one value becomes."""
    if wanted.type in NAMING:
        code = "owner_not_found" if wanted.type is PropertyType.USER else "match_not_found"
        return Converted(held, None, BadValue(code, f"Nothing tells which {wanted.type} was meant; set it anew."))
    try:
        return Converted(held, parse(wanted, show(before, held.value), reading))
    except BadValue as bad:
        return Converted(held, None, bad)


def trial(before: Definition, wanted: Definition, values: Sequence[Held], reading: Reading) -> Trial:
    """What a change of type does to these values."""
    done = Trial(str(before.type), str(wanted.type))
    for each in values:
        done.count(tried(before, wanted, each, reading))
    return done


def refuse(done: Trial) -> None:
    """Raises DoesNotConvert with the counts and samples."""
    first = done.failing[0]
    assert first.bad is not None
    raise DoesNotConvert(
        f"{done.fails} of {done.fails + done.converts} values do not convert from {done.source} to {done.target}, "
        f"the first because: {first.bad.message} Change them, or empty them with on_failure: clear.",
        fields=[
            FieldProblem(field="type", message=each.bad.message, code=each.bad.code)
            for each in done.failing
            if each.bad
        ],
        ids=[str(each.held.record) for each in done.failing],
        details={"conversion": json.loads(done.to_message().to_json(always_emit_implicit=True))},
        next_tool="crm_set_property",
    )


def sample(each: Converted) -> pb.ConversionSample:
    """One value before and after."""
    told = pb.ConversionSample(record_id=str(each.held.record), before=Value.from_json(json.dumps(each.held.value)))
    if each.bad is None:
        told.after = Value.from_json(json.dumps(each.after))
    else:
        told.code, told.message = each.bad.code, each.bad.message
    return told


async def convert(call: Call, before: Definition, wanted: Definition, values: Sequence[Held], reading: Reading) -> None:
    """Writes the values of locked records that become others; raises Conflict for unique ones that are taken."""
    done = [tried(before, wanted, each, reading) for each in values]
    await write(call, *(planned(wanted, each) for each in done if each.after != each.held.value))


def planned(wanted: Definition, each: Converted) -> Planned:
    """A record with its value in the new type; the index follows by itself."""
    told = Change(wanted.log_name, each.held.value, each.after)
    bare = PropertyChange(wanted.id, each.after)
    return Planned(each.held.type, each.held.record, each.held.version, changes=[told], properties=[bare])
