"""The application gallery of the emulated tenant, and the synchronization templates in it.

Its applications are fictitious. `Fabrikam Directory` uses OAuth, at the emulator's own third party;
`Contoso Workspace` uses a bearer token; `Northwind Traders` does not support provisioning.

https://learn.microsoft.com/graph/api/resources/applicationtemplate
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationtemplate
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

NON_GALLERY_ID = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""Microsoft's template of applications that are not in the gallery."""

OAUTH_TEMPLATE_ID = "00000000-0000-4000-8000-00000000fab1"
SCIM_TEMPLATE_ID = "00000000-0000-4000-8000-00000000c075"
SIGN_ON_TEMPLATE_ID = "00000000-0000-4000-8000-000000007ade"


class GalleryTemplate(NamedTuple):
    """An application template. `tags` are the ids of its synchronization templates."""

    id: str
    name: str
    sign_on_modes: tuple[str, ...]
    tags: tuple[str, ...] = ()
    is_oauth: bool = False


_GALLERY = (
    GalleryTemplate(NON_GALLERY_ID, "Custom", ("saml", "oidc", "password", "external")),
    GalleryTemplate(
        OAUTH_TEMPLATE_ID, "Fabrikam Directory", ("oidc",), ("fabrikam",), is_oauth=True
    ),
    GalleryTemplate(SCIM_TEMPLATE_ID, "Contoso Workspace", ("saml",), ("contoso",)),
    GalleryTemplate(SIGN_ON_TEMPLATE_ID, "Northwind Traders", ("saml", "external")),
)
GALLERY: dict[str, GalleryTemplate] = {template.id: template for template in _GALLERY}
"""By id, in the order of Graph's list."""


def application_template(template: GalleryTemplate) -> dict[str, Any]:
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

    `oauth_urls` are the third party's authorization and token URLs; None if it does not use OAuth.
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
