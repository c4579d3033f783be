"""One state under one lock, written to its file after every change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from ..clock import utc_now
from .file import StateFile
from .model import State


class Store:
    """A state, and the file that keeps it, if there is one."""

    def __init__(
        self,
        state: State,
        *,
        file: StateFile | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.state = state
        self.now = now
        self._file = file
        self._lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[State]:
        """The state, while no other thread changes it."""
        with self._lock:
            yield self.state

    @contextmanager
    def changing(self) -> Iterator[State]:
        """The state for a change, which the file has afterwards."""
        with self._lock:
            yield self.state
            if self._file is not None:
                self._file.write(self.state)

    def close(self) -> None:
        """Releases the file for another emulator."""
        if self._file is not None:
            self._file.close()
