"""The run: which contenders take which step, in which order, and for how long."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from support.stack import cli_environment

from .contenders import STEPS, Contender, Project, Step
from .emulated import Emulated
from .processes import run
from .results import Results, Sample, Skipped


@dataclass(frozen=True)
class Plan:
    """What a run measures, in at most about so many minutes.

    Each of the `rounds` has the numbers of authorizations that it measures. A slow contender is
    measured once, with these `slow_sizes`, and without latency.
    """

    rounds: tuple[tuple[int, ...], ...]
    latencies: tuple[int, ...]
    slow_sizes: tuple[int, ...]
    minutes: float


SHORT = Plan(((1, 20), (1, 20), (1, 20)), (0, 250), (1,), 3)
FULL = Plan(((1, 20, 200), (1000,), (1, 20), (1, 20), (1, 20, 200)), (0, 250), (1, 20), 14)


class Measurement:
    """Measures contenders and adds to `results`. `progress` hears what is measured next."""

    def __init__(
        self,
        emulator: Emulated,
        contenders: Sequence[Contender],
        plan: Plan,
        folder: Path,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.results = Results()
        self._emulator = emulator
        self._plan = plan
        self._folder = folder
        self._progress = progress
        self._began = time.monotonic()
        self._projects: dict[tuple[str, int], Project] = {}
        self._costs: dict[tuple[str, int, int], float] = {}
        self._contenders = [found for found in contenders if self._is_available(found)]

    def run(self) -> Results:
        """Measure every round."""
        self.results.machine = machine()
        self._warm_up()
        for sizes in self._plan.rounds:
            for size in sizes:
                for latency in self._plan.latencies:
                    self._measure(size, latency)
        self.results.machine["minutes"] = round((time.monotonic() - self._began) / 60, 1)
        self.results.machine["load after"] = load()
        return self.results

    def _warm_up(self) -> None:
        """Let Python compile what it imports, which it does in the first run alone."""
        for contender in self._contenders:
            if not contender.is_slow:
                for step in ("create", "destroy"):
                    self._sample(contender, 1, 0, step)

    @property
    def most_samples(self) -> int:
        """How many samples the run has if its time suffices for all."""
        sizes = [size for sizes in self._plan.rounds for size in sizes]
        entries = {
            # A slow contender takes part once.
            (found.name, latency, size if found.is_slow else turn)
            for turn, size in enumerate(sizes)
            for latency in self._plan.latencies
            for found in self._contenders
            if self._belongs(found, size, latency)
        }
        return len(STEPS) * len(entries)

    def _is_available(self, contender: Contender) -> bool:
        reason = contender.unavailable(self._folder / contender.name.replace(" ", "-"))
        if reason:
            self.results.skipped.append(Skipped(contender.name, reason))
        return not reason

    def _measure(self, size: int, latency: int) -> None:
        """Every step of every contender, who take turns at each step."""
        entrants = self._entrants(size, latency)
        for step in STEPS:
            for contender in entrants:
                self._progress(f"{size} × {contender.name}, {latency} ms: {step}")
                sample = self._sample(contender, size, latency, step)
                self.results.samples.append(sample)
            # The next step begins with another one, so that none is always the first.
            entrants = [*entrants[1:], *entrants[:1]]
        for contender in entrants:
            samples = self.results.select(contender.name, size, latency)[-len(STEPS) :]
            self._costs[contender.name, size, latency] = sum(s.seconds for s in samples)

    def _entrants(self, size: int, latency: int) -> list[Contender]:
        """Who takes part: those who belong here, as far as the time suffices."""
        of_size = [
            found
            for found in self._contenders
            if self._belongs(found, size, latency)
            and not (found.is_slow and (found.name, size, latency) in self._costs)
        ]
        left = self._plan.minutes * 60 - (time.monotonic() - self._began)
        if self.results.select(size=size, latency=latency):
            enough = left >= sum(self._expected(found, size, latency) for found in of_size)
            return of_size if enough else []
        entrants = []
        for contender in of_size:
            expected = self._expected(contender, size, latency)
            if expected > left:
                reason = (
                    f"would take about {expected:.0f} seconds, and the run had no time for that"
                )
                self.results.skipped.append(Skipped(contender.name, reason, size, latency))
                continue
            left -= expected
            entrants.append(contender)
        return entrants

    def _belongs(self, contender: Contender, size: int, latency: int) -> bool:
        if contender.is_slow:
            return not latency and size in self._plan.slow_sizes
        return contender.makes_calls or not latency

    def _expected(self, contender: Contender, size: int, latency: int) -> float:
        """The seconds that a contender will take: as before, or on the line through two sizes."""
        known = self._costs.get((contender.name, size, latency))
        if known is not None:
            return known
        costs = sorted(
            (its_size, cost)
            for (name, its_size, its_latency), cost in self._costs.items()
            if (name, its_latency) == (contender.name, latency) and its_size < size
        )
        if len(costs) < 2:
            return 0
        (less, its_cost), (nearest, cost) = costs[-2:]
        return cost + max(0, cost - its_cost) * (size - nearest) / (nearest - less)

    def _sample(self, contender: Contender, size: int, latency: int, step: Step) -> Sample:
        project = self._project(contender, size)
        project.declare(step)
        self._emulator.begin(latency)
        command = project.command(step, latency)
        finished = run(command, project.folder, project.environment, contender.provider)
        traffic = self._emulator.traffic()
        state = project.state() if step == "create" else None
        return Sample(
            contender=contender.name,
            size=size,
            latency=latency,
            step=step,
            seconds=round(finished.seconds, 3),
            requests=traffic.requests,
            connections=traffic.connections,
            parallel=contender.parallel(latency),
            memory=finished.memory,
            state=state.whole if state else None,
            state_without_positions=state.without_positions if state else None,
        )

    def _project(self, contender: Contender, size: int) -> Project:
        key = contender.name, size
        if key not in self._projects:
            folder = self._folder / f"{contender.name.replace(' ', '-')}-{size}"
            # Of its own: what one contender stores is nobody else's drift.
            principals = self._emulator.service_principals(size)
            self._projects[key] = contender.project(folder, self._emulator, principals)
        return self._projects[key]


def load() -> float:
    """The load of the machine in the last minute."""
    return round(os.getloadavg()[0], 1)


def machine() -> dict[str, object]:
    """Where and when this runs, and with which versions."""
    found = cli_environment(Path.home())
    cli = subprocess.check_output(["pulumi", "version"], env=found, text=True).strip()
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "Pulumi CLI": cli,
        "Pulumi SDK": version("pulumi"),
        "package": version("pulumi-entra-provisioning"),
        "load before": load(),
    }
