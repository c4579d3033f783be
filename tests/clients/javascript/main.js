// Microsoft's JavaScript snippet of `synchronization: acquireAccessToken`, for both kinds of target:
// https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
import { readFileSync } from "node:fs";
import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const env = process.env;
const endpoint = env.ENTRA_PROVISIONING_GRAPH_ENDPOINT;

const credential = new ClientSecretCredential(
  env.AZURE_TENANT_ID,
  env.AZURE_CLIENT_ID,
  env.AZURE_CLIENT_SECRET,
  { authorityHost: env.ENTRA_PROVISIONING_AUTHORITY_HOST, disableInstanceDiscovery: true },
);

const client = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credential, {
    scopes: [`${endpoint}/.default`],
  }),
  baseUrl: endpoint,
  customHosts: new Set([new URL(endpoint).hostname]),
});

const acquireAccessToken = {
  credentials: [
    { key: "BaseAddress", value: env.BASE_ADDRESS },
    { key: "SecretToken", value: env.SECRET_TOKEN },
  ].map((pair) => ({
    "@odata.type": "microsoft.graph.synchronizationSecretKeyStringValuePair",
    ...pair,
  })),
};

await client
  .api(`/servicePrincipals/${env.SERVICE_PRINCIPAL_ID}/synchronization/acquireAccessToken`)
  .post(acquireAccessToken);

await client
  .api(`/applications/${env.APPLICATION_ID}/synchronization/acquireAccessToken`)
  .post(acquireAccessToken);

const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

console.log(
  JSON.stringify({
    language: "JavaScript",
    sdk: version("@microsoft/microsoft-graph-client"),
    identity: version("@azure/identity"),
  }),
);
