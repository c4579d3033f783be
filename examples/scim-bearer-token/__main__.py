"""An application that is not in the gallery, with a SCIM endpoint and a bearer token.

Use it for an enterprise application that you created with "Create your own application". The
provisioning service signs in to your SCIM endpoint with a long-lived token.

    pulumi config set servicePrincipalId "$SERVICE_PRINCIPAL_ID"
    pulumi config set baseAddress https://scim.contoso.example/v2
    pulumi config set --secret secretToken
    pulumi config set jobId "$JOB_ID"  # optional: the job tries the credentials after every call

Use the object id under "Enterprise applications" as service principal id, not the application
(client) id. To find the id of a job, request `/servicePrincipals/<object id>/synchronization/jobs`
from Graph. If the endpoint refuses the token, `verification` shows it and the authorization stays.
"""

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()
directory = ProvisioningAuthorization(
    "directory",
    service_principal_id=config.require("servicePrincipalId"),
    credentials={
        "BaseAddress": config.require("baseAddress"),
        "SecretToken": config.require_secret("secretToken"),
    },
    job_id=config.get("jobId"),
)

pulumi.export("status", directory.status)
pulumi.export("verification", directory.verification)
pulumi.export("authorizedAt", directory.authorized_at)
