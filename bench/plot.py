"""The plot of a run: seconds by the number of authorizations, one line a contender."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .contenders import STEPS
from .results import Results, Spread

# The colors that Okabe and Ito chose for every kind of sight.
_COLORS = ("#0072b2", "#d55e00", "#666666", "#aaaaaa", "#009e73")
_MARKS = ("o", "s", "^", "v", "D")


def set_style() -> None:
    """Let every picture be the same file for the same results, with text that stays text."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["font.family"] = "sans-serif"
    mpl.rcParams["font.size"] = 9


def draw(results: Results, path: Path) -> None:
    """Write the plot as SVG: a row for each latency, a column for each step, log scales."""
    set_style()
    figure = Figure(figsize=(2.4 * len(STEPS), 2.5 * len(results.latencies) + 0.8))
    grid = figure.subplots(
        len(results.latencies), len(STEPS), sharex=True, sharey=True, squeeze=False
    )
    for row, latency in zip(grid, results.latencies, strict=True):
        for axes, step in zip(row, STEPS, strict=True):
            _draw_step(axes, results, latency, step)
            axes.set_title(f"{step}, {latency} ms")
        row[0].set_ylabel("seconds")
    for axes in grid[-1]:
        axes.set_xlabel("authorizations")
    lines = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
    names = [name for name in results.contenders if name in lines]
    figure.legend([lines[name] for name in names], names, loc="lower center", ncols=len(names))
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_step(axes: Axes, results: Results, latency: int, step: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for number, contender in enumerate(results.contenders):
        # A contender without calls is the same at every latency.
        measured = latency if results.select(contender, latency=latency) else 0
        if measured != latency and any(s.requests for s in results.select(contender)):
            continue
        points: list[tuple[int, Spread]] = []
        for size in results.sizes:
            spread = results.seconds(contender, size, measured, step)
            if spread:
                points.append((size, spread))
        if points:
            sizes, spreads = zip(*points, strict=True)
            medians = [spread.median for spread in spreads]
            color = _COLORS[number % len(_COLORS)]
            axes.plot(
                sizes,
                medians,
                label=contender,
                color=color,
                marker=_MARKS[number % len(_MARKS)],
                markersize=4,
            )
            axes.vlines(
                sizes,
                [s.least for s in spreads],
                [s.most for s in spreads],
                colors=color,
                alpha=0.5,
            )
    axes.set_xticks(results.sizes)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    axes.grid(visible=True, which="major", alpha=0.3)
