"""Where the time of one create goes: its processes and its requests, drawn from start to end."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from .contenders import Contender
from .emulated import Emulated
from .plot import set_style
from .processes import PROC, below, run

_PAUSE = 0.004
"""Seconds between two looks at the processes."""

_RUNS = 5

_CLI = "Pulumi CLI and engine"
_SIGN_IN = "  sign-in"
_ACTION = "  acquireAccessToken"
_COLORS = {_CLI: "#aaaaaa", _SIGN_IN: "#d55e00", _ACTION: "#009e73"}
_OTHER = "#0072b2"


@dataclass(frozen=True)
class Stage:
    """What runs from `begin` to `end`, in seconds since the command started."""

    name: str
    begin: float
    end: float


def profile(contender: Contender, emulator: Emulated, folder: Path) -> list[Stage]:
    """The stages of the fastest of several runs that create one authorization."""
    project = contender.project(folder, emulator, emulator.service_principals(1))
    texts = {
        "language host": "/pulumi-language-python ",
        "  python -m pip list": "-m pip list",
        "program": "pulumi-language-python-exec",
        "provider": contender.provider,
    }
    project.declare("create")
    runs = []
    for _ in range(_RUNS):
        emulator.begin(0)
        command = project.command("create", 0)
        began, stages = _watched(command, project.folder, project.environment, texts)
        for name, path in ((_SIGN_IN, "*/oauth2/v2.0/token"), (_ACTION, "*/acquireAccessToken")):
            begin, end = emulator.moments(path)
            stages.append(Stage(name, begin - began, end - began))
        runs.append(stages)
        run(project.command("destroy", 0), project.folder, project.environment)
    return min(runs, key=lambda stages: stages[0].end)


def _watched(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], texts: Mapping[str, str]
) -> tuple[float, list[Stage]]:
    """When a command began, and how long it and the processes below it ran.

    `texts` has what the command line of each process holds, by the name of its stage.
    """
    seen: dict[str, tuple[float, float]] = {}
    began = time.time()
    process = subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        now = time.time() - began
        for pid in below(process.pid):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                line = (PROC / pid / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                for name, text in texts.items():
                    if text in line:
                        seen[name] = (seen.get(name, (now, now))[0], now)
        time.sleep(_PAUSE)
    whole = Stage(_CLI, 0, time.time() - began)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return began, [whole, *(Stage(name, *seen[name]) for name in texts)]


def draw(profiles: Mapping[str, Sequence[Stage]], path: Path) -> None:
    """Write the profiles as SVG: a panel for each contender, a bar for each stage."""
    set_style()
    figure = Figure(figsize=(9, 2.2 * len(profiles)))
    panels = figure.subplots(len(profiles), 1, sharex=True, squeeze=False)
    for (axes,), (name, stages) in zip(panels, profiles.items(), strict=True):
        for row, stage in enumerate(stages):
            color = _COLORS.get(stage.name, _OTHER)
            duration = stage.end - stage.begin
            # The edge shows a request that takes milliseconds.
            axes.barh(row, duration, left=stage.begin, color=color, edgecolor=color, linewidth=1.5)
            shown = f" {stage.begin:.2f} to {stage.end:.2f} s"
            axes.text(stage.end, row, shown, va="center", fontsize=8)
        axes.set_yticks(range(len(stages)), [stage.name for stage in stages])
        axes.invert_yaxis()
        axes.set_title(f"{name}: one authorization", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.18)
    panels[-1][0].set_xlabel("seconds since `pulumi up` started")
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
