package main

import (
	entra "github.com/example/pulumi-entra-provisioning/sdk/go/entraprovisioning"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		conf := config.New(ctx, "")

		directory, err := entra.NewProvisioningAuthorization(ctx, "directory", &entra.ProvisioningAuthorizationArgs{
			ServicePrincipalId: pulumi.String(conf.Require("directoryId")),
			Credentials: entra.CredentialsArgs{
				BaseAddress: pulumi.String("https://scim.contoso.example/v2"),
				SecretToken: conf.RequireSecret("scimToken"),
			},
		})
		if err != nil {
			return err
		}

		wiki, err := entra.NewProvisioningAuthorization(ctx, "wiki", &entra.ProvisioningAuthorizationArgs{
			ServicePrincipalId: pulumi.String(conf.Require("wikiId")),
			Credentials: entra.CredentialsArgs{
				BaseAddress: pulumi.String("https://wiki.contoso.example/scim"),
				// The provider reads the variable. The state and the engine's logs never hold its value.
				SecretToken: entra.FromEnvironmentArgs{FromEnvironment: pulumi.String("WIKI_TOKEN")},
			},
		})
		if err != nil {
			return err
		}

		available := entra.GetSynchronizationTemplatesOutput(ctx, entra.GetSynchronizationTemplatesOutputArgs{
			ServicePrincipalId: pulumi.String(conf.Require("directoryId")),
		})

		ctx.Export("directoryAuthorizedAt", directory.AuthorizedAt)
		ctx.Export("wikiStatus", wiki.Status)
		ctx.Export("templateId", available.Templates().Index(pulumi.Int(0)).Id())
		return nil
	})
}
