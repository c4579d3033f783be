"""The emulator's time: the machine's, plus the seconds that a test has advanced it by.

Everything that expires, waits or has a date uses this clock: tokens, client secrets, Retry-After,
replication lag, throttling windows, the journal.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone

_MAX_ADVANCE = 100 * 365 * 86_400


def utc_now() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(timezone.utc)


class Clock:
    """A clock that any thread can move forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    @property
    def ahead(self) -> float:
        """Seconds by which this clock is ahead of the machine's."""
        return self._ahead

    def time(self) -> float:
        """Seconds since 1970, like `time.time`."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        """The same time as a datetime in UTC."""
        return datetime.fromtimestamp(self.time(), timezone.utc)

    def advance(self, seconds: float) -> None:
        """Moves the clock forward.

        ValueError if `seconds` is negative or not finite, or if the clock would be more than a
        hundred years ahead.
        """
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError("the clock advances by a number of seconds, and only forward")
        if self._ahead + seconds > _MAX_ADVANCE:
            raise ValueError("the clock advances by a hundred years at most")
        self._ahead += seconds
