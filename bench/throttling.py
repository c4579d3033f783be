"""Many creates by an application that has used up most of what Graph's limit allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from .contenders import Contender
from .emulated import Post, emulated
from .processes import run
from .table import about, table

_EARLIER = 2900
"""Writes of the same application just before, of the 3,000 that Graph allows it in 150 seconds."""

_LATENCY = 250
"""Milliseconds for each answer. Without them, hardly two calls would be on their way together."""

_HEAD = (
    "contender",
    "N",
    "`--parallel`",
    "seconds without limits",
    "seconds under the limit",
    "POST needed",
    "POST made",
    "POST refused",
    "longest `Retry-After`",
    "POST in the first second after a pause",
    "token",
)


@dataclass(frozen=True)
class Counted:
    """What Graph received: calls, refusals, and the most calls in the second after a pause.

    `longest` is the longest Retry-After in seconds.
    """

    made: int
    refused: int
    longest: float
    burst: int

    @classmethod
    def of(cls, posts: Sequence[Post]) -> Counted:
        """The count of calls in the order of their arrival."""
        waits = [post.retry_after or 0.0 for post in posts if post.status == 429]
        # Graph never asks to wait for less than a second.
        reopened = [
            after.time
            for before, after in pairwise(posts)
            if before.status == 429 and after.time - before.time >= 1
        ]
        bursts = [sum(0 <= post.time - time < 1 for post in posts) for time in reopened]
        return cls(len(posts), len(waits), max(waits, default=0.0), max(bursts, default=0))


@dataclass(frozen=True)
class Throttled:
    """A create of one contender: its seconds without limits, and what happened under the limit."""

    contender: str
    size: int
    parallel: str
    free: float
    seconds: float
    counted: Counted
    tokens: int


def measure(
    contender: Contender, size: int, folder: Path, progress: Callable[[str], None]
) -> Throttled:
    """Create so many authorizations twice. `progress` hears what is measured next."""
    progress(f"{size} × {contender.name}, without limits")
    free, _, _ = _create(contender, size, folder / "free", earlier=0)
    progress(f"{size} × {contender.name}, under the limit")
    limited = _create(contender, size, folder / "limited", earlier=_EARLIER)
    return Throttled(contender.name, size, contender.parallel(_LATENCY), free, *limited)


def _create(
    contender: Contender, size: int, folder: Path, *, earlier: int
) -> tuple[float, Counted, int]:
    """The seconds of a create, its calls, and its requests for a token.

    With writes `earlier`, Graph's limits apply.
    """
    with emulated(throttling=earlier > 0) as emulator:
        project = contender.project(folder, emulator, emulator.service_principals(size))
        project.declare("create")
        emulator.write(earlier)
        emulator.begin(_LATENCY)
        finished = run(project.command("create", _LATENCY), project.folder, project.environment)
        tokens = emulator.traffic().requests.get("token", 0)
        return finished.seconds, Counted.of(emulator.posts()), tokens


def render(machine: Mapping[str, object], measured: Sequence[Throttled]) -> str:
    """The table, below a sentence that says where it was measured."""
    rows = [
        [
            one.contender,
            f"{one.size:,}",
            one.parallel,
            f"{one.free:.1f}",
            f"{one.seconds:.1f}",
            f"{one.size:,}",
            f"{one.counted.made:,}",
            f"{one.counted.refused:,}",
            f"{one.counted.longest:.0f} s",
            str(one.counted.burst),
            str(one.tokens),
        ]
        for one in measured
    ]
    return f"{about(machine)}\n\n{table(_HEAD, rows)}\n"
