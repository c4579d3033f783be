"""The keys of provisioning credentials: the enum `synchronizationSecret` of Microsoft Graph.

https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationsecretkeystringvaluepair
"""

from __future__ import annotations

import difflib
from typing import Final

KEYS: Final = frozenset(
    """
    None UserName Password SecretToken AppKey BaseAddress ClientIdentifier ClientSecret
    SingleSignOnType Sandbox Url Domain ConsumerKey ConsumerSecret TokenKey TokenExpiration
    Oauth2AccessToken Oauth2AccessTokenCreationTime Oauth2RefreshToken SyncAll InstanceName
    Oauth2ClientId Oauth2ClientSecret CompanyId UpdateKeyOnSoftDelete SynchronizationSchedule
    SystemOfRecord SandboxName EnforceDomain SyncNotificationSettings SkipOutOfScopeDeletions
    Oauth2AuthorizationCode Oauth2RedirectUri ApplicationTemplateIdentifier
    Oauth2TokenExchangeUri Oauth2AuthorizationUri AuthenticationType Server
    PerformInboundEntitlementGrants HardDeletesEnabled SyncAgentCompatibilityKey
    SyncAgentADContainer ValidateDomain TestReferences ConnectionString
    """.split()
)

SINGLE_USE: Final = "Oauth2AuthorizationCode"
"""The key whose value works once (RFC 6749 §4.1.2): a call that carries it is not repeated."""

TOKEN_KEYS: Final = frozenset(
    {"Oauth2AccessToken", "Oauth2AccessTokenCreationTime", "Oauth2RefreshToken"}
)
"""The keys under which the action stores what the application's token endpoint answered."""

_BY_LOWER_CASE: Final = {key.lower(): key for key in KEYS}


def nearest(key: str) -> str | None:
    """The key of Graph that `key` was probably meant to be, or None if nothing resembles it."""
    matches = difflib.get_close_matches(key.lower(), _BY_LOWER_CASE, n=1, cutoff=0.8)
    return _BY_LOWER_CASE[matches[0]] if matches else None
