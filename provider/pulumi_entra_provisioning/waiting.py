"""When a call is repeated, how long it waits before, and when it gives up: the one policy."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from .errors import Answer, RequestError, SignInError

_T = TypeVar("_T")

_THROTTLED: Final = frozenset({429, 503, 504})

_REPLICATION_SHARE: Final = 0.2
"""The part of the time allowed that a target may take to appear in every replica of Entra."""

_LONGEST_PAUSE: Final = 30.0
_WORTH_TELLING: Final = 4.0


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
        acts: bool = True,
        single_use: bool = False,
        mistaken: Callable[[], Awaitable[str]] | None = None,
    ) -> _T:
        """What `attempt` gives, repeated as long as waiting may help.

        `acts` says whether the call changes anything at Graph. With `single_use`, a call that may
        have been carried out is not repeated. `mistaken` is asked once, at the first 404: it gives
        the remedy of a mistake that no waiting mends, or nothing. Raises the RequestError or
        SignInError of the last attempt, whose answer says whether any attempt may have been carried
        out.
        """
        pauses = _growing()
        may_have_acted = False
        while True:
            try:
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

    async def _within_time(
        self, doing: str, attempt: Callable[[], Awaitable[_T]], acts: bool, single_use: bool
    ) -> _T:
        left = self._left()
        if not left:
            message = "not sent, as the time allowed was over before"
            answer = Answer(None, "", message, out_of_time=True)
            raise RequestError(doing, answer)
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


def _growing() -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads callers, guards nothing
        pause = min(pause * 2, _LONGEST_PAUSE)
