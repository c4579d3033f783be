"""The tables of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .contenders import FLOOR, STEPS
from .emulated import KINDS
from .results import Results, Sample, Spread

_MIB = 1 << 20


def render(results: Results) -> str:
    """All tables, each below a sentence that says what it shows."""
    machine = results.machine
    measured = f"{about(machine)} The run took {machine['minutes']} minutes."
    parts = [measured, *_times(results), _requests(results), _sizes(results)]
    return "\n\n".join([*parts, *_skipped(results)]) + "\n"


def about(machine: Mapping[str, object]) -> str:
    """Where, when and with what."""
    return (
        f"Measured on {machine['date']} with version {machine['package']} on"
        f" {machine['cores']} cores ({machine['system']}), Python {machine['python']},"
        f" Pulumi CLI {machine['Pulumi CLI']} and SDK {machine['Pulumi SDK']}. The load of the"
        f" machine was {machine['load before']} before the run and {machine['load after']} after"
        f" it."
    )


def _times(results: Results) -> Iterable[str]:
    """One table for each latency."""
    for latency in results.latencies:
        rows = []
        for size in results.sizes:
            for contender in results.contenders:
                samples = results.select(contender, size, latency)
                if not samples:
                    continue
                spreads = [results.seconds(contender, size, latency, step) for step in STEPS]
                rows.append(
                    [
                        f"{size:,}",
                        contender,
                        samples[0].parallel,
                        str(max(spread.count for spread in spreads if spread)),
                        *(_seconds(spread) for spread in spreads),
                        _ratio(results, contender, size, latency),
                    ]
                )
        head = ["N", "contender", "`--parallel`", "runs", *STEPS, "create ÷ floor"]
        yield (
            f"Seconds at {latency} ms per answer: the median, and the least and the most of all"
            " runs.\n\n" + table(head, rows)
        )


def _seconds(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    if spread.count == 1:
        return f"{spread.median:.2f}"
    return f"{spread.median:.2f} ({spread.least:.2f}–{spread.most:.2f})"


def _ratio(results: Results, contender: str, size: int, latency: int) -> str:
    """How many times longer a create takes than the floor's, which no latency reaches."""
    create = results.seconds(contender, size, latency, "create")
    floor = results.seconds(FLOOR, size, 0, "create")
    return f"{create.median / floor.median:.2f}" if create and floor else "–"


def _requests(results: Results) -> str:
    """The requests of every step, for the most authorizations that each contender was given."""
    rows = []
    for contender in results.contenders:
        samples = results.select(contender)
        latency = min(sample.latency for sample in samples)
        size = max(sample.size for sample in samples if sample.latency == latency)
        if not any(sample.requests for sample in samples):
            continue
        for step in STEPS:
            of_step = results.select(contender, size, latency, step)
            if of_step:
                rows.append([contender, f"{size:,}", step, *_counted(of_step)])
    head = ["contender", "N", "step", *KINDS, "other", "connections"]
    return (
        "Requests and TCP connections that the emulator counted at the lowest latency. `token` is a"
        " request for an access token.\n\n" + table(head, rows)
    )


def _counted(samples: Sequence[Sample]) -> list[str]:
    """The requests by kind and the connections; a range where runs differ."""
    kinds = [*KINDS, "other"]
    counts = [[sample.requests.get(kind, 0) for sample in samples] for kind in kinds]
    counts.append([sample.connections for sample in samples])
    return [
        f"{min(found):,}" if min(found) == max(found) else f"{min(found):,}–{max(found):,}"
        for found in counts
    ]


def _sizes(results: Results) -> str:
    """The memory of the provider process, and the bytes of state."""
    rows = []
    for contender in results.contenders:
        for size in results.sizes:
            samples = results.select(contender, size)
            memory = max((sample.memory or 0 for sample in samples), default=0)
            whole = [sample.state for sample in samples if sample.state]
            bare = [s.state_without_positions for s in samples if s.state_without_positions]
            if samples:
                rows.append(
                    [
                        contender,
                        f"{size:,}",
                        f"{memory / _MIB:.0f} MiB" if memory else "–",
                        f"{max(whole):,.0f}" if whole else "–",
                        f"{max(bare):,.0f}" if bare else "–",
                    ]
                )
    head = ["contender", "N", "peak memory", "bytes of state", "without source positions"]
    return (
        "The most memory of the provider process in any step, and the bytes of one resource in the"
        " state. The engine adds source positions, which depend on the program.\n\n"
        + table(head, rows)
    )


def _skipped(results: Results) -> Iterable[str]:
    lines = []
    for skipped in results.skipped:
        where = (
            "" if skipped.size is None else f", {skipped.size:,} at {skipped.latency} ms per answer"
        )
        lines.append(f"- {skipped.contender}{where}: {skipped.reason}")
    if lines:
        yield "Not measured:\n\n" + "\n".join(lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
