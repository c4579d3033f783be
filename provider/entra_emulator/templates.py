"""The application gallery of the emulated tenant, and the synchronization templates in it.

Its applications are invented: nobody's real service is meant. `Fabrikam Directory` is authorized
with OAuth at the emulator's own third party, `Contoso Workspace` with a bearer token,
`Northwind Traders` has no provisioning.

https://learn.microsoft.com/graph/api/resources/applicationtemplate
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationtemplate
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

NON_GALLERY_ID = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""Microsoft's template for applications that are not in the gallery."""

OAUTH_TEMPLATE_ID = "00000000-0000-4000-8000-00000000fab1"
SCIM_TEMPLATE_ID = "00000000-0000-4000-8000-00000000c075"
SIGN_ON_TEMPLATE_ID = "00000000-0000-4000-8000-000000007ade"

THIRD_PARTY_NAME = "fabrikam"
"""Name of the third party in the addresses at which the emulator plays it."""


class Template(NamedTuple):
    """An application template. `tags` are the ids of its synchronization templates."""

    id: str
    name: str
    sign_on_modes: tuple[str, ...]
    tags: tuple[str, ...] = ()
    is_oauth: bool = False


_GALLERY = (
    Template(NON_GALLERY_ID, "Custom", ("saml", "oidc", "password", "external")),
    Template(OAUTH_TEMPLATE_ID, "Fabrikam Directory", ("oidc",), ("fabrikam",), is_oauth=True),
    Template(SCIM_TEMPLATE_ID, "Contoso Workspace", ("saml",), ("contoso",)),
    Template(SIGN_ON_TEMPLATE_ID, "Northwind Traders", ("saml", "external")),
)
GALLERY: dict[str, Template] = {template.id: template for template in _GALLERY}
"""By id, in the order in which Graph lists them."""


def application_template(template: Template) -> dict[str, Any]:
    """Graph's `applicationTemplate`."""
    name = template.name.partition(" ")[0].lower()
    is_custom = template.id == NON_GALLERY_ID
    return {
        "id": template.id,
        "displayName": template.name,
        "homePageUrl": None if is_custom else f"https://{name}.example",
        "supportedSingleSignOnModes": list(template.sign_on_modes),
        "supportedProvisioningTypes": ["sync"] if template.tags or is_custom else [],
        "logoUrl": None,
        "categories": [] if is_custom else ["businessMgmt"],
        "publisher": None if is_custom else template.name,
        "description": None,
        "deprecationDate": None,
        "endpoints": [],
        "isEntraIntegrated": not is_custom,
        "lastModifiedDateTime": "2026-01-01T00:00:00Z",
        "riskFactors": None,
        "riskScore": None,
    }


def synchronization_template(
    tag: str, application_template_id: str | None, oauth_urls: tuple[str, str] | None
) -> dict[str, Any]:
    """Graph's `synchronizationTemplate`.

    `oauth_urls` are the third party's, for authorization and for tokens; None where it takes no
    OAuth.
    """
    metadata: list[dict[str, str | None]] = [
        {"key": "GalleryApplicationIdentifier", "value": application_template_id},
        {"key": "GalleryApplicationKey", "value": tag},
        {"key": "IsOAuthEnabled", "value": str(oauth_urls is not None)},
        {"key": "IsSynchronizationAgentRequired", "value": "False"},
        {"key": "IsSynchronizationInPreview", "value": "False"},
    ]
    if oauth_urls is not None:
        settings = {"authorizationUri": oauth_urls[0], "tokenExchangeUri": oauth_urls[1]}
        metadata.append({"key": "OAuthSettings", "value": json.dumps(settings)})
    return {
        "id": tag,
        "applicationId": application_template_id or NON_GALLERY_ID,
        "default": True,
        "description": None,
        "discoverable": True,
        "factoryTag": tag if oauth_urls else "CustomSCIM",
        "metadata": [entry for entry in metadata if entry["value"] is not None],
        "schema": {"directories": [], "synchronizationRules": []},
    }
