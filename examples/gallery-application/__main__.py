"""An application of the gallery, from its template to the job that provisions it.

For one program that makes the application with pulumi-azuread, authorizes it and starts its job.

    pulumi config set galleryName "Fabrikam Directory"  # the application's name in the gallery
    pulumi config set synchronizationTemplate fabrikam  # the id of its synchronization template
    pulumi config set oauthClientId "$OAUTH_CLIENT_ID"
    pulumi config set oauthRedirectUri "$OAUTH_REDIRECT_URI"
    pulumi config set --secret oauthClientSecret
    pulumi config set --secret oauthCode

Graph's `/servicePrincipals/<object id>/synchronization/templates` tells the id of the template. The
caller is pulumi-azuread's, from `azuread:` or `ARM_…`.

The job comes last. Graph keeps the credentials with the service principal, beside its jobs, so the
authorization needs none of them. pulumi-azuread starts an enabled job in the same step that creates
it, and a job that runs without credentials ends in quarantine. `pulumi destroy` goes the other way,
so no job ever runs without its authorization.
"""

import pulumi
import pulumi_azuread as azuread
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()
gallery_name = config.require("galleryName")

# An owner of the service principal may authorize it with Application.ReadWrite.OwnedBy. Owning the
# application alone is not enough.
owners = [azuread.get_client_config().object_id]

application = azuread.Application(
    "sales",
    display_name=gallery_name,
    template_id=azuread.get_application_template(display_name=gallery_name).template_id,
    owners=owners,
)
service_principal = azuread.ServicePrincipal(
    "sales",
    client_id=application.client_id,
    # The template made it together with the application.
    use_existing=True,
    owners=owners,
)
authorization = ProvisioningAuthorization(
    "sales",
    service_principal_id=service_principal.object_id,
    credentials={
        "Oauth2ClientId": config.require("oauthClientId"),
        "Oauth2ClientSecret": config.require_secret("oauthClientSecret"),
        "Oauth2AuthorizationCode": config.require_secret("oauthCode"),
        "Oauth2RedirectUri": config.require("oauthRedirectUri"),
    },
)
job = azuread.SynchronizationJob(
    "sales",
    service_principal_id=service_principal.id,
    template_id=config.require("synchronizationTemplate"),
    enabled=True,
    opts=pulumi.ResourceOptions(depends_on=[authorization]),
)

pulumi.export("servicePrincipalId", service_principal.object_id)
pulumi.export("authorizedAt", authorization.authorized_at)
pulumi.export("jobId", job.id)
