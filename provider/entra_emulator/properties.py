"""The properties of Graph's `application` and `servicePrincipal`: types, defaults, documents.

https://learn.microsoft.com/graph/api/resources/application
https://learn.microsoft.com/graph/api/resources/serviceprincipal

What is within a complex property is kept as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, NamedTuple

from .graph_errors import bad_request, unknown_property
from .state import Kind, Target, timestamp

Type = Literal["text", "flag", "texts", "object", "objects"]


class Property(NamedTuple):
    """The type of a property, its value where none was given, and whether a client may give one."""

    type: Type
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
"""With what only the beta endpoint knows, as far as terraform-provider-azuread asks there."""


def check(kind: Kind, known: Mapping[str, Property], given: Mapping[str, Any]) -> None:
    """Refuses values that no object of the kind could be given."""
    type_name = TYPE_NAMES[kind]
    for name, value in given.items():
        if name not in known:
            raise unknown_property(name, type_name)
        if not known[name].writable:
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")
        if value is None and known[name].type in ("texts", "objects"):
            raise bad_request(
                f"A null value was found for the property named '{name}' of {type_name}, a"
                " collection, which does not allow null values."
            )
        if value is not None and not _is(known[name].type, value):
            resource = type_name.rpartition(".")[2]
            raise bad_request(
                f"Invalid value specified for property '{name}' of resource"
                f" '{resource[0].upper()}{resource[1:]}'."
            )


def _is(type: Type, value: Any) -> bool:
    if type == "text":
        return isinstance(value, str)
    if type == "flag":
        return isinstance(value, bool)
    if type == "object":
        return isinstance(value, dict)
    element = str if type == "texts" else dict
    return isinstance(value, list) and all(isinstance(item, element) for item in value)


def merge(kept: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Takes over what was given; of a complex property, only what is named within it.

    https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html#sec_UpdateanEntity
    """
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(kept.get(name), dict):
            merge(kept[name], value)
        else:
            kept[name] = deepcopy(value)


def document(target: Target, application: Target | None, tenant_id: str) -> dict[str, Any]:
    """Graph's object. `application` is the one behind a service principal, if it is still there."""
    known = PROPERTIES[target.kind]
    values = {name: deepcopy(known[name].default) for name in known}
    if application is not None:
        _merge_shared(values, application)
    merge(values, target.properties)
    return values | {
        "id": target.id,
        "deletedDateTime": None if target.deleted is None else timestamp(target.deleted),
        "appId": target.app_id,
        "applicationTemplateId": target.template_id,
        "createdDateTime": timestamp(target.created),
        "displayName": target.display_name,
        **({"appOwnerOrganizationId": tenant_id} if target.kind == "servicePrincipals" else {}),
    }


def beta_document(target: Target, values: Mapping[str, Any]) -> dict[str, Any]:
    """The object as the beta endpoint has it."""
    known = BETA_PROPERTIES[target.kind]
    more = {name: known[name].default for name in known if name not in values}
    return {**values, **more, **target.beta}


def _merge_shared(values: dict[str, Any], application: Target) -> None:
    """What the service principal shows of its application.

    https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals
    """
    shown = document(application, None, "")
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
