"""An application from the gallery, from its template to the job that provisions it.

One program creates the application with pulumi-azuread, authorizes it and starts its job.

    pulumi config set galleryName "Fabrikam Directory"  # the application's name in the gallery
    pulumi config set synchronizationTemplate fabrikam  # the id of its synchronization template
    pulumi config set oauthClientId "$OAUTH_CLIENT_ID"
    pulumi config set oauthRedirectUri "$OAUTH_REDIRECT_URI"
    pulumi config set --secret oauthClientSecret
    pulumi config set --secret oauthCode

To find the id of the template, request `/servicePrincipals/<object id>/synchronization/templates`
from Graph. The provider signs in with the settings of pulumi-azuread, from `azuread:` or `ARM_…`. A
caller that is an application needs only the permission Application.ReadWrite.OwnedBy, which covers
what the caller creates or owns.

`ApplicationFromTemplate` manages only the name of what the template creates. Do not use
`Application` and `ServicePrincipal(use_existing=True)` here. They reset every property that the
program does not mention to a default, and then everybody in the tenant can use the application
without an assignment.

Create the job last. Graph stores the credentials with the service principal and not with a job, so
the authorization needs no job. pulumi-azuread creates and starts an enabled job in one step, and a
job that runs without credentials goes into quarantine. `pulumi destroy` uses the opposite order, so
a job never runs without its authorization.
"""

import pulumi
import pulumi_azuread as azuread
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()
gallery_name = config.require("galleryName")

# The template creates the application and its service principal.
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
