"""An application of the gallery, from its template to the job that provisions it.

For one program that makes the application with pulumi-azuread, authorizes it and starts its job.

    pulumi config set galleryName "Fabrikam Directory"  # the application's name in the gallery
    pulumi config set synchronizationTemplate fabrikam  # the id of its synchronization template
    pulumi config set oauthClientId "$OAUTH_CLIENT_ID"
    pulumi config set oauthRedirectUri "$OAUTH_REDIRECT_URI"
    pulumi config set --secret oauthClientSecret
    pulumi config set --secret oauthCode

Graph's `/servicePrincipals/<object id>/synchronization/templates` tells the id of the template. The
caller is pulumi-azuread's, from `azuread:` or `ARM_…`. An application needs no more permission than
Application.ReadWrite.OwnedBy, which is for what the caller creates or owns.

`ApplicationFromTemplate` manages nothing but the name of what the template makes. `Application` and
`ServicePrincipal(use_existing=True)` would set what the program does not mention to defaults of
their own: then everybody in the tenant may use the application, assigned to it or not.

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

# The application, and the service principal that the template makes together with it.
application = azuread.ApplicationFromTemplate(
    "sales",
    display_name=gallery_name,
    template_id=azuread.get_application_template(display_name=gallery_name).template_id,
)
authorization = ProvisioningAuthorization(
    "sales",
    service_principal_id=application.service_principal_object_id,
    credentials={
        "Oauth2ClientId": config.require("oauthClientId"),
        "Oauth2ClientSecret": config.require_secret("oauthClientSecret"),
        "Oauth2AuthorizationCode": config.require_secret("oauthCode"),
        "Oauth2RedirectUri": config.require("oauthRedirectUri"),
    },
)
job = azuread.SynchronizationJob(
    "sales",
    service_principal_id=application.service_principal_id,
    template_id=config.require("synchronizationTemplate"),
    enabled=True,
    opts=pulumi.ResourceOptions(depends_on=[authorization]),
)

pulumi.export("servicePrincipalId", application.service_principal_object_id)
pulumi.export("authorizedAt", authorization.authorized_at)
pulumi.export("jobId", job.id)
