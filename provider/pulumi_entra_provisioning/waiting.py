"""When a call is repeated, how long it waits before, and when it gives up: the one policy."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from .errors import Answer, RequestError, SignInError

_T = TypeVar("_T")

_THROTTLED: Final = frozenset({429, 503, 504})

_REPLICATION_SHARE: Final = 0.2
"""The part of the time allowed that a target may take to appear in every replica of Entra."""

_LONGEST_PAUSE: Final = 30.0

_FIRST_LIMIT: Final = 16.0
"""Calls that a run begins with at once; every answer allows one more."""

_SPREAD: Final = 1.0
"""Seconds over which several runs that were told the same pause come back."""

_WORTH_TELLING: Final = 4.0


class Gate:
    """What all calls of a run to one service share: its pauses, and how many are on their way.

    A pause that the service asks of one call holds for all of them. Calls that are on their way
    when a limit is reached are refused in vain, and many services count them against the limit. So
    their number starts low, grows with every answer, and halves with every refusal, as TCP has it:
    https://datatracker.ietf.org/doc/html/rfc5681
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._opens = 0.0
        self._limit = _FIRST_LIMIT
        self._was_refused = False
        self._on_their_way = 0
        self._left = asyncio.Event()

    @property
    def pause(self) -> float:
        """Seconds until the service may be called again."""
        return max(self._opens - time.monotonic(), 0.0)

    @contextlib.asynccontextmanager
    async def passed(self, seconds: float) -> AsyncIterator[None]:
        """A call's way to the service and back.

        Raises TimeoutError where it can't begin within `seconds`.
        """
        end = time.monotonic() + seconds
        while self.pause or self._on_their_way >= int(self._limit):
            left = end - time.monotonic()
            if self.pause >= left:
                raise asyncio.TimeoutError
            if self.pause:
                await asyncio.sleep(self.pause)
            else:
                await asyncio.wait_for(self._left.wait(), left)
        self._on_their_way += 1
        try:
            yield
        except (RequestError, SignInError) as error:
            if error.answer.retry_after:
                self._refused(error.answer.retry_after)
            raise
        else:
            self._limit += 1 / self._limit if self._was_refused else 1
        finally:
            self._on_their_way -= 1
            self._left.set()
            self._left = asyncio.Event()

    def _refused(self, retry_after: float) -> None:
        # Of the calls that were on their way together, only the first says anything new.
        if not self.pause:
            self._limit = max(self._limit / 2, 1.0)
            self._was_refused = True
        spread = random.uniform(0, _SPREAD)  # noqa: S311 - spreads runs, guards nothing
        self._opens = max(self._opens, time.monotonic() + retry_after + spread)


class Patience:
    """How long one step of a resource may take, over all its calls, waits and repetitions.

    `seconds` is for everything. `may_be_new` allows for a target that Entra has not replicated
    yet. `tell` takes a line for the user's log.
    """

    def __init__(
        self, seconds: float, tell: Callable[[str], None], *, may_be_new: bool = False
    ) -> None:
        now = time.monotonic()
        self._end = now + seconds
        self._replicated = now + seconds * _REPLICATION_SHARE if may_be_new else now
        self._tell = tell

    def capped(self, seconds: float) -> Patience:
        """What is left of this, but no more than `seconds`."""
        less = Patience(min(seconds, self._left()), self._tell)
        less._replicated = self._replicated
        return less

    def _left(self) -> float:
        return max(self._end - time.monotonic(), 0.0)

    async def call(
        self,
        doing: str,
        attempt: Callable[[], Awaitable[_T]],
        *,
        gate: Gate | None = None,
        acts: bool = True,
        single_use: bool = False,
        mistaken: Callable[[], Awaitable[str]] | None = None,
    ) -> _T:
        """What `attempt` gives, repeated as long as waiting may help.

        `gate` is what it shares with the other calls to the same service. `acts` says whether the
        call changes anything at Graph. With `single_use`, a call that may have been carried out is
        not repeated. `mistaken` is asked once, at the first 404: it gives the remedy of a mistake
        that no waiting mends, or nothing. Raises the RequestError or SignInError of the last
        attempt, whose answer says whether any attempt may have been carried out.
        """
        pauses = _growing()
        may_have_acted = False
        while True:
            try:
                async with self._passed(doing, gate):
                    return await self._within_time(doing, attempt, acts, single_use)
            except (RequestError, SignInError) as error:
                may_have_acted |= error.answer.may_have_acted
                error.answer = replace(error.answer, may_have_acted=may_have_acted)
                if error.answer.status == 404 and mistaken is not None:
                    ask, mistaken = mistaken, None
                    if remedy := await ask():
                        raise RequestError(doing, error.answer, remedy=remedy) from None
                reason = self._reason_to_wait(error.answer, single_use)
                pause = max(next(pauses), error.answer.retry_after or 0.0)
                if reason is None or pause >= self._left():
                    raise
            if pause >= _WORTH_TELLING:
                self._tell(f"{doing}: {reason}; trying again in {pause:.0f} s")
            await asyncio.sleep(pause)

    @contextlib.asynccontextmanager
    async def _passed(self, doing: str, gate: Gate | None) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as way:
            try:
                if gate is not None:
                    await way.enter_async_context(gate.passed(self._left()))
            except asyncio.TimeoutError:
                raise RequestError(doing, _not_sent(gate)) from None
            yield

    async def _within_time(
        self, doing: str, attempt: Callable[[], Awaitable[_T]], acts: bool, single_use: bool
    ) -> _T:
        left = self._left()
        if not left:
            raise RequestError(doing, _not_sent())
        try:
            return await asyncio.wait_for(attempt(), left)
        except asyncio.TimeoutError:
            message = f"no answer within {left:.0f} s"
            answer = Answer(None, "", message, may_have_acted=acts, out_of_time=True)
            raise RequestError(doing, answer, code_at_stake=single_use) from None

    def _reason_to_wait(self, answer: Answer, single_use: bool) -> str | None:
        if answer.is_final or (answer.may_have_acted and single_use):
            return None
        if answer.status is None:
            return answer.message
        if answer.status in _THROTTLED:
            return f"{answer.status}, which asks to wait"
        unseen = answer.status == 404 or (answer.status == 401 and answer.is_forbidden)
        if unseen and time.monotonic() < self._replicated:
            return f"{answer.status}, which a new target answers until Entra has replicated it"
        return None


def _not_sent(gate: Gate | None = None) -> Answer:
    if gate is None or not gate.pause:
        message = "not sent, as the time allowed was over before"
        return Answer(None, "", message, is_final=True, out_of_time=True)
    message = f"not sent, as {gate.service} asks this run to wait longer than the time allowed"
    return Answer(None, "", message, retry_after=gate.pause, is_final=True, out_of_time=True)


def _growing() -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads callers, guards nothing
        pause = min(pause * 2, _LONGEST_PAUSE)
