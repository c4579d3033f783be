"""One service principal and one application, authorized for provisioning."""

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()

# M-Files, an application from the gallery, takes OAuth 2.0 client credentials.
m_files = ProvisioningAuthorization(
    "m-files",
    service_principal_id=config.require("servicePrincipalId"),
    credentials={
        "BaseAddress": config.require("oauthBaseAddress"),
        "Oauth2TokenExchangeUri": config.require("oauthExchangeUri"),
        "Oauth2ClientId": config.require("oauthClientId"),
        "Oauth2ClientSecret": config.require_secret("oauthClientSecret"),
    },
)

# This application is not in the gallery. Its SCIM endpoint takes a bearer token.
directory = ProvisioningAuthorization(
    "directory",
    application_id=config.require("applicationId"),
    credentials={
        "BaseAddress": config.require("scimBaseAddress"),
        "SecretToken": config.require_secret("scimToken"),
    },
)

for name, authorization in (("m-files", m_files), ("directory", directory)):
    pulumi.export(
        name,
        {
            "target": authorization.target,
            "status": authorization.status,
            "authorizedAt": authorization.authorized_at,
            "credentialKeys": authorization.credential_keys,
            "revision": authorization.revision,
        },
    )
