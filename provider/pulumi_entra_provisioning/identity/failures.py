"""The failures of a sign-in, as errors: what azure-identity, MSAL and the services said."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from ..answers import Answer, seconds, unanswered
from ..errors import SettingsError, SignInError
from ..network.bodies import UnusableAnswerError
from ..redaction.secrets import Secrets
from ..redaction.shown import shown, shown_answer, shown_id
from ..remedies import Explained
from .identities import (
    AzurePipelines,
    ClientCertificate,
    GitHubActions,
    ManagedIdentity,
    OidcToken,
    SignedIn,
)
from .settings import Settings

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse

_UNANSWERED: Final = (ServiceRequestError, ServiceResponseError)

_LONGEST_SEARCH: Final = 20_000
"""Characters that are read of azure-identity's message about the identities that it tried."""


def doing(settings: Settings) -> str:
    """What a sign-in with these settings does, for errors."""
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


@dataclass(frozen=True)
class FailedSignIn:
    """A sign-in that failed.

    `response` is the last answer of a service, if one came. `secrets` are those to withhold from
    what the services said.
    """

    settings: Settings
    response: HttpResponse | None
    secrets: Secrets

    def error(self, error: Exception) -> SignInError | SettingsError:
        """The error to raise for an exception of azure-identity."""
        from azure.identity import CredentialUnavailableError

        if unusable := _unusable_answer(error):
            code = "no ID token" if self._is_of_the_pipeline(unusable.url) else ""
            answer = Answer(unusable.status, code, str(unusable), is_final=True)
            return SignInError(doing(self.settings), answer)
        if isinstance(error, AzureError):
            searched = isinstance(self.settings.identity, SignedIn)
            if searched or isinstance(error, CredentialUnavailableError):
                return self._unavailable(error)
            return self._refused(error)
        response = self.response
        if response is not None and self._is_of_the_pipeline(response.request.url):
            return SignInError(doing(self.settings), self._no_id_token(response))
        return self._unfit(error)

    def _unfit(self, error: Exception) -> SettingsError:
        # azure-identity's words about a certificate may quote what it read.
        cannot = f"azure-identity cannot use them ({type(error).__name__})."
        match self.settings.identity:
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
                problem = f"{doing(self.settings)}: {cannot}"
        return SettingsError([Explained(problem, "a-file-cannot-be-used")])

    def _unavailable(self, error: AzureError) -> SettingsError:
        """No identity serves: a line for each that was tried, as azure-identity has it."""
        # What a command printed stands in quotes.
        said = re.sub(r'"[^"\n]*"?', "…", str(error.message)[:_LONGEST_SEARCH])
        found = r"^[ \t]*(\w{1,80}Credential): (?!\w+ failed to retrieve)(.+)"
        tried = [
            f"{shown(name, self.secrets)}: {shown(words, self.secrets)}"
            for name, words in re.findall(found, said, re.MULTILINE)
        ]
        lines = [*self.settings.passed_over, *(tried or [shown(said.split("\n")[0], self.secrets)])]
        listed = "".join(f"\n  {line.strip()}" for line in lines)
        problem = (
            f"{doing(self.settings)}: no identity gave a token. Configure one of these:{listed}"
        )
        return SettingsError([Explained(problem, "no-identity-can-sign-in")])

    def _refused(self, error: AzureError) -> SignInError:
        said = str(error.message)
        not_answered = isinstance(error, _UNANSWERED) or isinstance(error.__cause__, _UNANSWERED)
        response = getattr(error, "response", None) or self.response
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
            code, sentence = shown_answer(code, sentence, self.secrets)
            answer = Answer(
                response.status_code,
                code,
                sentence,
                request_id=shown_id(next(iter(trace.split()), ""), self.secrets),
                retry_after=seconds(response.headers.get("Retry-After", "")),
            )
        return SignInError(doing(self.settings), answer)

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
        match self.settings.identity:
            case AzurePipelines(request_url=url) | GitHubActions(request_url=url):
                return requested.startswith(url.partition("?")[0].rstrip("/"))
        return False


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
