"""What the user reads when it fails.

ProvisioningError
├── SettingsError   could not try: a setting is missing or unusable, nothing was sent
├── SignInError     tried: Microsoft Entra gave no token, so Microsoft Graph was not called
└── RequestError    tried: Microsoft Graph refused, or gave no answer
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from .redaction import printable


class ProvisioningError(Exception):
    """Anything that this package raises on purpose. Its text holds no value of a credential.

    `outputs` is what to record of the resource although the step failed: Graph may have carried a
    call of it out.
    """

    # In every class here: what is public is read by the name under which it is imported.
    __module__ = __package__

    outputs: Mapping[str, Any] | None = None


class SettingsError(ProvisioningError):
    """Could not try: a setting is missing or unusable. Nothing was sent.

    `problems` has one sentence for each setting: its name, what is wrong, where to put it.
    """

    __module__ = __package__

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


@dataclass(frozen=True)
class Answer:
    """What a service said when it refused.

    `status` is the HTTP status, or None where no answer came. `code` and `message` are the
    service's own, the synchronization service's unwrapped from Graph's, without the values of
    credentials. `retry_after` is in seconds. `may_have_acted` is True where the request may have
    been carried out all the same, `is_final` where sending it again can't help, `out_of_time` where
    no answer came because the time for the step was over.
    """

    status: int | None
    code: str
    message: str
    request_id: str = ""
    retry_after: float | None = None
    may_have_acted: bool = False
    is_final: bool = False
    out_of_time: bool = False

    @property
    def is_forbidden(self) -> bool:
        """Whether the caller lacks a permission, which the synchronization API says with 401.

        https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8800
        """
        empty_401 = self.status == 401 and self.code == "UnknownError" and not self.message
        return self.status == 403 or empty_401

    def __str__(self) -> str:
        said = ": ".join(
            part
            for part in (f"{self.status or ''} {self.code}".strip(), _sentence(self.message))
            if part
        )
        notes = [f"request-id {self.request_id}"] if self.request_id else []
        if self.retry_after is not None:
            notes.append(f"Retry-After {self.retry_after:.0f} s")
        return said + (f" ({', '.join(notes)})" if notes else "")


class SignInError(ProvisioningError):
    """Microsoft Entra gave the caller no token: Microsoft Graph was not called."""

    __module__ = __package__

    def __init__(self, doing: str, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"{doing}: {answer}. {_remedy(SIGN_IN_REMEDIES, answer)}")


class RequestError(ProvisioningError):
    """Tried, and refused or not answered.

    `doing` says what was being done to what, `answer` what Microsoft Graph said; `code_at_stake`
    that the call carried an authorization code, which works once. `remedy` says more exactly than
    REMEDIES what to do.
    """

    __module__ = __package__

    def __init__(
        self, doing: str, answer: Answer, *, code_at_stake: bool = False, remedy: str = ""
    ) -> None:
        self.doing = doing
        self.answer = answer
        spent = f" {_CODE_SPENT}" if code_at_stake and answer.may_have_acted else ""
        super().__init__(f"{doing}: {answer}. {remedy or _remedy(REMEDIES, answer)}{spent}")


def seconds(retry_after: str) -> float | None:
    """The seconds that a Retry-After header asks for, which is a number or a date (RFC 9110).

    Of several, which stand with commas between, it is the longest.
    """
    each = re.findall(r"[A-Za-z]+,[^,]*|[^,]+", retry_after)
    asked = [found for one in each if (found := _seconds(one.strip())) is not None]
    return max(asked, default=None)


def _seconds(retry_after: str) -> float | None:
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        moment = parsedate_to_datetime(retry_after)
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc)
        return max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None


def unanswered(error: str, *, may_have_acted: bool = False) -> Answer:
    """What to say of a request that no service answered, from what a library says of it."""
    if refused := re.search(r"Tunnel connection failed: (\d{3})", error):
        status = int(refused[1])
        known = {known.value: f" ({known.phrase})" for known in HTTPStatus}
        message = f"the proxy answered {status}{known.get(status, '')}"
        final = status < 500 and status not in (408, 429)
        return Answer(None, "no connection", message, is_final=final)
    if mismatch := re.search(r"certificate is not valid for \\?'([^'\\]*)", error):
        message = f"no answer (the certificate that {mismatch[1]} presents is for other names)"
        return Answer(None, "", message, is_final=True)
    return Answer(
        None,
        "",
        _connection_failure(error),
        may_have_acted=may_have_acted,
        is_final="CERTIFICATE_VERIFY_FAILED" in error,
    )


def _connection_failure(error: str) -> str:
    """What went wrong with a connection, in the words of the system rather than of a library."""
    said = re.search(
        r"\[Errno [^]]*\] [^'\")(]+|\[SSL: \w+\] [^'\")(]+|Remote end closed connection"
        r"|Server disconnected|Name or service not known|timed out",
        error,
    )
    words = said[0].strip() if said else error.partition(":")[0][:60]
    return f"no answer ({printable(words)})"


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


_CODE_SPENT: Final = (
    "The authorization code may be spent: check in the Entra admin center (Enterprise applications,"
    " Provisioning) whether the application is authorized; to go on, get a new code, set it as"
    " Oauth2AuthorizationCode and run `pulumi up` again."
)

_GRANT: Final = (
    "grant the application permission Synchronization.ReadWrite.All, or"
    " Application.ReadWrite.OwnedBy and ownership of the service principal; a delegated caller"
    " needs Synchronization.ReadWrite.All and the role Application Administrator, Cloud Application"
    " Administrator or Hybrid Identity Administrator, or a custom role with the same permission"
)

_PROXY: Final = (
    "Check HTTPS_PROXY: give it the user and the password that the proxy asks for (407), or have"
    " the proxy allow this host. To connect without the proxy, list the host in NO_PROXY."
)

REMEDIES: Final = {
    "400 InvalidNotificationSettings": "Graph does not empty SyncNotificationSettings: declare it"
    ' with the value "{}" instead.',
    "400": "Check the credentials: an authorization code works once and expires within minutes, and"
    " the redirect URI must be the one that it was issued for. To go on, correct them (with a new"
    " code where there is one) and run `pulumi up` again.",
    "401 UnknownError": "Graph answers so when a permission is missing: " + _GRANT + ".",
    "401": "The access token was not accepted: check environment, graphEndpoint and tenantId, and"
    " whether a Conditional Access policy asks for more than this caller can give.",
    "403": "The caller may not do this: " + _GRANT + ".",
    "404": "No such object, or not visible to the caller: give the object id (not the application"
    " (client) id, which has the same form) and check that application_id and service_principal_id"
    " are not mixed up and that tenantId is right.",
    "405": "Check graphEndpoint: this is not Microsoft Graph's answer to this call.",
    "429": "Graph throttles this tenant: run again later, or raise timeout above the Retry-After.",
    "500 InternalError": "Graph does not know one of the keys or values: keys are case-sensitive.",
    "5xx": "Microsoft's side failed: run again later, and give the request-id to Microsoft support"
    " if it stays.",
    "2xx": "Check graphEndpoint and any proxy between: this is not Microsoft Graph's answer.",
    "3xx": "Redirects are not followed, as a token goes to no other host: check graphEndpoint and"
    " any proxy between.",
    "no connection": _PROXY,
    "no answer": "Check the network, the proxy and, behind a proxy that inspects TLS, caFile.",
    "out of time": "Raise timeout if it is short. If it is not, check the network, the proxy and,"
    " behind a proxy that inspects TLS, caFile.",
    "else": "See https://learn.microsoft.com/graph/errors.",
}
"""What to do, by HTTP status and Graph's code, the more exact first: in the README's table."""

SIGN_IN_REMEDIES: Final = {
    "AADSTS7000215": "Set clientSecret to the value, not the id, of a valid secret of this client.",
    "AADSTS7000222": "The client secret has expired: create a new one and set clientSecret.",
    "AADSTS700016": "Check clientId, tenantId and environment: this tenant has no such client.",
    "AADSTS90002": "Check tenantId and environment: this cloud has no such tenant.",
    "AADSTS700027": "Upload the public part of the certificate to the application, or set"
    " clientCertificatePath to one that is registered with it.",
    "AADSTS700024": "Check this machine's clock: the signed assertion is outside its validity. The"
    " ID token of a pipeline expires within minutes: get it in the step that runs pulumi.",
    "AADSTS700211": "Add a federated identity credential with this issuer to the application.",
    "AADSTS700212": "Give the application's federated identity credential the audience of the ID"
    " token, which is api://AzureADTokenExchange unless the pipeline asks for another.",
    "AADSTS700213": "Add a federated identity credential with this subject to the application: it"
    " names the repository and the branch, environment or service connection exactly.",
    "200 no ID token": "Check oidcRequestUrl and any proxy between: this is not the answer of a"
    " service that gives ID tokens.",
    "no ID token": "Check whether the job may ask for an ID token: in GitHub Actions"
    " `permissions: id-token: write`, in Azure Pipelines SYSTEM_ACCESSTOKEN and the id of its"
    " service connection.",
    "AADSTS65001": "Have an administrator consent to the client's permissions.",
    "AADSTS53003": "Exempt this workload identity from the Conditional Access policy, or run from"
    " a network that the policy allows.",
    "429": "Entra throttles this client: run again later, or raise timeout.",
    "5xx": "Microsoft's side failed: run again later.",
    "no connection": _PROXY,
    "no answer": "Check the network, the proxy and, behind a proxy that inspects TLS, caFile.",
    "else": "Check authorityHost, environment and any proxy between: this is not Entra's answer.",
}
"""What to do, by Entra's code or by HTTP status: in the README's second table."""


def _remedy(remedies: Mapping[str, str], answer: Answer) -> str:
    """What the user can do about `answer`: one or two sentences."""
    status = "no answer" if answer.status is None else str(answer.status)
    if answer.out_of_time:
        status = "out of time"
    names = [f"{status} {answer.code}", answer.code, status, f"{status[0]}xx"]
    found = next((remedies[name] for name in names if name in remedies), None)
    if found is None and answer.code.startswith("AADSTS"):
        number = answer.code.removeprefix("AADSTS")
        found = f"See https://login.microsoftonline.com/error?code={number}."
    return found or remedies["else"]


def unwrapped(code: str, message: str) -> tuple[str, str]:
    """The synchronization service's own code and message where Graph wraps them.

    Graph passes that service's error as JSON inside `message`, with the code UnknownError.
    """
    while True:
        try:
            inner = json.loads(message)["error"]
            inner_code, inner_message = inner["code"], inner["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return code, message
        if not isinstance(inner_code, str):
            return code, message
        code, message = inner_code, inner_message if isinstance(inner_message, str) else ""
