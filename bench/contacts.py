"""`make bench-crm`: crm-core with a million contacts in one tenant, loaded by its importer, measured from its faces.

The exit code tells wrong answers; a figure that misses its aim is printed as missed.
"""

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Sequence

from crm import activities, advanced, classes, importing, peer
from crm.asking import Person, person_of
from crm.figures import Report, percentile, spread
from crm.house import House, house, small_tenants
from crm.people import PROPERTIES, TIMED_PROPERTIES, Drawn, drawn, rows
from stack import stack

from kontor_crm_core.record.state_hash import state_hash

ASKED_ABOUT = 20_000


def main() -> int:
    """Runs the bench and prints its table."""
    arguments = options()
    report, began = Report(), time.perf_counter()
    world = drawn(importing.SEED)
    with stack() as running, house(running) as home:
        fill(home, world, arguments, report)
        if not arguments.only or "import" in arguments.only:
            measure_imports(home, world, arguments, report)
        measure_reads(home, world, arguments, report)
    print(head(arguments, time.perf_counter() - began))
    print(report.table())
    return 1 if report.wrong else 0


def options() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000, help="contacts in the large tenant")
    parser.add_argument("--tenants", type=int, default=1_000, help="small tenants beside it")
    parser.add_argument("--timed", type=int, default=100_000, help="rows of each timed import, update and revert")
    parser.add_argument("--calls", type=int, default=1_000, help="calls of each class of search")
    parser.add_argument("--advanced-calls", type=int, default=100, help="calls of each advanced query")
    parser.add_argument("--only", action="append", choices=["import", "search", "advanced", "pages"], default=[])
    return parser.parse_args()


def head(arguments: argparse.Namespace, seconds: float) -> str:
    """What was measured, where."""
    return (
        f"{arguments.contacts:,} contacts, {arguments.tenants:,} tenants beside them; {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; load average at the end {os.getloadavg()[0]:.1f}; {seconds:,.0f} s\n"
    )


def fill(home: House, world: Drawn, arguments: argparse.Namespace, report: Report) -> None:
    """Fills the large tenant and makes the small ones beside it."""
    importing.define_properties(home, PROPERTIES)
    importing.load(home, world, arguments.contacts, PROPERTIES, report)
    told = activities.sizes(home)
    per_contact = {name: size / arguments.contacts / 1000 for name, size in told.items()}
    largest = ", ".join(f"{name} {size:.2f}" for name, size in list(per_contact.items())[:10])
    report.add("KB per contact", f"{sum(per_contact.values()):.1f} ({largest})")
    report.add("activities", f"{activities.write(home):,}")
    taken = small_tenants(home, arguments.tenants)
    report.most("tenant up to its first contact: p95", percentile(taken, 0.95) * 1000, 100, "ms", f" ({spread(taken)})")
    activities.settle(home)


def measure_imports(home: House, world: Drawn, arguments: argparse.Namespace, report: Report) -> None:
    """Imports, the peer beside them, updates, export and revert."""
    size = min(arguments.timed, max(arguments.contacts // 2, 2_000))
    first, before = arguments.contacts, state(home)
    one = importing.imported(home, importing.new_people(world, first, size, TIMED_PROPERTIES), size)
    report.check(one.counters.get("created", 0) > 0.94 * size, f"import of new contacts: {one.counters}")
    report.least("import of new contacts", one.rate, 2_000, "rows/s", f" ({size:,} rows; {one.told})")
    chunks = importing.chunk_seconds(home, one.operation)
    report.add("import, seconds between chunks of 1,000", importing.told_of_chunks(chunks))
    beside = peer.copied(home, one.operation, min(size, 20_000))
    report.add("peer: the same rows by COPY and INSERT ... SELECT", f"{beside.rate:,.0f} rows/s ({beside.rows})")
    report.least("import against the peer", one.rate / beside.rate, 0.7, "")
    writing = one.counters.get("created", 0) / one.passes.get("apply", one.seconds)
    report.add("third pass alone against the peer", f"{writing / beside.rate:.2f} ({writing:,.0f} rows/s)")
    seconds_, done = importing.reverted(home, one.operation)
    report.check(done["state"] == "done", f"revert ended as {done['state']}: {done['counters']}")
    counters = ", ".join(f"{each['name']} {each['count']:,}" for each in done["counters"])
    report.most(f"revert of {size:,}", seconds_, 60 * size / 100_000, "s", f" ({counters})")
    report.check(state(home) == before, "the revert left another state than the import found")
    half = importing.imported(home, importing.updates(world, size, PROPERTIES, TIMED_PROPERTIES), size)
    report.check(half.counters.get("updated", 0) > 0.45 * size, f"updates: {half.counters}")
    aim = 50 * size / 100_000
    report.most(f"{size:,} updates of which half change nothing", half.seconds, aim, "s", f" ({half.told})")
    names = [f"{row[0]} {row[1]}" for row in rows(world, importing.SEED, 500, 0)]
    with importing.other_callers(home, names) as taken:
        third = importing.imported(
            home, importing.new_people(world, first + size, size // 2, TIMED_PROPERTIES), size // 2
        )
    report.add("import beside another caller", f"{third.rate:,.0f} rows/s ({third.told})")
    for kind, seconds in taken.items():
        report.add(f"{kind} by one other caller during an import", spread(seconds))
    report.most("memory of the worker, peak", importing.peak_memory(home), 200, "MB")
    file = importing.exported(home, size)
    report.check(file.rows >= arguments.contacts, f"the export had {file.rows} rows")
    told = f" (first byte after {file.first:.2f} s, all {file.rows:,} rows after {file.to_end:.1f} s)"
    report.most(f"export, the first {size:,} rows", file.to_wanted, 10 * size / 100_000, "s", told)
    report.most("memory of the worker, peak at the end", importing.peak_memory(home), 200, "MB")
    activities.settle(home)


def state(home: House) -> str:
    """The hash of all that the tenant has."""
    with home.owner() as connection:
        return state_hash(connection, home.tenant)


def measure_reads(home: House, world: Drawn, arguments: argparse.Namespace, report: Report) -> None:
    """Search, lookup, advanced search and pages."""
    wanted = arguments.only
    if not wanted or "search" in wanted:
        asyncio.run(classes.measure(home, people(world, arguments.contacts), arguments.calls, report))
    if not wanted or "advanced" in wanted:
        asyncio.run(advanced.measure(home, arguments.advanced_calls, report))
    if not wanted or "pages" in wanted:
        asyncio.run(advanced.pages(home, arguments.contacts, report))


def people(world: Drawn, contacts: int) -> Sequence[Person]:
    """Some of the people who were loaded first; the properties are drawn with them, so that they come out the same."""
    count = min(contacts, importing.ROWS_A_FILE, ASKED_ABOUT)
    drawn_rows = rows(world, importing.SEED, count, PROPERTIES)
    return [person_of(row) for row in drawn_rows]


if __name__ == "__main__":
    sys.exit(main())
