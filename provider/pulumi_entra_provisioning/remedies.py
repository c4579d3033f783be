"""What to do about an answer, and the heading of docs/errors.md with the details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from .answers import Answer

_PAGE: Final = "docs/errors.md"


class Explained(NamedTuple):
    """A problem or a remedy in one or two sentences, and the heading of docs/errors.md about it."""

    text: str
    heading: str

    def __str__(self) -> str:
        return _followed(self.text, f"See {_PAGE}#{self.heading}.")

    def then(self, sentence: str) -> Explained:
        """The same with another sentence at its end."""
        return self._replace(text=_followed(self.text, sentence))


def _followed(text: str, sentence: str) -> str:
    # A command on the last line stays one that can be copied.
    return f"{text}\n{sentence}" if "\n" in text else f"{text} {sentence}"


_GRANT: Final = (
    "grant the application permission Synchronization.ReadWrite.All, or"
    " Application.ReadWrite.OwnedBy and ownership of the service principal. A delegated caller"
    " needs Synchronization.ReadWrite.All and the role Application Administrator, Cloud Application"
    " Administrator or Hybrid Identity Administrator, or a custom role with the same permission"
)

_PROXY: Final = (
    "Check HTTPS_PROXY. If the proxy answers 407, add its user and password to the URL; otherwise"
    " have the proxy allow this host. To connect without the proxy, add the host to NO_PROXY."
)

_NETWORK: Final = (
    "Check the network and the proxy. Behind a proxy that inspects TLS, set caFile to its"
    " certificate authority."
)

_MICROSOFT: Final = "The service failed on Microsoft's side."

REMEDIES: Final = {
    "400 InvalidNotificationSettings": Explained(
        'Graph cannot empty SyncNotificationSettings. Declare it with the value "{}" instead.',
        "400-invalidnotificationsettings-a-key-cannot-be-emptied",
    ),
    "400": Explained(
        "Check the credentials, correct them and run `pulumi up` again.",
        "400-graph-refuses-the-credentials",
    ),
    "401 UnknownError": Explained(
        f"Graph returns this error when the caller lacks a permission: {_GRANT}.",
        "401-unknownerror-or-403-a-permission-is-missing",
    ),
    "401": Explained(
        "Graph rejected the access token. Check environment, graphEndpoint and tenantId, and"
        " whether a Conditional Access policy blocks this caller.",
        "401-graph-does-not-accept-the-token",
    ),
    "403": Explained(
        f"The caller lacks a permission: {_GRANT}.",
        "401-unknownerror-or-403-a-permission-is-missing",
    ),
    "404": Explained(
        "The target does not exist, or this caller cannot see it. Use the object id, not the"
        " application (client) id (both are GUIDs), and check that application_id and"
        " service_principal_id are not swapped and that tenantId is right.",
        "404-the-target-does-not-exist",
    ),
    "405": Explained(
        "Check graphEndpoint: this answer is not Microsoft Graph's.",
        "405-or-2xx-the-answer-is-not-from-microsoft-graph",
    ),
    "429": Explained(
        "Graph throttles this tenant. Run again later, or raise timeout above the Retry-After.",
        "429-microsoft-throttles-the-caller",
    ),
    "500 InternalError": Explained(
        "Check the keys and the values: Graph answers this if it does not know one of them. Keys"
        " are case-sensitive.",
        "500-internalerror-graph-does-not-know-a-key-or-a-value",
    ),
    "5xx": Explained(
        f"{_MICROSOFT} Run again later. If the error persists, give the request-id to Microsoft"
        " support.",
        "5xx-a-microsoft-service-failed",
    ),
    "2xx": Explained(
        "Check graphEndpoint and any proxy on the way: this answer is not Microsoft Graph's.",
        "405-or-2xx-the-answer-is-not-from-microsoft-graph",
    ),
    "3xx": Explained(
        "Check graphEndpoint and any proxy on the way. Redirects are not followed, because a token"
        " is sent to no other host.",
        "3xx-redirects-are-not-followed",
    ),
    "no connection": Explained(_PROXY, "no-connection-the-proxy-refuses"),
    "no answer": Explained(_NETWORK, "no-answer-network-proxy-or-tls"),
    "out of time": Explained(
        f"If timeout is short, raise it. {_NETWORK}", "out-of-time-the-step-reached-its-timeout"
    ),
    "canceled": Explained("Run `pulumi up` again.", "canceled-the-run-was-interrupted"),
    "else": Explained(
        "Look up the code at https://learn.microsoft.com/graph/errors.",
        "other-errors-from-microsoft-graph",
    ),
}
"""By HTTP status and Graph's code, the more exact first. docs/errors.md has the same table."""

SIGN_IN_REMEDIES: Final = {
    "AADSTS7000215": Explained(
        "Set clientSecret to the value, not the id, of a valid secret of this client.",
        "aadsts7000215-the-client-secret-is-wrong",
    ),
    "AADSTS7000222": Explained(
        "The client secret has expired. Create a new one and set clientSecret.",
        "aadsts7000222-the-client-secret-has-expired",
    ),
    "AADSTS700016": Explained(
        "This tenant has no such client. Check clientId, tenantId and environment.",
        "aadsts700016-the-tenant-has-no-such-client",
    ),
    "AADSTS90002": Explained(
        "This cloud has no such tenant. Check tenantId and environment.",
        "aadsts90002-the-tenant-does-not-exist",
    ),
    "AADSTS700027": Explained(
        "Upload the public part of the certificate to the application, or set"
        " clientCertificatePath to a certificate that is registered with it.",
        "aadsts700027-the-certificate-is-not-registered",
    ),
    "AADSTS700024": Explained(
        "The signed assertion is expired or not valid yet. Check this machine's clock. The ID token"
        " of a pipeline expires within minutes: request it in the step that runs pulumi.",
        "aadsts700024-the-assertion-has-expired",
    ),
    "AADSTS700211": Explained(
        "Add a federated identity credential with this issuer to the application.",
        "aadsts700211-no-federated-credential-has-this-issuer",
    ),
    "AADSTS700212": Explained(
        "Give the application's federated identity credential the audience of the ID token. It is"
        " api://AzureADTokenExchange unless the pipeline requests another.",
        "aadsts700212-no-federated-credential-has-this-audience",
    ),
    "AADSTS700213": Explained(
        "Add a federated identity credential with this subject to the application. The subject"
        " names the repository and the branch, environment or service connection exactly.",
        "aadsts700213-no-federated-credential-has-this-subject",
    ),
    "200 no ID token": Explained(
        "Check oidcRequestUrl and any proxy on the way: this answer is not from a service that"
        " issues ID tokens.",
        "no-id-token-the-pipeline-issues-none",
    ),
    "no ID token": Explained(
        "Allow the job to request an ID token: in GitHub Actions with `permissions: id-token:"
        " write`, in Azure Pipelines with SYSTEM_ACCESSTOKEN and the id of the service connection.",
        "no-id-token-the-pipeline-issues-none",
    ),
    "AADSTS65001": Explained(
        "Have an administrator consent to the client's permissions.",
        "aadsts65001-consent-is-missing",
    ),
    "AADSTS53003": Explained(
        "Exempt this workload identity from the Conditional Access policy, or run from a network"
        " that the policy allows.",
        "aadsts53003-conditional-access-blocks-the-client",
    ),
    "429": Explained(
        "Entra throttles this client. Run again later, or raise timeout.",
        "429-microsoft-throttles-the-caller",
    ),
    "5xx": Explained(f"{_MICROSOFT} Run again later.", "5xx-a-microsoft-service-failed"),
    "no connection": Explained(_PROXY, "no-connection-the-proxy-refuses"),
    "no answer": Explained(_NETWORK, "no-answer-network-proxy-or-tls"),
    "out of time": Explained(
        f"If timeout is short, raise it. {_NETWORK}", "out-of-time-the-step-reached-its-timeout"
    ),
    "else": Explained(
        "Check authorityHost, environment and any proxy on the way: this answer is not Entra's.",
        "other-errors-from-microsoft-entra",
    ),
}
"""By Entra's code or by HTTP status. docs/errors.md has the same table."""

CODE_REFUSED: Final = Explained(
    "Check the credentials. An authorization code works once, expires within minutes and is valid"
    " only for the redirect URI that it was issued for. Correct the credentials, with a new code if"
    " you use one, and run `pulumi up` again.",
    "400-graph-refuses-the-credentials",
)
"""Instead of the remedy of a 400, if the credentials hold an authorization code."""

UNKNOWN_JOB: Final = Explained(
    "The target has no synchronization job with this id. Correct job_id.",
    "404-the-job-does-not-exist",
)

SAME_TARGET: Final = Explained(
    "Another resource declares the same target. Declare the target once, or raise timeout.",
    "out-of-time-another-resource-has-the-same-target",
)

MAY_BE_AUTHORIZED: Final = (
    "Graph may have carried out the call. The state records that, and the next `pulumi up`"
    " authorizes again."
)
"""The sentence for an authorization that Graph may have carried out without an answer."""

CODE_SPENT: Final = (
    "The authorization code may be spent. Check in the Entra admin center (Enterprise applications,"
    " Provisioning) whether the application is authorized. To continue, get a new code, set it as"
    " Oauth2AuthorizationCode and run `pulumi up` again."
)
"""The same, if the credentials hold an authorization code."""


def remedy_for(answer: Answer, remedies: Mapping[str, Explained]) -> Explained:
    """The remedy for `answer`."""
    status = "no answer" if answer.status is None else str(answer.status)
    if answer.out_of_time:
        status = "out of time"
    names = [f"{status} {answer.code}", answer.code, status, f"{status[0]}xx"]
    found = next((remedies[name] for name in names if name in remedies), remedies["else"])
    if found is remedies["else"] and answer.code.startswith("AADSTS"):
        number = answer.code.removeprefix("AADSTS")
        link = f"Look up the code at https://login.microsoftonline.com/error?code={number}."
        return found._replace(text=link)
    return found
