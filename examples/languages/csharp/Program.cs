using System.Collections.Generic;
using Pulumi;
using Entra = Example.EntraProvisioning;

return await Deployment.RunAsync(() =>
{
    var config = new Config();

    var directory = new Entra.ProvisioningAuthorization("directory", new()
    {
        ServicePrincipalId = config.Require("directoryId"),
        Credentials = new Entra.Inputs.CredentialsArgs
        {
            BaseAddress = "https://scim.contoso.example/v2",
            SecretToken = config.RequireSecret("scimToken"),
        },
    });

    var wiki = new Entra.ProvisioningAuthorization("wiki", new()
    {
        ServicePrincipalId = config.Require("wikiId"),
        Credentials = new Entra.Inputs.CredentialsArgs
        {
            BaseAddress = "https://wiki.contoso.example/scim",
            // The provider reads the variable. The state and the engine's logs never hold its value.
            SecretToken = new Entra.Inputs.FromEnvironmentArgs { FromEnvironment = "WIKI_TOKEN" },
        },
    });

    var available = Entra.GetSynchronizationTemplates.Invoke(new()
    {
        ServicePrincipalId = config.Require("directoryId"),
    });

    return new Dictionary<string, object?>
    {
        ["directoryAuthorizedAt"] = directory.AuthorizedAt,
        ["wikiStatus"] = wiki.Status,
        ["templateId"] = available.Apply(found => found.Templates[0].Id),
    };
});
