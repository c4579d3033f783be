"""One service principal and one application, authorized for provisioning."""

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()

# An application of the gallery that takes OAuth: the provisioning service exchanges the code.
sales = ProvisioningAuthorization(
    "sales",
    service_principal_id=config.require("servicePrincipalId"),
    credentials={
        "Oauth2ClientId": config.require("oauthClientId"),
        "Oauth2ClientSecret": config.require_secret("oauthClientSecret"),
        "Oauth2AuthorizationCode": config.require_secret("oauthCode"),
        "Oauth2RedirectUri": config.require("oauthRedirectUri"),
    },
)

# An application that takes SCIM with a bearer token.
directory = ProvisioningAuthorization(
    "directory",
    application_id=config.require("applicationId"),
    credentials={
        "BaseAddress": config.require("scimBaseAddress"),
        "SecretToken": config.require_secret("scimToken"),
    },
)

for name, authorization in (("sales", sales), ("directory", directory)):
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
