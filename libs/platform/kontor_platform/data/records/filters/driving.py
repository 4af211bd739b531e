"""Chooses what a search reads: the condition that the fewest index entries stand for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kontor_platform.data.records.filters.compiling import AnyOf, Range, Source
from kontor_platform.data.records.filters.statements import Statements

MOST_RANGES = 64


@dataclass(frozen=True, slots=True)
class Driver:
    """Index entries to read, and how many they are; `or_more` where only so many were counted."""

    sql: str
    count: int
    or_more: bool
    paths: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A range with the number of its entries, counted up to a limit."""

    range: Range
    count: int
    or_more: bool


def ranges_in(sources: Sequence[Source]) -> Iterator[Range]:
    """Every range among the sources."""
    for source in sources:
        if isinstance(source, Range):
            yield source
        else:
            for part in source.parts:
                yield from ranges_in(part)


async def counted(
    statements: Statements, sources: Sequence[Source], values: Mapping[str, object], most: int
) -> dict[Range, Counted]:
    """The number of entries of each range, counted up to `most`, in one statement."""
    ranges = list(dict.fromkeys(ranges_in(sources)))[:MOST_RANGES]
    if not ranges:
        return {}
    asked = ", ".join(f"(SELECT count(*) FROM (SELECT FROM ({each.sql}) s LIMIT {most}) c)" for each in ranges)
    (row,) = await statements.rows(f"SELECT {asked}", values)
    return {each: Counted(each, count, count >= most) for each, count in zip(ranges, row, strict=True)}


def best(sources: Sequence[Source], counts: Mapping[Range, Counted]) -> Driver | None:
    """The source with the fewest entries; None where none was counted."""
    found = [driver for source in sources if (driver := driver_of(source, counts)) is not None]
    return min(found, key=lambda driver: (driver.or_more, driver.count), default=None)


def driver_of(source: Source, counts: Mapping[Range, Counted]) -> Driver | None:
    """A source as something to read; of several parts, the best range of each together."""
    if isinstance(source, AnyOf):
        parts = [best(part, counts) for part in source.parts]
        whole = [each for each in parts if each is not None]
        return together(whole) if len(whole) == len(parts) else None
    if source not in counts:
        return None
    one = counts[source]
    return Driver(source.sql, one.count, one.or_more, (source.path,), source.told)


def together(parts: Sequence[Driver]) -> Driver:
    """Drivers read one after the other."""
    return Driver(
        " UNION ALL ".join(each.sql for each in parts),
        sum(each.count for each in parts),
        any(each.or_more for each in parts),
        tuple(path for each in parts for path in each.paths),
        " or ".join(dict.fromkeys(each.told for each in parts)),
    )


def estimates(counts: Mapping[Range, Counted]) -> dict[str, Counted]:
    """What is known of the size of each condition: the least of its ranges."""
    found: dict[str, Counted] = {}
    for each in counts.values():
        path = each.range.path
        if path not in found or (each.or_more, each.count) < (found[path].or_more, found[path].count):
            found[path] = each
    return found
