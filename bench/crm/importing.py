"""Imports by the product's own importer: how fast they are, pass by pass, and what they take."""

import csv
import io
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from crm.figures import Report, percentile
from crm.house import WORKER, Body, House
from crm.people import COLUMNS, Drawn, property_type, rows
from stack import children, cpu_of_ended, cpu_seconds, postmaster

SEED = 20_260_727
ROWS_A_FILE = 250_000
MAPPED = {"External ID": "external_id:bench", "Second Email": "email", "Opted Out": "opted_out"}


def define_properties(house: House, count: int) -> None:
    """Defines the custom properties that people are drawn with."""
    for number in range(count):
        house.do(
            "crm_define_property",
            object_type="contact",
            name=named(number),
            label=f"Bench {number}",
            type=property_type(number),
        )


def named(number: int) -> str:
    """The name of a custom property."""
    return f"bench_{number:02d}"


def file_of(people: Iterable[Sequence[str]], properties: int) -> bytes:
    """People as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *(named(number) for number in range(properties))])
    writer.writerows(people)
    return text.getvalue().encode()


@dataclass(slots=True)
class Imported:
    """An import that has ended."""

    operation: str
    rows: int
    seconds: float
    counters: dict[str, int]
    passes: dict[str, float] = field(default_factory=dict)
    state: str = ""
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Rows a second from the call to the end."""
        return self.rows / self.seconds

    @property
    def told(self) -> str:
        """Its passes and counters."""
        passes = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.passes.items())
        cpu = ", ".join(f"{name} {seconds * 1e6 / self.rows:.0f} µs" for name, seconds in self.cpu.items())
        counters = ", ".join(f"{name} {count:,}" for name, count in sorted(self.counters.items()))
        return f"{passes}; processor a row: {cpu}; {counters}"


def imported(house: House, data: bytes, rows_: int, **options: Any) -> Imported:
    """Uploads a file, has it imported and waits for the end."""
    file = house.upload(data)
    mapping = [{"column": column, "field": target} for column, target in MAPPED.items()]
    before, began = cpu_used(house), time.perf_counter()
    told = house.granted(
        "crm_import_contacts_csv", file_id=file["id"], sha256=file["sha256"], mapping=mapping, **options
    )
    operation, passes = told["operation_id"], Passes(house, told["operation_id"])
    done = passes.watched(began)
    counters = {each["name"]: each["count"] for each in (*done["counters"], *done["codes"])}
    taken = time.perf_counter() - began
    cpu = {name: seconds - before[name] for name, seconds in cpu_used(house).items()}
    return Imported(operation, rows_, taken, counters, passes.seconds, done["state"], cpu)


def cpu_used(house: House) -> dict[str, float]:
    """Seconds of processor time that the worker and the database have used."""
    parent = postmaster(house.running)
    server = cpu_of_ended(parent)
    for pid in (parent, *children(parent)):
        # Some of the database's processes come and go.
        with suppress(FileNotFoundError, ProcessLookupError):
            server += cpu_seconds(pid)
    return {"worker": cpu_seconds(house.running.pid(WORKER)), "database": server}


@dataclass(slots=True)
class Passes:
    """Follows an import by its row in the database, so that each pass is timed."""

    house: House
    operation: str
    seconds: dict[str, float] = field(default_factory=dict)

    def watched(self, began: float) -> Body:
        """The import once it has ended."""
        last = began
        with self.house.owner() as connection:
            while True:
                row = connection.execute(
                    "SELECT o.finished_at IS NOT NULL, coalesce(CASE WHEN r.is_staged THEN r.phase END, 'stage') "
                    "FROM operation o LEFT JOIN import_run r ON r.tenant_id = o.tenant_id AND r.id = o.id "
                    "WHERE o.tenant_id = %s AND o.id = %s",
                    (self.house.tenant, self.operation),
                ).fetchone()
                now = time.perf_counter()
                assert row is not None
                has_ended, phase = row
                self.seconds[phase] = self.seconds.get(phase, 0.0) + now - last
                last = now
                if has_ended:
                    return self.house.status(self.operation)
                time.sleep(0.1)


def load(house: House, world: Drawn, count: int, properties: int, report: Report) -> None:
    """Loads the tenant by the importer, file after file."""
    began, done = time.perf_counter(), 0
    for first in range(0, count, ROWS_A_FILE):
        size = min(ROWS_A_FILE, count - first)
        one = imported(house, file_of(rows(world, SEED, size, properties, first), properties), size)
        done += one.counters.get("created", 0)
        report.add(
            f"load of {size:,} rows at {first:,}, {properties} properties", f"{one.rate:,.0f} rows/s; {one.told}"
        )
        report.check(one.state == "done", f"load ended as {one.state}")
    report.add(
        f"loaded by the importer: {done:,} of {count:,} rows", f"{count / (time.perf_counter() - began):,.0f} rows/s"
    )
    report.check(done > 0.94 * count, f"only {done} of {count} rows were created")


def new_people(world: Drawn, first: int, count: int, properties: int) -> bytes:
    """A file of people that are not there."""
    return file_of(rows(world, SEED, count, properties, first), properties)


def updates(world: Drawn, count: int, loaded_properties: int, shown: int) -> bytes:
    """A file of people that are there, every other with another title."""
    width = len(COLUMNS) + shown
    title = COLUMNS.index("Job Title")

    def changed() -> Iterator[list[str]]:
        for at, row in enumerate(islice(rows(world, SEED, count, loaded_properties), count)):
            yield [*row[:title], f"{row[title]} {at % 7}", *row[title + 1 : width]] if at % 2 else row[:width]

    return file_of(changed(), shown)


def chunk_seconds(house: House, operation: str) -> Sequence[float]:
    """Seconds between the chunks of an import, by the times that its log rows carry."""
    with house.owner() as connection:
        found = connection.execute(
            "SELECT DISTINCT at FROM record_change WHERE tenant_id = %s AND operation_id = %s "
            "AND record_type = 'contact' ORDER BY at",
            (house.tenant, operation),
        ).fetchall()
    times = [at.timestamp() for (at,) in found]
    return [later - earlier for earlier, later in pairwise(times)]


def peak_memory(house: House, name: str = WORKER) -> float:
    """The most memory that a process has held, in MB."""
    status = Path(f"/proc/{house.running.pid(name)}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


@contextmanager
def other_callers(house: House, names: Sequence[str]) -> Iterator[dict[str, list[float]]]:
    """One caller who looks up, searches, reads and writes in turn as long as the block runs; seconds by kind."""
    taken: dict[str, list[float]] = {"lookup": [], "search": [], "upsert": []}
    over = threading.Event()

    def calls() -> None:
        at = 0
        while not over.is_set():
            name = names[at % len(names)]
            for kind, tool, body in (
                ("lookup", "crm_lookup_customer", {"query": name}),
                ("search", "crm_search_customers", {"query": name}),
                ("upsert", "crm_upsert_contact", {"name": f"Beside {at}", "email": f"beside{at}@beside.example"}),
            ):
                began = time.perf_counter()
                house.do(tool, **body)
                taken[kind].append(time.perf_counter() - began)
            at += 1

    thread = threading.Thread(target=calls)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


@dataclass(slots=True)
class Exported:
    """An export of everybody, read as it is written: seconds to its first byte, to the rows wanted and to its end."""

    wanted: int
    first: float = 0.0
    to_wanted: float = 0.0
    to_end: float = 0.0
    rows: int = -1


def exported(house: House, wanted: int) -> Exported:
    """Has everybody exported and reads the file."""
    done, began = Exported(wanted), time.perf_counter()
    told = house.do("crm_export_contacts_csv")
    headers = {"x-kontor-passport": house.passport()}
    with house.http.stream("GET", told["path"], headers=headers) as answer:
        for piece in answer.iter_bytes():
            now = time.perf_counter() - began
            done.first = done.first or now
            done.rows += piece.count(b"\n")
            if done.rows >= wanted and not done.to_wanted:
                done.to_wanted = now
    done.to_end = time.perf_counter() - began
    return done


def reverted(house: House, operation: str) -> tuple[float, Body]:
    """Seconds to take an import back, and how it ended."""
    began = time.perf_counter()
    told = house.granted("crm_import_revert", operation_id=operation)
    done = house.ended(told["operation_id"], 0.1)
    return time.perf_counter() - began, done


def told_of_chunks(seconds: Sequence[float]) -> str:
    """How long chunks of 1,000 take."""
    return (
        f"p50 {percentile(seconds, 0.5) * 1000:.0f} ms, p95 {percentile(seconds, 0.95) * 1000:.0f} ms, n {len(seconds)}"
    )
