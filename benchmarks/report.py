"""The figures as a table and a chart: `python -m benchmarks.report FILE PNG`.

FILE holds the last lines of the benchmarks, one a line, as `make bench` prints them. The table
goes to standard output as Markdown; the chart shows each figure as a multiple of its target.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from benchmarks.telling import machine


@dataclass(frozen=True)
class Target:
    """What a figure must reach: at least so much, or at most; None: it is told, no more."""

    benchmark: str
    figure: str
    meaning: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def text(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most is not None else ""

    def reached(self, value: float) -> float | None:
        """How far the target is reached: 1 is just so, more is better."""
        if self.at_least is not None:
            return value / self.at_least
        return self.at_most / value if self.at_most is not None else None


TARGETS = (
    Target("lifecycle", "orders_per_s", "orders a second through all seven steps"),
    Target("lifecycle", "vs_stock", "÷ Prefect's process worker", at_least=20),
    Target("lifecycle", "vs_floor", "÷ empty tasks on the warm worker", at_least=0.6),
    Target("lifecycle", "api_requests_per_order", "requests at Prefect an order", at_most=12),
    Target("wake", "p50_s", "last report to push, median, seconds", at_most=1),
    Target("wake", "p99_s", "last report to push, 99 of 100, seconds"),
    Target("wake", "vs_stock", "stock's median ÷ ours", at_least=10),
    Target("batch", "lines_per_s", "lines a second, decomposed and generated"),
    Target("batch", "vs_bulk_insert", "÷ plain bulk inserts", at_least=0.3),
    Target("batch", "peak_mb", "peak memory above idle, MB", at_most=300),
    Target("inflight", "vs_empty", "with 50,000 waiting ÷ with none", at_least=0.85),
    Target("inflight", "recover_s", "one round of recovery, seconds", at_most=5),
    Target("push", "deliveries_per_s", "deliveries a second, each in the ledger"),
    Target("push", "vs_bare", "÷ a bare httpx loop", at_least=0.5),
    Target("push", "dead_p99_ratio", "p99 of the healthy, 1 % dead ÷ none", at_most=1.5),
    Target("push", "fanout_1000_ratio", "one order to 1,000 ÷ the bare loop's", at_most=3),
    Target("push", "lost", "pushes lost, relays killed under load"),
    Target("push", "duplicates", "pushes sent twice, relays killed under load"),
)

Reached = tuple[Target, float]


def read(lines: Iterable[str]) -> Iterator[Reached]:
    """The figures that there are, in the order of the targets."""
    told = [json.loads(line) for line in lines if line.startswith("{")]
    figures = {each["benchmark"]: each["figures"] for each in told}
    for target in TARGETS:
        if (value := figures.get(target.benchmark, {}).get(target.figure)) is not None:
            yield target, value


def table(reached: Iterable[Reached]) -> str:
    """The figures as Markdown."""
    rows = [
        f"| {target.benchmark} | `{target.figure}` | {target.meaning} | {value:g} | {target.text} |"
        for target, value in reached
    ]
    head = ["| benchmark | key | figure | measured | to reach |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def draw(reached: Iterable[Reached], path: Path) -> None:
    """A bar for each figure that has a target, as a multiple of it."""
    shares = [(target, target.reached(value)) for target, value in reached]
    bars = [(target, share) for target, share in shares if share is not None][::-1]
    names = [f"{target.benchmark}: {target.figure} {target.text}" for target, _ in bars]
    colours = ["tab:green" if share >= 1 else "tab:red" for _, share in bars]
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axes.barh(names, [share for _, share in bars], color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel("how far the target is reached (1: just so; to the right: better)")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Print the table and write the chart."""
    mpl.use("agg")
    reached = list(read(Path(sys.argv[1]).read_text().splitlines()))
    print(machine().partition("; load")[0], table(reached), sep="\n\n")
    draw(reached, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
