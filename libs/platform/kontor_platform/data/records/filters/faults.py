"""Everything that is wrong with a request, told at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.filters.knowledge import Unclear

MOST_TOLD = 10
G = TypeVar("G")
C = TypeVar("C")


def fault(path: str, unclear: Unclear) -> FieldProblem:
    """What is unclear, with where it stands."""
    return FieldProblem(
        field=path,
        message=f"{path}: {unclear.message}",
        allowed=unclear.allowed,
        did_you_mean=unclear.did_you_mean,
    )


def refused(faults: Sequence[FieldProblem]) -> InvalidField:
    """The refusal of all faults."""
    return InvalidField(
        " ".join(each.message for each in faults[:MOST_TOLD]),
        fields=faults,
        allowed=faults[0].allowed,
        did_you_mean=faults[0].did_you_mean,
    )


def each_read(name: str, given: Sequence[G], read: Callable[[G], C], faults: list[FieldProblem]) -> Iterator[C]:
    """What can be read of a list; the rest become faults."""
    for at, one in enumerate(given):
        try:
            yield read(one)
        except Unclear as unclear:
            faults.append(fault(f"{name}[{at}]", unclear))
