"""The credentials that a program declares: their keys, the forms of a value, and its encoding.

https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationsecretkeystringvaluepair
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

if TYPE_CHECKING:
    import pulumi


class FromEnvironment(TypedDict):
    """A value that stays out of state and logs: the provider reads it from its environment."""

    fromEnvironment: str
    """Name of the environment variable."""


class FromFile(TypedDict):
    """A value that stays out of state and logs: the provider reads it from a file."""

    fromFile: str
    """Path of the file."""


def from_environment(name: str) -> FromEnvironment:
    """The value of the environment variable `name`, read when the provider acts."""
    return {"fromEnvironment": name}


def from_file(path: str) -> FromFile:
    """The content of the file at `path`, read when the provider acts."""
    return {"fromFile": path}


class NotificationSettings(TypedDict, total=False):
    """The fields of `SyncNotificationSettings`, which Graph keeps as JSON text.

    https://learn.microsoft.com/entra/identity/hybrid/cloud-sync/how-to-inbound-synch-ms-graph#accidental-deletes
    """

    Enabled: pulumi.Input[bool]
    """Whether `Recipients` get an email when a job goes into quarantine."""

    Recipients: pulumi.Input[str]
    """Email address of a person or a group."""

    DeleteThresholdEnabled: pulumi.Input[bool]
    """Whether a job stops when one cycle would delete `DeleteThresholdValue` objects or more."""

    DeleteThresholdValue: pulumi.Input[int]
    """Number of deletions from which a job stops."""

    HumanResourcesLookaheadQueryEnabled: pulumi.Input[bool]
    """Microsoft's examples set it to false and do not explain it."""


if TYPE_CHECKING:
    Value: TypeAlias = pulumi.Input[str | FromEnvironment | FromFile]

# No class can have an attribute of this name.
_EnumDefault = TypedDict("_EnumDefault", {"None": "Value"}, total=False)


class Credentials(_EnumDefault, total=False):
    """The keys of Graph's enum `synchronizationSecret`. Case counts.

    docs/connectors.md lists which of them an application takes.
    """

    BaseAddress: Value
    """SCIM endpoint of the application; the portal calls it Tenant URL."""

    SecretToken: Value
    """Bearer token that the application issued; for Salesforce, the user's security token."""

    Oauth2TokenExchangeUri: Value
    """Token endpoint of the application's OAuth 2.0 authorization server."""

    Oauth2ClientId: Value
    """Client id that the application issued; the portal calls it Client Identifier."""

    Oauth2ClientSecret: Value
    """Client secret that the application issued."""

    Oauth2AuthorizationUri: Value
    """Authorization endpoint of the application, where an administrator agrees."""

    Oauth2AuthorizationCode: Value
    """Authorization code. It works once."""

    Oauth2RedirectUri: Value
    """Redirect URI that the code was issued for."""

    Oauth2AccessToken: Value
    """Access token. The service stores it; you declare it only to bring a token of your own."""

    Oauth2AccessTokenCreationTime: Value
    """When that token was issued: ISO 8601."""

    Oauth2RefreshToken: Value
    """Refresh token. The service stores it beside the access token."""

    UserName: Value
    """Name of a user of the application who may manage users."""

    Password: Value
    """Password of that user."""

    InstanceName: Value
    """ServiceNow: name of the instance, such as `dev35214`, or its whole URL."""

    ClientSecret: Value
    """AWS Single-Account Access: id of the access key; its secret is `SecretToken`."""

    AuthenticationType: Value
    """Cross-tenant synchronization: `SyncPolicy`."""

    CompanyId: Value
    """Cross-tenant synchronization: id of the target tenant."""

    Domain: Value
    """Cloud sync from Active Directory: JSON text such as `{"domain":"contoso.com"}`."""

    AppKey: Value
    """Cloud sync from Active Directory: `{"appKeyScenario":"AD2AADProvisioning"}`, as JSON text."""

    SyncNotificationSettings: pulumi.Input[str | FromEnvironment | FromFile | NotificationSettings]
    """Emails about quarantine and the threshold of deletions: a mapping, or Graph's JSON text."""

    SyncAll: Value
    """`"true"` provisions all users and groups, `"false"` those that are assigned."""

    SkipOutOfScopeDeletions: Value
    """`"True"` leaves accounts that go out of scope as they are."""

    # Microsoft documents the names of the rest, not their meaning.
    ApplicationTemplateIdentifier: Value
    ClientIdentifier: Value
    ConnectionString: Value
    ConsumerKey: Value
    ConsumerSecret: Value
    EnforceDomain: Value
    HardDeletesEnabled: Value
    PerformInboundEntitlementGrants: Value
    Sandbox: Value
    SandboxName: Value
    Server: Value
    SingleSignOnType: Value
    SyncAgentADContainer: Value
    SyncAgentCompatibilityKey: Value
    SynchronizationSchedule: Value
    SystemOfRecord: Value
    TestReferences: Value
    TokenExpiration: Value
    TokenKey: Value
    UpdateKeyOnSoftDelete: Value
    Url: Value
    ValidateDomain: Value


if TYPE_CHECKING:
    DeclaredCredentials: TypeAlias = (
        Credentials
        | Sequence[pulumi.Input[Mapping[str, Any]]]
        | pulumi.Output[Mapping[str, Any] | Sequence[Mapping[str, Any]]]
    )


def encoded(credentials: Any) -> Any:
    """`credentials`, a mapping or Graph's list of pairs, with each mapping of settings as JSON.

    Equal settings become equal text. A mapping with a field that Microsoft does not document stays
    as it is, and so does whatever is neither: that is for check to report.
    """
    if isinstance(credentials, Mapping):
        return {key: _json_text(key, value) for key, value in credentials.items()}
    if isinstance(credentials, list):
        return [
            {**pair, "value": _json_text(pair["key"], pair["value"])}
            if isinstance(pair, Mapping) and pair.keys() >= {"key", "value"}
            else pair
            for pair in credentials
        ]
    return credentials


def _json_text(key: Any, value: Any) -> Any:
    fields = NotificationSettings.__annotations__
    if key != "SyncNotificationSettings" or not isinstance(value, Mapping) or value.keys() - fields:
        return value
    # The engine makes a float of every number.
    whole = {
        name: int(item) if isinstance(item, float) and item.is_integer() else item
        for name, item in value.items()
    }
    return json.dumps(whole, sort_keys=True, separators=(",", ":"))


# What programs import keeps its name, whichever module it stands in.
for _public in (
    Credentials,
    FromEnvironment,
    FromFile,
    NotificationSettings,
    from_environment,
    from_file,
):
    _public.__module__ = __package__
