"""The caller's access tokens: one request for all calls that need one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.credentials_async import AsyncTokenCredential

from ..answers import Answer
from ..errors import RequestError, SettingsError, SignInError
from ..redaction.secrets import Secrets
from ..remedies import REMEDIES, Explained
from .caller import PERSONAL_ACCOUNT, PERSONAL_ACCOUNT_HEADING, PERSONAL_TENANT, Caller
from .failures import FailedSignIn, doing
from .identities import ManagedIdentity, SignedIn
from .settings import Settings
from .token_credentials import token_credential

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse

# Python prints the warnings that nobody listens to: azure-identity's repeat the error that is
# raised, MSAL's quote what the token endpoint answered.
for _logger in ("azure", "msal"):
    logging.getLogger(_logger).addHandler(logging.NullHandler())

_T = TypeVar("_T")

_TokenRequest = tuple[tuple[str, ...], str | None, bool]


@dataclass(frozen=True)
class _PendingRequest:
    """A request for a token that is on its way, and when it is given up."""

    answer: asyncio.Future[AccessToken]
    end: float


_FRESH: Final = 300
"""Seconds before its end from which on a token is not used for another call."""


class SharedTokenCredential(AsyncTokenCredential):
    """One token credential of azure-identity for every call of a run.

    Calls that need a token at the same time wait for one request to Entra: azure-identity's own
    asynchronous credentials would each send their own. `caller` is who the last token was issued
    to, if the token can be read.
    """

    caller: Caller | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._credential: TokenCredential | None = None
        self._last_response: HttpResponse | None = None
        self._pending: dict[_TokenRequest, _PendingRequest] = {}
        self._given: tuple[_TokenRequest, AccessToken] | None = None
        self._refusal: tuple[Answer, float] | None = None

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """A token for `scopes`, as azure.core's AsyncTokenCredential has it.

        Raises SignInError if Entra refuses or does not answer, and SettingsError if no
        identity serves, a certificate cannot be used or the account is a personal one.
        """
        request = (scopes, claims, enable_cae)
        # Not every credential remembers its token: the Azure CLI would run for each call. One that
        # answers a challenge answers it for all who were challenged alike.
        if self._given and (not claims or self._given[0] == request):
            (for_scopes, _, _), token = self._given
            if for_scopes == scopes and token.expires_on - time.time() > _FRESH:
                return token
        self._raise_while_refused()
        try:
            token = await self._answer_to(request)
        except SignInError as error:
            if error.answer.retry_after:
                self._refusal = (error.answer, time.monotonic() + error.answer.retry_after)
            # All who waited for this request are given the same error, and each adds to its own.
            raise SignInError(self.doing, error.answer) from None
        self._given = (request, token)
        return token

    def _raise_while_refused(self) -> None:
        """Raise the last refusal again while the run has to wait."""
        if self._refusal is None:
            return
        answer, end = self._refusal
        if (left := end - time.monotonic()) > 0:
            raise SignInError(self.doing, replace(answer, retry_after=left))
        self._refusal = None

    async def _answer_to(self, request: _TokenRequest) -> AccessToken:
        """The answer to a request that all who ask the same share.

        It goes on for the next call if this one's time is over. One that takes too long is left
        alone, and another takes its place.
        """
        while True:
            pending = self._pending.get(request)
            if pending is None:
                pending = _PendingRequest(
                    _in_thread(self._ask, *request), time.monotonic() + self._longest
                )
                self._pending[request] = pending
            done, _ = await asyncio.wait({pending.answer}, timeout=pending.end - time.monotonic())
            if self._pending.get(request) is pending:
                del self._pending[request]
                if not done:
                    # The request that is left alone may still use it.
                    self._credential = None
            if done:
                return pending.answer.result()

    @property
    def _longest(self) -> float:
        """Seconds that one request for a token may take."""
        # These run commands one after the other, or look for a service that may not be there.
        looks_around = isinstance(self._settings.identity, (SignedIn, ManagedIdentity))
        return 120.0 if looks_around else 30.0

    async def close(self) -> None:
        """Does nothing. Connections close with the process."""

    async def __aexit__(self, *_: object) -> None:
        """As close."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets to withhold from messages: those of the settings, and the last token."""
        token = (self._given[1].token,) if self._given else ()
        return (*self._settings.secrets, *token)

    @property
    def doing(self) -> str:
        """The operation of get_token, for errors."""
        return doing(self._settings)

    def late(self, error: RequestError) -> SignInError:
        """The error for a token that did not come in time, with the reason if it is known."""
        if not error.answer.out_of_time:
            return SignInError(error.doing, error.answer, REMEDIES["canceled"])
        running = getattr(self._credential, "running", "")
        if running:
            message = f"{error.answer.message}: `{running}` did not finish"
            text = f"Run `{running}` yourself to see why."
            remedy = Explained(text, "a-sign-in-command-does-not-end")
            return SignInError(error.doing, replace(error.answer, message=message), remedy)
        response = self._last_response
        if response is not None and response.status_code >= 400:
            answer = replace(
                error.answer,
                status=response.status_code,
                message="no other answer in the time allowed",
                out_of_time=False,
            )
            return SignInError(error.doing, answer)
        return SignInError(error.doing, error.answer)

    def _ask(self, scopes: tuple[str, ...], claims: str | None, enable_cae: bool) -> AccessToken:
        failure: SignInError | SettingsError
        self._last_response = None
        try:
            if self._credential is None:
                self._credential = token_credential(self._settings, self._note)
            token = self._credential.get_token(*scopes, claims=claims, enable_cae=enable_cae)
            self.caller = Caller.of(token.token)
            if self.caller is None or self.caller.tenant_id != PERSONAL_TENANT:
                return token
            failure = SettingsError(
                [Explained(f"{self.doing}: {PERSONAL_ACCOUNT}", PERSONAL_ACCOUNT_HEADING)]
            )
        except Exception as error:
            secrets = Secrets({}, self.secrets)
            failure = FailedSignIn(self._settings, self._last_response, secrets).error(error)
            # After a Retry-After, MSAL would answer the next request from memory for a minute.
            self._credential = None
        raise failure from None

    def _note(self, response: HttpResponse) -> None:
        """Keep Entra's answer, which azure-identity's errors mostly come without."""
        self._last_response = response


def _in_thread(function: Callable[..., _T], *args: object) -> asyncio.Future[_T]:
    """The result of `function`, from a daemon thread."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if error is not None:
            answer.set_exception(error)
            answer.exception()  # nobody may be waiting for it any more
        else:
            answer.set_result(cast(_T, result))

    def run() -> None:
        try:
            result, error = function(*args), None
        except BaseException as raised:
            result, error = None, raised
        # Where the loop is closed, nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="token", daemon=True).start()
    return answer
