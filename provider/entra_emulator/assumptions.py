"""What Microsoft does not document, each as one named setting.

The behaviour that the documentation does state is code elsewhere. Whoever finds out that the
service does something else changes a setting here, not the code:
`Emulator(assumptions=Assumptions(put_merges=False))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Refusal(NamedTuple):
    """An answer of Graph: HTTP status, `error.code` and `error.message`."""

    status: int
    code: str
    message: str


class NestedRefusal(NamedTuple):
    """An answer with an error of the synchronization service in it.

    HTTP status, Graph's `error.code`, and the code of the error inside `error.message`.
    """

    status: int
    outer: str
    code: str


_SCIM = "SystemForCrossDomainIdentityManagement"
_EMPTY_401 = Refusal(401, "UnknownError", "")
_INVALID_CREDENTIALS = NestedRefusal(
    400, "InvalidCredentials", f"{_SCIM}CredentialValidationFailure"
)
_UNREACHABLE_TARGET = NestedRefusal(
    400, "CredentialValidationUnavailable", f"{_SCIM}CredentialValidationUnavailable"
)
_INCOMPATIBLE_TARGET = NestedRefusal(
    400, "CredentialValidationUnavailable", f"{_SCIM}ServiceIncompatible"
)


@dataclass(frozen=True)
class Assumptions:
    """How the emulated service behaves where the documentation is silent."""

    exchange_keys: frozenset[str] = frozenset({"Oauth2AuthorizationCode"})
    """acquireAccessToken obtains tokens if it is given one of these; else it only stores.

    No public sample of the action has real keys. Microsoft describes the exchange of a grant code
    for an access token, a refresh token and an expiry date, for OAuth applications only:
    https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
    """

    client_credentials_are_exchanged: bool = True
    """Whether acquireAccessToken obtains a token for `Oauth2ClientId` when it is given no code.

    Microsoft onboards connectors with this grant and does not say who asks for the first token.
    PUT secrets alone was seen not to lead to one:
    https://learn.microsoft.com/entra/identity/enterprise-apps/app-gallery-user-provisioning-requirements
    """

    issued_keys: tuple[str, ...] = (
        "Oauth2AccessToken",
        "Oauth2AccessTokenCreationTime",
        "Oauth2RefreshToken",
    )
    """The keys under which acquireAccessToken keeps what it obtained.

    Inferred from the enumeration, where these three are neighbours. A live tenant accepted the
    first two from outside.
    """

    stores_authorization_code: bool = False
    """Whether acquireAccessToken keeps `Oauth2AuthorizationCode` as it keeps the other given keys.

    A spent code is good for nothing (RFC 6749, 4.1.2). Nobody has published what the service does
    with it.
    """

    authorization_code_works_once: bool = True
    """Whether a code that was accepted before, on whatever target, is refused.

    RFC 6749, 4.1.2 asks for it.
    """

    spent_code_error: str = "Oauth2AuthorizationCodeInvalid"
    """Code of the nested error for a spent authorization code.

    The service's own word is not published.
    """

    exchange_uses_saved_secrets: bool = True
    """Whether acquireAccessToken takes what it is not given from the secrets that are kept.

    The client id and secret may well have been PUT before. Nobody has published whether that helps.
    """

    foreign_codes_are_accepted: bool = True
    """Whether a code for a token endpoint that the emulator does not play is accepted once.

    The emulator calls nobody. False: such an exchange is refused with
    `unreachable_token_endpoint_error`.
    """

    unreachable_token_endpoint_error: str = "Oauth2TokenEndpointUnavailable"  # noqa: S105
    """Code of the nested error where there is no token endpoint to exchange a code at.

    The service's own word is not published.
    """

    refused_code_error: str = "Oauth2AuthorizationCodeInvalid"
    """Code of the nested error for `invalid_grant` of the third party: RFC 6749, 5.2.

    The service's own word is not published, nor whether it tells these apart.
    """

    refused_client_error: str = "Oauth2ClientCredentialsInvalid"
    """Code of the nested error for `invalid_client` of the third party. As unpublished."""

    refused_exchange_error: str = "Oauth2TokenRequestInvalid"
    """Code of the nested error for every other refusal of the third party. As unpublished."""

    put_merges: bool = True
    """Whether PUT secrets leaves the keys that it does not name. False: it replaces all.

    terraform-provider-azuread deletes by putting single keys with "", which needs a merge;
    Microsoft's how-to on skip-out-of-scope-deletions has readers put everything back, which does
    not.
    """

    unemptiable_keys: frozenset[str] = frozenset({"SyncNotificationSettings"})
    """Keys for which "" is refused with `empty_setting_error`.

    Seen in https://github.com/microsoftgraph/msgraph-metadata/issues/347; other settings may behave
    so too.
    """

    empty_setting_error: str = "InvalidNotificationSettings"
    """Code of the nested error when one of `unemptiable_keys` is emptied. From the same report."""

    masked_keys: frozenset[str] = frozenset(
        {
            "AppKey",
            "ClientSecret",
            "ConnectionString",
            "ConsumerSecret",
            "Oauth2AccessToken",
            "Oauth2AuthorizationCode",
            "Oauth2ClientSecret",
            "Oauth2RefreshToken",
            "Password",
            "SecretToken",
            "TokenKey",
        }
    )
    """Keys whose value GET secrets answers as "*".

    That sensitive values come back so is known from terraform-provider-azuread, which keys do is
    not: these are the ones that are secret by their name.
    """

    unknown_key: tuple[int, str] = (500, "InternalError")
    """Status and code for a key outside the enumeration, wrong case included.

    Seen in https://github.com/microsoftgraph/msgraph-beta-sdk-java/issues/372.
    """

    missing_synchronization_permission: Refusal = _EMPTY_401
    """The answer of the synchronization endpoints to a caller without the application role.

    Seen in https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8800, where 403
    was expected.
    """

    owned_by_reads_all: bool = True
    """Whether Application.ReadWrite.OwnedBy reads applications that its holder does not own.

    The permissions reference forbids it to update those and says nothing of reading. The
    synchronization endpoints are known to ask for ownership of the service principal in any case:
    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/1102
    """

    creator_becomes_owner: bool = True
    """Whether whoever creates an object owns it from then on.

    Needed for Application.ReadWrite.OwnedBy to be of use; stated for no other role.
    terraform-provider-azuread names the caller as an owner itself.
    """

    deleted_application_takes_service_principal: bool = True
    """Whether deleting an application deletes its service principal in the same tenant.

    https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals says so;
    the API's own page does not.
    """

    custom_templates: tuple[str, ...] = ("scim", "customappsso")
    """Synchronization templates of an application that is not from the gallery.

    Both have been seen, the second one in older tenants.
    """

    unknown_template_error: str = "SynchronizationTemplateNotFound"
    """Code of the nested error for a job of a template that the service principal has not.

    That it has to be one of those is documented, the answer is not:
    https://learn.microsoft.com/graph/api/synchronization-synchronization-post-jobs
    """

    unknown_scope_error: str = "InvalidRestartCriteria"
    """Code of the nested error for a `resetScope` that there is not. Not documented."""

    not_configured_error: str = "SynchronizationJobNotConfigured"
    """Code of the nested error for provisionOnDemand without credentials. Not documented."""

    restart_forgets_the_first_run: bool = True
    """Whether a job whose watermark is reset counts as not having run, with `status.code` NotRun.

    The service evaluates all users again then, as in a first run. The code is not documented.
    """

    foreign_credentials_are_valid: bool = True
    """Whether credentials for a target that the emulator does not play are taken for valid.

    The emulator calls nobody. False: they are refused with `unreachable_target`.
    """

    invalid_credentials: NestedRefusal = _INVALID_CREDENTIALS
    """validateCredentials where the target refuses them.

    The codes of this and the next two were seen by users; the HTTP status is not documented.
    """

    unreachable_target: NestedRefusal = _UNREACHABLE_TARGET
    """validateCredentials where the target does not answer."""

    incompatible_target: NestedRefusal = _INCOMPATIBLE_TARGET
    """validateCredentials where there is no SCIM endpoint at `BaseAddress`."""

    unreplicated_synchronization: Refusal = _EMPTY_401
    """The answer of the synchronization endpoints about an object that has not replicated yet.

    Graph's other endpoints answer 404. Seen as 401 in
    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8800, where nothing tells
    it from a missing permission.
    """

    status_when_authorized: str = "NotRun"
    """`status.code` of a job that was NotConfigured, once its target holds credentials.

    Some would expect Active.
    """

    status_when_disabled: str = "Quarantine"
    """`status.code` of a job that is disabled after four weeks in quarantine.

    Microsoft documents that the job is disabled, not which code it then has, nor whether its
    quarantine stays: here it does, and `schedule.state` is Disabled.
    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
    """

    authorization_lifts_quarantine: bool = False
    """Whether acquireAccessToken takes a job out of quarantine at once.

    The documentation says that a good cycle does, or starting the job:
    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
    """

    token_lifetime: int = 3599
    """Seconds that an access token of the token endpoint is valid.

    Entra varies it between 60 and 90 minutes.
    """
