"""Figures with what they should reach, printed as they come and once more as a table."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; an aim is told with it, and whether it is reached."""

    name: str
    value: str
    aim: str = ""
    is_reached: bool | None = None

    @property
    def verdict(self) -> str:
        """Whether the aim is reached; empty without one."""
        return "" if self.is_reached is None else "reached" if self.is_reached else "missed"


@dataclass(slots=True)
class Report:
    """All figures of a run, and the answers that were wrong."""

    figures: list[Figure] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Adds a figure without an aim."""
        self._put(Figure(name, value))

    def most(self, name: str, value: float, aim: float, unit: str, more: str = "") -> None:
        """Adds a figure that should be at most so much."""
        told = f"{shown(value)} {unit}{more}"
        self._put(Figure(name, told, f"at most {shown(aim)} {unit}", value <= aim))

    def least(self, name: str, value: float, aim: float, unit: str, more: str = "") -> None:
        """Adds a figure that should be at least so much."""
        told = f"{shown(value)} {unit}{more}"
        self._put(Figure(name, told.strip(), f"at least {shown(aim)} {unit}".strip(), value >= aim))

    def check(self, is_right: bool, told: str) -> None:
        """Notes a wrong answer."""
        if not is_right:
            self.wrong.append(told)
            print(f"WRONG: {told}", file=sys.stderr, flush=True)

    def table(self) -> str:
        """The figures as a Markdown table."""
        lines = ["| what | figure | aim | |", "|---|---|---|---|"]
        lines += [f"| {each.name} | {each.value} | {each.aim} | {each.verdict} |" for each in self.figures]
        return "\n".join(lines)

    def _put(self, figure: Figure) -> None:
        self.figures.append(figure)
        aim = f" (aim: {figure.aim}: {figure.verdict})" if figure.aim else ""
        print(f"{figure.name}: {figure.value}{aim}", file=sys.stderr, flush=True)


def shown(value: float) -> str:
    """A number as people read it."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    told = f"{value:,.{digits}f}"
    return told.rstrip("0").rstrip(".") if digits else told


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share stays below; 0 without any."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def spread(seconds: Sequence[float]) -> str:
    """Percentiles in milliseconds, a p99 only of a thousand samples or more."""
    told = [f"p50 {shown(percentile(seconds, 0.5) * 1000)}", f"p95 {shown(percentile(seconds, 0.95) * 1000)}"]
    if len(seconds) >= 1000:
        told.append(f"p99 {shown(percentile(seconds, 0.99) * 1000)}")
    return f"{', '.join(told)} ms, n {len(seconds):,}"
