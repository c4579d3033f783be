"""The properties of Graph's `application` and `servicePrincipal`: types, defaults, values.

https://learn.microsoft.com/graph/api/resources/application
https://learn.microsoft.com/graph/api/resources/serviceprincipal

The emulator does not check what is inside a complex property.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, NamedTuple

from ..formats import format_time
from ..state.model import DirectoryObject, Kind
from .errors import PropertyError

PropertyType = Literal["text", "flag", "texts", "object", "objects"]


class Property(NamedTuple):
    """The type of a property, its default value, and whether a client can set it."""

    type: PropertyType
    default: Any = None
    writable: bool = True


TYPE_NAMES: dict[Kind, str] = {
    "applications": "microsoft.graph.application",
    "servicePrincipals": "microsoft.graph.servicePrincipal",
}

_TEXT = Property("text")
_FLAG = Property("flag")
_OBJECT = Property("object")
_TEXTS = Property("texts", [])
_OBJECTS = Property("objects", [])
_FIXED = Property("text", None, writable=False)
_URLS: dict[str, Any] = {
    "logoUrl": None,
    "marketingUrl": None,
    "privacyStatementUrl": None,
    "supportUrl": None,
    "termsOfServiceUrl": None,
}
_COMMON: dict[str, Property] = {
    "id": _FIXED,
    "deletedDateTime": _FIXED,
    "appId": _FIXED,
    "applicationTemplateId": _FIXED,
    "createdDateTime": _FIXED,
    "displayName": _TEXT,
    "addIns": _OBJECTS,
    "appRoles": _OBJECTS,
    "description": _TEXT,
    "disabledByMicrosoftStatus": _FIXED,
    "info": Property("object", _URLS),
    "keyCredentials": _OBJECTS,
    "notes": _TEXT,
    "passwordCredentials": _OBJECTS,
    "signInAudience": Property("text", "AzureADMyOrg"),
    "tags": _TEXTS,
    "tokenEncryptionKeyId": _TEXT,
    "verifiedPublisher": Property("object", None, writable=False),
}

PROPERTIES: dict[Kind, dict[str, Property]] = {
    "applications": {
        **_COMMON,
        "api": Property(
            "object",
            {
                "acceptMappedClaims": None,
                "knownClientApplications": [],
                "oauth2PermissionScopes": [],
                "preAuthorizedApplications": [],
                "requestedAccessTokenVersion": None,
            },
        ),
        "authenticationBehaviors": _OBJECT,
        "certification": Property("object", None, writable=False),
        "defaultRedirectUri": _TEXT,
        "groupMembershipClaims": _TEXT,
        "identifierUris": _TEXTS,
        "isDeviceOnlyAuthSupported": _FLAG,
        "isFallbackPublicClient": _FLAG,
        "nativeAuthenticationApisEnabled": _TEXT,
        "optionalClaims": _OBJECT,
        "parentalControlSettings": Property(
            "object", {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"}
        ),
        "publicClient": Property("object", {"redirectUris": []}),
        "publisherDomain": _FIXED,
        "requestSignatureVerification": _OBJECT,
        "requiredResourceAccess": _OBJECTS,
        "samlMetadataUrl": _TEXT,
        "serviceManagementReference": _TEXT,
        "servicePrincipalLockConfiguration": _OBJECT,
        "spa": Property("object", {"redirectUris": []}),
        "uniqueName": _TEXT,
        "web": Property(
            "object",
            {
                "homePageUrl": None,
                "implicitGrantSettings": {
                    "enableAccessTokenIssuance": False,
                    "enableIdTokenIssuance": False,
                },
                "logoutUrl": None,
                "redirectUris": [],
                "redirectUriSettings": [],
            },
        ),
    },
    "servicePrincipals": {
        **_COMMON,
        "accountEnabled": Property("flag", True),
        "alternativeNames": _TEXTS,
        "appDescription": _FIXED,
        "appDisplayName": _FIXED,
        "appOwnerOrganizationId": _FIXED,
        "appRoleAssignmentRequired": Property("flag", False),
        "customSecurityAttributes": _OBJECT,
        "homepage": _TEXT,
        "loginUrl": _TEXT,
        "logoutUrl": _TEXT,
        "notificationEmailAddresses": _TEXTS,
        "oauth2PermissionScopes": _OBJECTS,
        "preferredSingleSignOnMode": _TEXT,
        "preferredTokenSigningKeyThumbprint": _TEXT,
        "replyUrls": _TEXTS,
        "resourceSpecificApplicationPermissions": Property("objects", [], writable=False),
        "samlSingleSignOnSettings": _OBJECT,
        "servicePrincipalNames": _TEXTS,
        "servicePrincipalType": Property("text", "Application", writable=False),
    },
}

BETA_PROPERTIES: dict[Kind, dict[str, Property]] = {
    "applications": {
        **PROPERTIES["applications"],
        "oauth2RequirePostResponse": Property("flag", False),
    },
    "servicePrincipals": {**PROPERTIES["servicePrincipals"], "samlMetadataUrl": _TEXT},
}
"""With the properties of the beta endpoint that terraform-provider-azuread uses."""


def check(kind: Kind, known: Mapping[str, Property], given: Mapping[str, Any]) -> None:
    """PropertyError if an object of this kind cannot have one of these values."""
    type_name = TYPE_NAMES[kind]
    for name, value in given.items():
        if name not in known:
            raise PropertyError(name, type_name, "unknown")
        if not known[name].writable:
            raise PropertyError(name, type_name, "read-only")
        if value is None and known[name].type in ("texts", "objects"):
            raise PropertyError(name, type_name, "null collection")
        if value is not None and not _has_type(known[name].type, value):
            raise PropertyError(name, type_name, "wrong type")


def _has_type(type: PropertyType, value: Any) -> bool:
    if type == "text":
        return isinstance(value, str)
    if type == "flag":
        return isinstance(value, bool)
    if type == "object":
        return isinstance(value, dict)
    element = str if type == "texts" else dict
    return isinstance(value, list) and all(isinstance(item, element) for item in value)


def merge(kept: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Sets the given values; in a complex property, only those that it names.

    https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html#sec_UpdateanEntity
    """
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(kept.get(name), dict):
            merge(kept[name], value)
        else:
            kept[name] = deepcopy(value)


def graph_object(
    item: DirectoryObject, application: DirectoryObject | None, tenant_id: str
) -> dict[str, Any]:
    """Graph's JSON representation. `application` is that of a service principal, if it exists."""
    known = PROPERTIES[item.kind]
    values = {name: deepcopy(known[name].default) for name in known}
    if application is not None:
        _merge_shared(values, application)
    merge(values, item.properties)
    return values | {
        "id": item.id,
        "deletedDateTime": None if item.deleted is None else format_time(item.deleted),
        "appId": item.app_id,
        "applicationTemplateId": item.template_id,
        "createdDateTime": format_time(item.created),
        "displayName": item.display_name,
        **({"appOwnerOrganizationId": tenant_id} if item.kind == "servicePrincipals" else {}),
    }


def beta_object(item: DirectoryObject, values: Mapping[str, Any]) -> dict[str, Any]:
    """The representation of the beta endpoint; `values` is that of v1.0."""
    known = BETA_PROPERTIES[item.kind]
    more = {name: known[name].default for name in known if name not in values}
    return {**values, **more, **item.beta}


def _merge_shared(values: dict[str, Any], application: DirectoryObject) -> None:
    """Adds what a service principal inherits from its application.

    https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals
    """
    shown = graph_object(application, None, "")
    values |= {
        "appDescription": shown["description"],
        "appDisplayName": shown["displayName"],
        "appRoles": shown["appRoles"],
        "homepage": shown["web"]["homePageUrl"],
        "info": shown["info"],
        "logoutUrl": shown["web"]["logoutUrl"],
        "oauth2PermissionScopes": shown["api"]["oauth2PermissionScopes"],
        "replyUrls": shown["web"]["redirectUris"],
        "servicePrincipalNames": [application.app_id, *shown["identifierUris"]],
        "signInAudience": shown["signInAudience"],
    }
