package directory;

import com.pulumi.Pulumi;
import io.github.example.entraprovisioning.EntraprovisioningFunctions;
import io.github.example.entraprovisioning.ProvisioningAuthorization;
import io.github.example.entraprovisioning.ProvisioningAuthorizationArgs;
import io.github.example.entraprovisioning.inputs.CredentialsArgs;
import io.github.example.entraprovisioning.inputs.FromEnvironmentArgs;
import io.github.example.entraprovisioning.inputs.GetSynchronizationTemplatesArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(ctx -> {
            var config = ctx.config();

            var directory = new ProvisioningAuthorization("directory", ProvisioningAuthorizationArgs.builder()
                .servicePrincipalId(config.require("directoryId"))
                .credentials(CredentialsArgs.builder()
                    .BaseAddress("https://scim.contoso.example/v2")
                    .SecretToken(config.requireSecret("scimToken"))
                    .build())
                .build());

            var wiki = new ProvisioningAuthorization("wiki", ProvisioningAuthorizationArgs.builder()
                .servicePrincipalId(config.require("wikiId"))
                .credentials(CredentialsArgs.builder()
                    .BaseAddress("https://wiki.contoso.example/scim")
                    // The provider reads the variable. The state and the engine's logs never hold its value.
                    .SecretToken(FromEnvironmentArgs.builder().fromEnvironment("WIKI_TOKEN").build())
                    .build())
                .build());

            var available = EntraprovisioningFunctions.getSynchronizationTemplates(
                GetSynchronizationTemplatesArgs.builder()
                    .servicePrincipalId(config.require("directoryId"))
                    .build());

            ctx.export("directoryAuthorizedAt", directory.authorizedAt());
            ctx.export("wikiStatus", wiki.status());
            ctx.export("templateId", available.applyValue(found -> found.templates().get(0).id()));
        });
    }
}
