"""The command line: `python -m bench`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from . import page, profile, throttling
from .contenders import CONTENDERS
from .emulated import emulated
from .measure import FULL, SHORT, Measurement, Plan, load, machine
from .plot import draw
from .results import Results
from .table import render


def main() -> None:
    """Measure, print the tables, and write what was asked for."""
    options = _parser().parse_args()
    # In the background of a shell, SIGINT is ignored, by all that is started too. The engine ends
    # its plugins with it, and would wait five seconds for each of them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if options.profile:
        _profile()
        return
    if options.throttling:
        _throttling(options.throttling, write=options.write)
        return
    plan = FULL if options.full else SHORT
    if options.minutes:
        plan = replace(plan, minutes=options.minutes)
    results = Results.read(options.results) if options.show else _measure(plan)
    if not options.show:
        results.write(options.results)
    print(render(results))
    if options.plot:
        draw(results, options.plot)
    if options.write:
        page.write(results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=sys.modules["bench"].__doc__)
    add = parser.add_argument
    add("--full", action="store_true", help="also measure 200 and 1,000 authorizations")
    add("--minutes", type=float, help="how long to measure")
    add("--results", type=Path, default=Path("bench/results.json"), help="the JSON file")
    add("--show", action="store_true", help="measure nothing: show the results in the JSON file")
    add("--plot", type=Path, help="draw the plot into this SVG file")
    add("--profile", action="store_true", help="draw only the profile of one create in docs/")
    add(
        "--throttling",
        type=int,
        nargs="?",
        const=1000,
        metavar="N",
        help="measure only N authorizations (default: 1000) under Graph's limits",
    )
    add("--write", action="store_true", help="write the page and the picture in docs/")
    return parser


def _profile() -> None:
    with tempfile.TemporaryDirectory() as folder, emulated() as emulator:
        profiles = {
            found.name: profile.profile(found, emulator, Path(folder) / str(number))
            for number, found in enumerate(CONTENDERS[:2])
        }
    profile.draw(profiles, page.PROFILE)


def _throttling(size: int, *, write: bool) -> None:
    found = machine()
    contenders = CONTENDERS[:2]
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=2 * len(contenders), unit=" runs", dynamic_ncols=True) as bar,
    ):
        measured = [
            throttling.measure(contender, size, Path(folder) / str(number), _shown_on(bar))
            for number, contender in enumerate(contenders)
        ]
    found["load after"] = load()
    rendered = throttling.render(found, measured)
    print(rendered)
    if write:
        page.write_block(rendered, "throttling")


def _measure(plan: Plan) -> Results:
    with (
        tempfile.TemporaryDirectory() as folder,
        emulated() as emulator,
        tqdm(total=None, unit=" steps", dynamic_ncols=True) as bar,
    ):
        measurement = Measurement(emulator, CONTENDERS, plan, Path(folder), _shown_on(bar))
        bar.total = measurement.most_samples
        return measurement.run()


def _shown_on(bar: tqdm[NoReturn]) -> Callable[[str], None]:
    """What a measurement calls with what it measures next."""

    def progress(what: str) -> None:
        bar.set_description(what)
        bar.update()

    return progress


if __name__ == "__main__":
    main()
