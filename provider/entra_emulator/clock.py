"""The emulator's time: the machine's, and as much later as somebody has moved it.

Everything that expires, waits or is dated goes by it: tokens, client secrets, Retry-After, the lag
of replication, the windows of throttling, the journal.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone

_FURTHEST = 100 * 365 * 86_400


class Clock:
    """A clock that can be moved forward, by any thread."""

    def __init__(self) -> None:
        self._ahead = 0.0

    @property
    def ahead(self) -> float:
        """Seconds by which it is ahead of the machine's."""
        return self._ahead

    def time(self) -> float:
        """Seconds since 1970, as `time.time` has them."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        """The same as a moment in UTC."""
        return datetime.fromtimestamp(self.time(), timezone.utc)

    def advance(self, seconds: float) -> None:
        """Moves it forward. ValueError for anything else, and beyond a hundred years in all."""
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError("a clock is advanced by seconds, and only forward")
        if self._ahead + seconds > _FURTHEST:
            raise ValueError("a clock is advanced by a hundred years at most")
        self._ahead += seconds
