"""The behaviour that Microsoft does not document, as one named setting each.

Documented behaviour is code elsewhere. If you find out that the service behaves differently, change
a setting, not the code: `Emulator(assumptions=Assumptions(put_merges=False))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Refusal(NamedTuple):
    """An error answer of Graph: HTTP status, `error.code` and `error.message`."""

    status: int
    code: str
    message: str


class NestedRefusal(NamedTuple):
    """An error answer of Graph that wraps an error of the synchronization service.

    HTTP status, Graph's `error.code`, and the code of the error inside `error.message`.
    """

    status: int
    outer: str
    code: str


CredentialsProblem = Literal["invalid_credentials", "unreachable_target", "incompatible_target"]
"""Why a target does not accept credentials: the name of a setting."""

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
    """Keys with which acquireAccessToken obtains tokens; without them it only saves the values.

    No public example of the action has real keys. Microsoft describes the exchange of a grant code
    for an access token, a refresh token and an expiry date, for OAuth applications only:
    https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
    """

    client_credentials_are_exchanged: bool = True
    """Whether acquireAccessToken obtains a token for `Oauth2ClientId` without a code.

    Microsoft accepts connectors with this grant and does not say who requests the first token.
    Users report that PUT secrets alone does not lead to one:
    https://learn.microsoft.com/entra/identity/enterprise-apps/app-gallery-user-provisioning-requirements
    """

    issued_keys: tuple[str, ...] = (
        "Oauth2AccessToken",
        "Oauth2AccessTokenCreationTime",
        "Oauth2RefreshToken",
    )
    """The keys under which acquireAccessToken saves the tokens.

    Inferred from the enumeration, where these three are adjacent. A live tenant accepted the first
    two from a client.
    """

    stores_authorization_code: bool = False
    """Whether acquireAccessToken saves `Oauth2AuthorizationCode` like the other keys.

    A used code is worthless (RFC 6749, 4.1.2). What the service does with it is not published.
    """

    authorization_code_works_once: bool = True
    """Whether a code that was accepted before, on any target, is refused.

    RFC 6749, 4.1.2 requires it.
    """

    spent_code_error: str = "Oauth2AuthorizationCodeInvalid"
    """Code of the nested error for a used authorization code.

    The service's own code is not published.
    """

    exchange_uses_saved_secrets: bool = True
    """Whether acquireAccessToken reads missing keys from the saved secrets.

    The client id and secret may have been PUT before. Whether the service uses them is not
    published.
    """

    foreign_codes_are_accepted: bool = True
    """Whether a code for a token endpoint outside the emulator is accepted once.

    The emulator calls no other service. False: it refuses such an exchange with
    `unreachable_token_endpoint_error`.
    """

    unreachable_token_endpoint_error: str = "Oauth2TokenEndpointUnavailable"  # noqa: S105
    """Code of the nested error if there is no token endpoint to exchange a code at.

    The service's own code is not published.
    """

    refused_code_error: str = "Oauth2AuthorizationCodeInvalid"
    """Code of the nested error for `invalid_grant` of the third party: RFC 6749, 5.2.

    The service's own code is not published, nor whether this one and the next two differ.
    """

    refused_client_error: str = "Oauth2ClientCredentialsInvalid"
    """Code of the nested error for `invalid_client` of the third party. Not published."""

    refused_exchange_error: str = "Oauth2TokenRequestInvalid"
    """Code of the nested error for any other refusal of the third party. Not published."""

    put_merges: bool = True
    """Whether PUT secrets keeps the keys that it does not name. False: it replaces all keys.

    terraform-provider-azuread deletes single keys by putting "", which requires a merge.
    Microsoft's how-to on skip-out-of-scope-deletions tells readers to put all keys back, which does
    not.
    """

    unemptiable_keys: frozenset[str] = frozenset({"SyncNotificationSettings"})
    """Keys for which "" is refused with `empty_setting_error`.

    Seen in https://github.com/microsoftgraph/msgraph-metadata/issues/347; other settings may behave
    the same.
    """

    empty_setting_error: str = "InvalidNotificationSettings"
    """Code of the nested error if a client empties one of `unemptiable_keys`. Same source."""

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

    terraform-provider-azuread shows that sensitive values come back like this, not for which keys:
    these are secret by their names.
    """

    unknown_key: tuple[int, str] = (500, "InternalError")
    """Status and code for a key outside the enumeration, including one in the wrong case.

    Seen in https://github.com/microsoftgraph/msgraph-beta-sdk-java/issues/372.
    """

    missing_synchronization_permission: Refusal = _EMPTY_401
    """The answer of the synchronization endpoints to a caller without the permission.

    Seen in https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8800, where the
    reporter expected 403.
    """

    owned_by_reads_all: bool = True
    """Whether Application.ReadWrite.OwnedBy allows to read applications of other owners.

    The permissions reference forbids to update those and does not mention reading. The
    synchronization endpoints always require ownership of the service principal:
    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/1102
    """

    creator_becomes_owner: bool = True
    """Whether the creator of an object becomes its owner.

    Application.ReadWrite.OwnedBy is useless otherwise; for other permissions it is not documented.
    terraform-provider-azuread adds the caller as an owner itself.
    """

    deleted_application_takes_service_principal: bool = True
    """Whether deleting an application deletes its service principal in the same tenant.

    https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals says so;
    the API's own page does not.
    """

    custom_templates: tuple[str, ...] = ("scim", "customappsso")
    """Synchronization templates of an application that is not from the gallery.

    Both exist, the second one in older tenants.
    """

    unknown_template_error: str = "SynchronizationTemplateNotFound"
    """Code of the nested error for a job with a template of another application.

    The documentation requires one of its own templates and does not say how Graph answers:
    https://learn.microsoft.com/graph/api/synchronization-synchronization-post-jobs
    """

    unknown_scope_error: str = "InvalidRestartCriteria"
    """Code of the nested error for an unknown `resetScope`. Not documented."""

    not_configured_error: str = "SynchronizationJobNotConfigured"
    """Code of the nested error for provisionOnDemand without credentials. Not documented."""

    restart_forgets_the_first_run: bool = True
    """Whether `status.code` of a job is NotRun after a reset of its watermark.

    The service then evaluates all users again, like in a first run. The code is not documented.
    """

    foreign_credentials_are_valid: bool = True
    """Whether credentials for a target outside the emulator are valid.

    The emulator calls no other service. False: it refuses them with `unreachable_target`.
    """

    invalid_credentials: NestedRefusal = _INVALID_CREDENTIALS
    """validateCredentials if the target refuses the credentials.

    Users report the codes of this setting and the next two. The HTTP status is not documented.
    """

    unreachable_target: NestedRefusal = _UNREACHABLE_TARGET
    """validateCredentials if the target does not answer."""

    incompatible_target: NestedRefusal = _INCOMPATIBLE_TARGET
    """validateCredentials if there is no SCIM endpoint at `BaseAddress`."""

    unreplicated_synchronization: Refusal = _EMPTY_401
    """The answer of the synchronization endpoints about an object that has not replicated yet.

    Graph's other endpoints answer 404. Seen as 401, the same as for a missing permission, in
    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8800.
    """

    status_when_authorized: str = "NotRun"
    """`status.code` of a NotConfigured job after its target gets credentials.

    Active would be plausible too.
    """

    status_when_disabled: str = "Quarantine"
    """`status.code` of a job that is disabled after four weeks in quarantine.

    Microsoft documents that the job is disabled, but neither its code nor whether its quarantine
    stays. Here it stays, and `schedule.state` is Disabled.
    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
    """

    authorization_lifts_quarantine: bool = False
    """Whether acquireAccessToken ends the quarantine of a job at once.

    According to the documentation, a successful cycle or a start of the job ends it:
    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
    """

    token_lifetime: int = 3599
    """Seconds for which an access token of the token endpoint is valid.

    In Entra, it varies between 60 and 90 minutes.
    """

    def credentials_refusal(self, problem: CredentialsProblem) -> NestedRefusal:
        """The answer of validateCredentials to this problem."""
        refusals: dict[CredentialsProblem, NestedRefusal] = {
            "invalid_credentials": self.invalid_credentials,
            "unreachable_target": self.unreachable_target,
            "incompatible_target": self.incompatible_target,
        }
        return refusals[problem]
