"""An application with OAuth 2.0 client credentials, in the gallery or not.

Use it for an application that issued a client id and a client secret, such as M-Files or
Contentstack. Microsoft adds new applications to the gallery in this way. Nobody has to consent in a
browser.

    pulumi config set servicePrincipalId "$SERVICE_PRINCIPAL_ID"
    pulumi config set baseAddress https://scim.contoso.example/v2  # Tenant URL in the portal
    pulumi config set exchangeUri https://login.contoso.example/token  # its token endpoint
    pulumi config set clientId "$CLIENT_ID"
    pulumi config set --secret clientSecret
    pulumi config set expiresAt 2027-11-30  # optional: end of the secret, warns 30 days before
    pulumi config set jobId "$JOB_ID"  # optional: the job tries the credentials after every call

The application issued the client id and the secret to the provisioning service. They are not those
of the caller of Microsoft Graph. To rotate the secret, create a second secret in the application,
set it here, run `pulumi up`, and delete the first secret.
"""

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()
application = ProvisioningAuthorization(
    "application",
    service_principal_id=config.require("servicePrincipalId"),
    credentials={
        "BaseAddress": config.require("baseAddress"),
        "Oauth2TokenExchangeUri": config.require("exchangeUri"),
        "Oauth2ClientId": config.require("clientId"),
        "Oauth2ClientSecret": config.require_secret("clientSecret"),
    },
    expires_at=config.get("expiresAt"),
    job_id=config.get("jobId"),
)

pulumi.export("status", application.status)
pulumi.export("verification", application.verification)
pulumi.export("authorizedAt", application.authorized_at)
