"""When a call is repeated, how long it waits before, and when it gives up: the one policy."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from ..answers import Answer
from ..errors import RequestError, SignInError
from ..remedies import REMEDIES

_T = TypeVar("_T")

_THROTTLED: Final = frozenset({429, 503, 504})

_REPLICATION_SHARE: Final = 0.2
"""The part of the time allowed that a target may take to appear in every replica of Entra."""

_LONGEST_PAUSE: Final = 30.0

_FIRST_LIMIT: Final = 16.0
"""Calls that a run begins with at once. A dynamic provider never has more than four."""

_SPREAD: Final = 1.0
"""Seconds over which several runs spread their next call after the same pause."""

_LOGGED_FROM: Final = 4.0

_SHORTEST_ATTEMPT: Final = 0.5
"""Seconds of an attempt that is worth a retry: in less, its timeout would hide the last answer."""


_TOO_LATE: Final = Answer(None, "", "not sent, because timeout ran out", out_of_time=True)


class _NotSentError(Exception):
    """There is no time for another attempt."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.message)


class Gate:
    """The limits that all calls of a run to one service share: pauses, and calls in flight.

    A pause that the service asks of one call holds for all of them. The call with the least time
    left is the next. Calls that are on their way when a limit is reached are refused in vain, and
    Graph counts them against the limit. So their number starts low and grows with the answers while
    it is used up. After a refusal it starts at one, and grows slowly from half of what it was, as
    in TCP after a timeout: https://datatracker.ietf.org/doc/html/rfc5681#section-3.1
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._opens = 0.0
        self._limit = _FIRST_LIMIT
        self._slow_from = math.inf
        self._waiting: dict[asyncio.Event, float] = {}
        self._on_their_way = 0

    @property
    def pause(self) -> float:
        """Seconds until the service may be called again."""
        return max(self._opens - time.monotonic(), 0.0)

    @contextlib.asynccontextmanager
    async def passed(self, seconds: float) -> AsyncIterator[None]:
        """A call's way to the service and back. Raises _NotSentError if it cannot begin in time."""
        await self._turn(seconds)
        self._on_their_way += 1
        try:
            yield
        except RequestError as error:
            if error.answer.retry_after:
                self._refused(error.answer.retry_after)
            raise
        else:
            if self._on_their_way >= int(self._limit) and not self.pause:
                self._limit += 1 if self._limit < self._slow_from else 1 / self._limit
        finally:
            self._on_their_way -= 1
            self._wake_next()

    async def _turn(self, seconds: float) -> None:
        """Wait until a call may begin. Raises _NotSentError if it cannot in so many seconds."""
        end = time.monotonic() + seconds
        woken = asyncio.Event()
        self._waiting[woken] = end
        try:
            while (
                self.pause
                or end > min(self._waiting.values())
                or self._on_their_way >= int(self._limit)
            ):
                left = end - time.monotonic()
                if pause := self.pause:
                    if pause >= left:
                        message = (
                            f"not sent, because {self.service} asks to wait longer than timeout"
                        )
                        answer = Answer(None, "", message, retry_after=pause, out_of_time=True)
                        raise _NotSentError(answer)
                    await asyncio.sleep(pause)
                    continue
                woken.clear()
                try:
                    await asyncio.wait_for(woken.wait(), left)
                except asyncio.TimeoutError:
                    raise _NotSentError(_TOO_LATE) from None
        finally:
            del self._waiting[woken]
            self._wake_next()

    def _wake_next(self) -> None:
        """Have the call that is next look whether it may begin."""
        # With a hundred calls in the queue, waking them all for each answer takes seconds of CPU.
        if self._waiting:
            min(self._waiting, key=self._waiting.__getitem__).set()

    def _refused(self, retry_after: float) -> None:
        # Of the calls that were on their way together, only the first is news.
        if not self.pause:
            self._slow_from = min(self._limit, self._on_their_way) / 2
            self._limit = 1.0
        spread = random.uniform(0, _SPREAD)  # noqa: S311 - spreads runs, guards nothing
        self._opens = max(self._opens, time.monotonic() + retry_after + spread)
        # A call that has less time than the pause fails now, and not when its time is over.
        for woken in self._waiting:
            woken.set()


class Patience:
    """The time that one step of a resource may take, over all its calls, waits and retries.

    `seconds` is for everything. `may_be_new` allows for a target that Entra has not replicated
    yet. `log` takes a line for the user's log. Once the run is `canceled`, nothing more is sent.
    Who sets it cancels the tasks of the steps as well, which ends their waits.
    """

    def __init__(
        self,
        seconds: float,
        log: Callable[[str], None],
        *,
        may_be_new: bool = False,
        canceled: threading.Event | None = None,
    ) -> None:
        now = time.monotonic()
        self._end = now + seconds
        self._replicated = now + seconds * _REPLICATION_SHARE if may_be_new else now
        self._log = log
        self._canceled = canceled or threading.Event()

    def capped(self, seconds: float) -> Patience:
        """The time that is left, but no more than `seconds`."""
        less = Patience(min(seconds, self.left), self._log, canceled=self._canceled)
        less._replicated = self._replicated
        return less

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(self._end - time.monotonic(), 0.0)

    async def call(
        self,
        doing: str,
        attempt: Callable[[], Awaitable[_T]],
        *,
        gate: Gate | None = None,
        acts: bool = True,
        single_use: bool = False,
        if_carried_out: str = "",
        mistaken: Callable[[], Awaitable[str]] | None = None,
    ) -> _T:
        """The result of `attempt`, which is retried as long as waiting may help.

        `gate` is what it shares with the other calls to the same service. `acts` means that the
        call changes something at Graph. With `single_use`, a call that may have been carried out is
        not repeated; `if_carried_out` is as in RequestError. `mistaken` is called once, at the
        first 404: it returns the remedy for a mistake that waiting does not fix, or nothing. Raises
        the RequestError or SignInError of the last attempt, or a RequestError once the run is
        canceled, with `may_have_acted` if any attempt
        may have been carried out.
        """
        pauses = _growing()
        last: RequestError | SignInError | None = None
        while True:
            if self._canceled.is_set():
                raise self._not_sent(doing, last, if_carried_out)
            with self._until_canceled():
                try:
                    async with contextlib.AsyncExitStack() as way:
                        if gate is not None:
                            await way.enter_async_context(gate.passed(self.left))
                        return await self._within_time(doing, attempt, acts, if_carried_out)
                except _NotSentError as error:
                    remedy = REMEDIES["429"] if error.answer.retry_after else ""
                    raise last or RequestError(
                        doing, error.answer, remedy=remedy, if_carried_out=if_carried_out
                    ) from None
                except (RequestError, SignInError) as error:
                    may_have_acted = bool(last and last.answer.may_have_acted)
                    may_have_acted |= error.answer.may_have_acted
                    error.answer = replace(error.answer, may_have_acted=may_have_acted)
                    last = error
                    if error.answer.is_not_found and mistaken is not None:
                        ask, mistaken = mistaken, None
                        if remedy := await ask():
                            raise RequestError(
                                doing, error.answer, remedy=remedy, if_carried_out=if_carried_out
                            ) from None
                    reason = self._reason_to_wait(error, single_use)
                    pause = error.answer.retry_after or next(pauses)
                    if reason is None or pause + _SHORTEST_ATTEMPT > self.left:
                        raise
                if pause >= _LOGGED_FROM:
                    self._log(f"{doing}: {reason}; retrying in {pause:.0f} s")
                await asyncio.sleep(pause)

    @contextlib.contextmanager
    def _until_canceled(self) -> Iterator[None]:
        """Let a wait end early if the run is canceled meanwhile."""
        try:
            yield
        except asyncio.CancelledError:
            if not self._canceled.is_set():
                raise

    @staticmethod
    def _not_sent(
        doing: str, last: RequestError | SignInError | None, if_carried_out: str
    ) -> RequestError:
        """The error of a call that was not sent because the run was canceled."""
        acted = bool(last and last.answer.may_have_acted)
        again = f" again after {last.answer}" if last else ""
        answer = Answer(None, "", f"canceled, and not sent{again}", may_have_acted=acted)
        return RequestError(
            doing, answer, if_carried_out=if_carried_out, remedy=REMEDIES["canceled"]
        )

    async def _within_time(
        self, doing: str, attempt: Callable[[], Awaitable[_T]], acts: bool, if_carried_out: str
    ) -> _T:
        left = self.left
        if not left:
            raise _NotSentError(_TOO_LATE)
        try:
            return await asyncio.wait_for(attempt(), left)
        except asyncio.CancelledError:
            if not (acts and self._canceled.is_set()):
                raise
            message = "canceled before the answer came, so Graph may have acted"
            answer = Answer(None, "", message, may_have_acted=True, is_final=True)
            remedy = REMEDIES["canceled"]
            raise RequestError(
                doing, answer, if_carried_out=if_carried_out, remedy=remedy
            ) from None
        except asyncio.TimeoutError:
            message = f"no answer within {left:.0f} s"
            answer = Answer(None, "", message, may_have_acted=acts, out_of_time=True)
            raise RequestError(doing, answer, if_carried_out=if_carried_out) from None

    def _reason_to_wait(self, error: RequestError | SignInError, single_use: bool) -> str | None:
        answer = error.answer
        if answer.is_final or (answer.may_have_acted and single_use):
            return None
        if answer.status is None:
            return answer.message
        if answer.status in _THROTTLED:
            return f"{answer.status}, the service asks to wait"
        unseen = answer.is_not_found or (answer.status == 401 and answer.is_forbidden)
        # It is Graph that does not know a new target, not Entra.
        if unseen and isinstance(error, RequestError) and time.monotonic() < self._replicated:
            return f"{answer.status}, Entra may not have replicated a new target yet"
        return None


def _growing() -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads callers, guards nothing
        pause = min(pause * 2, _LONGEST_PAUSE)
