"""What was measured, as values and as JSON, and what a table or a plot shows of it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One step of one contender. `latency` is in milliseconds, `memory` and `state` in bytes."""

    contender: str
    size: int
    latency: int
    step: str
    seconds: float
    requests: dict[str, int]
    connections: int
    parallel: str = "default"
    memory: int | None = None
    state: int | None = None
    state_without_positions: int | None = None


@dataclass(frozen=True)
class Skipped:
    """What was not measured, and why. Without a size, the contender took no part at all."""

    contender: str
    reason: str
    size: int | None = None
    latency: int | None = None


@dataclass(frozen=True)
class Spread:
    """The middle of several values, and their ends."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found), len(found))


@dataclass
class Results:
    """A run of the benchmark. `machine` says where, when and with which versions."""

    machine: dict[str, Any] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def select(
        self,
        contender: str | None = None,
        size: int | None = None,
        latency: int | None = None,
        step: str | None = None,
    ) -> list[Sample]:
        """The samples with these values."""
        return [
            sample
            for sample in self.samples
            if contender in (None, sample.contender)
            and size in (None, sample.size)
            and latency in (None, sample.latency)
            and step in (None, sample.step)
        ]

    def seconds(self, contender: str, size: int, latency: int, step: str) -> Spread | None:
        """How long a step took; None if it was not measured."""
        samples = self.select(contender, size, latency, step)
        return Spread.of(sample.seconds for sample in samples) if samples else None

    @property
    def contenders(self) -> list[str]:
        """Who took part, in the order of the first samples."""
        return list(dict.fromkeys(sample.contender for sample in self.samples))

    @property
    def sizes(self) -> list[int]:
        """The numbers of authorizations."""
        return sorted({sample.size for sample in self.samples})

    @property
    def latencies(self) -> list[int]:
        """The times that an answer took."""
        return sorted({sample.latency for sample in self.samples})

    def write(self, path: Path) -> None:
        """Write them as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote."""
        content = json.loads(path.read_text())
        return cls(
            content["machine"],
            [Sample(**sample) for sample in content["samples"]],
            [Skipped(**skipped) for skipped in content["skipped"]],
        )
