"""The caller's access tokens: one request for all calls that need one, and its errors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ServiceRequestError,
    ServiceResponseError,
)

from ..answers import Answer, seconds, unanswered
from ..errors import RequestError, SettingsError, SignInError
from ..network.bodies import UnusableAnswerError
from ..redaction.secrets import Secrets
from ..redaction.shown import shown, shown_answer, shown_id
from ..remedies import REMEDIES, Explained
from .caller import PERSONAL_ACCOUNT, PERSONAL_ACCOUNT_HEADING, PERSONAL_TENANT, Caller
from .identities import (
    AzurePipelines,
    ClientCertificate,
    GitHubActions,
    ManagedIdentity,
    OidcToken,
    SignedIn,
)
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

_LONGEST_SEARCH: Final = 20_000
"""Characters that are read of azure-identity's message about the identities that it tried."""


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
        settings = self._settings
        match settings.identity:
            case SignedIn():
                return f"getting a token from {settings.authority_host}"
            case ManagedIdentity(name=name):
                return f"getting a token of the {name} {settings.client_id}".strip()
            case configured:
                return (
                    f"getting a token from {settings.authority_host} for client"
                    f" {settings.client_id} of tenant {settings.tenant_id} ({configured.name})"
                )

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
            failure = self._failure(error)
            # After a Retry-After, MSAL would answer the next request from memory for a minute.
            self._credential = None
        raise failure from None

    def _failure(self, error: Exception) -> SignInError | SettingsError:
        """The error to raise for an exception of azure-identity."""
        from azure.identity import CredentialUnavailableError

        if unusable := _unusable_answer(error):
            code = "no ID token" if self._is_of_the_pipeline(unusable.url) else ""
            answer = Answer(unusable.status, code, str(unusable), is_final=True)
            return SignInError(self.doing, answer)
        if isinstance(error, AzureError):
            searched = isinstance(self._settings.identity, SignedIn)
            if searched or isinstance(error, CredentialUnavailableError):
                return self._unavailable(error)
            return self._refused(error)
        response = self._last_response
        if response is not None and self._is_of_the_pipeline(response.request.url):
            return SignInError(self.doing, self._no_id_token(response))
        return self._unfit(error)

    def _note(self, response: HttpResponse) -> None:
        """Keep Entra's answer, which azure-identity's errors mostly come without."""
        self._last_response = response

    def _unfit(self, error: Exception) -> SettingsError:
        # azure-identity's words about a certificate may quote what it read.
        cannot = f"azure-identity cannot use them ({type(error).__name__})."
        match self._settings.identity:
            case ClientCertificate():
                problem = (
                    "clientCertificatePath, clientCertificate or clientCertificatePassword:"
                    f" {cannot} Give a PEM or PFX file that holds the certificate and its private"
                    " key, and the password that opens it."
                )
            case OidcToken():
                problem = f"oidcTokenFilePath or oidcToken: {cannot}"
            case SignedIn():
                problem = f"AZURE_TOKEN_CREDENTIALS and other variables of azure-identity: {cannot}"
            case _:
                problem = f"{self.doing}: {cannot}"
        return SettingsError([Explained(problem, "a-file-cannot-be-used")])

    def _unavailable(self, error: AzureError) -> SettingsError:
        """No identity serves: a line for each that was tried, as azure-identity has it."""
        # What a command printed stands in quotes.
        said = re.sub(r'"[^"\n]*"?', "…", str(error.message)[:_LONGEST_SEARCH])
        found = r"^[ \t]*(\w{1,80}Credential): (?!\w+ failed to retrieve)(.+)"
        secrets = Secrets({}, self.secrets)
        tried = [
            f"{shown(name, secrets)}: {shown(words, secrets)}"
            for name, words in re.findall(found, said, re.MULTILINE)
        ]
        lines = [*self._settings.passed_over, *(tried or [shown(said.split("\n")[0], secrets)])]
        listed = "".join(f"\n  {line.strip()}" for line in lines)
        problem = f"{self.doing}: no identity gave a token. Configure one of these:{listed}"
        return SettingsError([Explained(problem, "no-identity-can-sign-in")])

    def _refused(self, error: AzureError) -> SignInError:
        said = str(error.message)
        not_answered = isinstance(error, _UNANSWERED) or isinstance(error.__cause__, _UNANSWERED)
        response = getattr(error, "response", None) or self._last_response
        if not_answered or response is None:
            answer = unanswered(said)
        elif self._is_of_the_pipeline(response.request.url):
            answer = self._no_id_token(response)
        else:
            if "authority configuration" in said:
                # MSAL drops Entra's answer to its first request: for no tenant, AADSTS90002.
                said = _description(response)
            # Anything else than Entra's own words may quote what was sent.
            found = re.search(r"(AADSTS\d+): (.*)", said, re.DOTALL)
            code, message = found.groups() if found else ("", "")
            sentence, _, trace = message.partition("Trace ID: ")
            secrets = Secrets({}, self.secrets)
            code, sentence = shown_answer(code, sentence, secrets)
            answer = Answer(
                response.status_code,
                code,
                sentence,
                request_id=shown_id(next(iter(trace.split()), ""), secrets),
                retry_after=seconds(response.headers.get("Retry-After", "")),
            )
        return SignInError(self.doing, answer)

    def _no_id_token(self, response: HttpResponse) -> Answer:
        failing = response.status_code == 429 or response.status_code >= 500
        said = "the service that issues ID tokens"
        return Answer(
            response.status_code,
            "" if failing else "no ID token",
            f"{said} fails" if failing else "",
            retry_after=seconds(response.headers.get("Retry-After", "")),
        )

    def _is_of_the_pipeline(self, requested: str) -> bool:
        """Whether the URL is of the pipeline's service that issues ID tokens, not of Entra."""
        match self._settings.identity:
            case AzurePipelines(request_url=url) | GitHubActions(request_url=url):
                return requested.startswith(url.partition("?")[0].rstrip("/"))
        return False


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


def _description(response: HttpResponse) -> str:
    """Entra's own words in an answer, or nothing if it is not Entra's."""
    try:
        # Not json(), which the answers of earlier versions of azure-core do not have.
        said = json.loads(response.text())["error_description"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""


def _unusable_answer(error: BaseException | None) -> UnusableAnswerError | None:
    """The cause that azure-identity and MSAL wrapped in errors of their own."""
    while error is not None and not isinstance(error, UnusableAnswerError):
        error = error.__cause__ or error.__context__
    return error


_UNANSWERED: Final = (ServiceRequestError, ServiceResponseError)
