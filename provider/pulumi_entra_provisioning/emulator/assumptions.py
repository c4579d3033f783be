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


_EMPTY_401 = Refusal(401, "UnknownError", "")


@dataclass(frozen=True)
class Assumptions:
    """How the emulated service behaves where the documentation is silent."""

    exchange_keys: frozenset[str] = frozenset({"Oauth2AuthorizationCode", "Oauth2ClientId"})
    """acquireAccessToken obtains tokens if it is given one of these; else it only stores.

    No public sample of the action has real keys. Microsoft describes the exchange of a grant code
    for an access token, a refresh token and an expiry date, for OAuth applications only:
    https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
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

    authorization_lifts_quarantine: bool = False
    """Whether acquireAccessToken takes a job out of quarantine at once.

    The documentation says that a good cycle does, or starting the job:
    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
    """

    token_lifetime: int = 3599
    """Seconds that an access token of the token endpoint is valid.

    Entra varies it between 60 and 90 minutes.
    """
