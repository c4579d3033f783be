"""An application that is not in the gallery, and a SCIM endpoint with a bearer token.

For an enterprise application that was made with "Create your own application", and an endpoint of
your own at which the provisioning service signs in with a token that does not expire soon.

    pulumi config set servicePrincipalId "$SERVICE_PRINCIPAL_ID"
    pulumi config set baseAddress https://scim.contoso.example/v2
    pulumi config set --secret secretToken
    pulumi config set jobId "$JOB_ID"  # optional: the job tries the credentials after every call

The service principal id is the object id under "Enterprise applications", not the application
(client) id. Of a job, Graph's `/servicePrincipals/<object id>/synchronization/jobs` tells the id;
where the endpoint does not take the token, `verification` says so and the authorization stays.
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
