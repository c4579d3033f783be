import * as pulumi from "@pulumi/pulumi";
import * as entra from "pulumi-entra-provisioning";

const config = new pulumi.Config();

const directory = new entra.ProvisioningAuthorization("directory", {
    servicePrincipalId: config.require("directoryId"),
    credentials: {
        BaseAddress: "https://scim.contoso.example/v2",
        SecretToken: config.requireSecret("scimToken"),
    },
});

const wiki = new entra.ProvisioningAuthorization("wiki", {
    servicePrincipalId: config.require("wikiId"),
    credentials: {
        BaseAddress: "https://wiki.contoso.example/scim",
        // The provider reads the variable. The state and the engine's logs never hold its value.
        SecretToken: { fromEnvironment: "WIKI_TOKEN" },
    },
});

const available = entra.getSynchronizationTemplatesOutput({
    servicePrincipalId: config.require("directoryId"),
});

export const directoryAuthorizedAt = directory.authorizedAt;
export const wikiStatus = wiki.status;
export const templateId = available.templates[0].id;
