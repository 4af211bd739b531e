"""What each class of questions should reach, and how it is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from crm.asking import Person, questions
from crm.figures import Report, percentile, shown, spread
from crm.house import House
from crm.serving import bare, on_edge, on_service, served, statements
from load import Measured

SEED = 7
RATIO, MORE_MS = 1.5, 10.0
WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Aim:
    """A class, its callers and the p95 it should stay below."""

    kind: str
    callers: int
    p95_ms: float


WORDS = ("one word", "prefix of 4", "substring of 5", "one slip", "first and last name")
AIMS: Sequence[Aim] = (
    Aim("identifier", 8, 25),
    *(Aim(kind, 2, 60) for kind in WORDS),
    *(Aim(kind, 8, 200) for kind in WORDS),
    Aim("two prefixes of 3", 2, 120),
    Aim("lookup", 2, 20),
)


async def measure(house: House, people: Sequence[Person], calls: int, report: Report) -> None:
    """Every class on the service's port, through the edge and as bare SQL, in this order, never pooled."""
    recorded: dict[str, list[list[tuple[str, object, bool]]]] = {}
    for aim in AIMS:
        if aim.kind not in recorded:
            recorded[aim.kind] = await statements(house, aim.kind, questions(aim.kind, SEED, people, calls), calls)  # type: ignore[assignment]
        await one(house, aim, people, calls, recorded[aim.kind], report)


async def one(
    house: House, aim: Aim, people: Sequence[Person], calls: int, recorded: Sequence[object], report: Report
) -> None:
    """One class with so many callers."""
    runs: dict[str, Measured] = {}
    await bare(house, cycle(recorded), WARM_UP, aim.callers)  # type: ignore[arg-type]
    runs["bare"] = await bare(house, cycle(recorded), calls, aim.callers)  # type: ignore[arg-type]
    for name, way in (("service", on_service), ("edge", on_edge)):
        asked = questions(aim.kind, SEED, people, calls)
        await served(way(house), aim.kind, questions(aim.kind, SEED, people, calls), WARM_UP, aim.callers)
        done = await served(way(house), aim.kind, asked, calls, aim.callers)
        runs[name] = done.measured
        wrong = list(done.wrong())
        for told in wrong[:3]:
            report.check(False, f"{aim.kind} over {name}: {told}")
        report.check(not wrong, f"{aim.kind} over {name}: {len(wrong)} of {calls} answers")
    tell(aim, runs, report)


def tell(aim: Aim, runs: Mapping[str, Measured], report: Report) -> None:
    """The figures of a class."""
    p95 = {name: percentile(run.latencies, 0.95) * 1000 for name, run in runs.items()}
    named = f"{aim.kind}, {aim.callers} callers"
    report.most(f"{named}: p95", p95["service"], aim.p95_ms, "ms", f" ({spread(runs['service'].latencies)})")
    ratio, more = p95["service"] / p95["bare"], p95["service"] - p95["bare"]
    allowed = RATIO * p95["bare"] + MORE_MS
    told = f" (bare SQL p95 {shown(p95['bare'])} ms, ratio {ratio:.2f}, difference {shown(more)} ms)"
    report.most(f"{named}: against bare SQL x {RATIO} + {MORE_MS:.0f} ms", p95["service"], allowed, "ms", told)
    report.add(f"{named}: through the edge", spread(runs["edge"].latencies))
