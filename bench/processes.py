"""Commands, how long they take, and how much memory their providers need."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_PAUSE = 0.1
"""Seconds between two looks at the memory."""
_LIMIT = 900.0
"""Seconds that a command may take."""


@dataclass(frozen=True)
class Finished:
    """The duration of a command in seconds, and the most memory of its provider in bytes.

    The memory is None where there is no /proc.
    """

    seconds: float
    memory: int | None


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], provider: str = ""
) -> Finished:
    """Run a command, whose provider is the process below it with `provider` in its command line.

    RuntimeError with what it wrote if it fails.
    """
    written = folder / "written.txt"
    with written.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        watch = _Watch(process, provider)
        watch.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        watch.stop()
    if status:
        text = written.read_text(errors="replace")[-5000:]
        raise RuntimeError(f"{' '.join(command)} ended with {status}:\n{text}")
    return Finished(seconds, watch.peak)


class _Watch(threading.Thread):
    """Looks at a command from time to time, and ends it when its time is up."""

    # A wait with a timeout would look for the end only every 50 ms.
    def __init__(self, process: subprocess.Popen[bytes], provider: str) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._provider = provider
        self._ended = threading.Event()
        self.peak: int | None = None

    def run(self) -> None:
        limit = time.monotonic() + _LIMIT
        while not self._ended.wait(_PAUSE):
            if time.monotonic() > limit:
                self._process.kill()
                return
            if sys.platform == "linux" and self._provider:
                peaks = list(_peaks(self._process.pid, self._provider))
                self.peak = max([*peaks, self.peak or 0]) or None

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()


def _peaks(pid: int, provider: str) -> Iterator[int]:
    """The most memory so far of each process below one with this text in its command line."""
    for process in below(pid):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if provider in (PROC / process / "cmdline").read_bytes().decode(errors="replace"):
                found = re.search(r"VmHWM:\s+(\d+) kB", (PROC / process / "status").read_text())
                if found:
                    yield 1024 * int(found[1])


def below(pid: int | str) -> Iterator[str]:
    """The processes that a process started, and those that they started."""
    for children in (PROC / str(pid)).glob("task/*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                yield child
                yield from below(child)
