"""Microsoft's Python snippet of `synchronization: acquireAccessToken`, for both kinds of target.

https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from importlib.metadata import version
from urllib.parse import urlsplit

import httpx
from azure.identity.aio import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphServiceClient  # type: ignore[attr-defined]  # as the page has it
from msgraph.generated.applications.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as for_application,
)
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from msgraph.generated.models.synchronization_secret_key_string_value_pair import (
    SynchronizationSecretKeyStringValuePair,
)
from msgraph.generated.service_principals.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as for_service_principal,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

ENDPOINT = os.environ["ENTRA_PROVISIONING_GRAPH_ENDPOINT"]
TRUST = ssl.create_default_context(cafile=os.environ["ENTRA_PROVISIONING_CA_FILE"])
CREDENTIALS = [
    SynchronizationSecretKeyStringValuePair(
        odata_type="microsoft.graph.synchronizationSecretKeyStringValuePair", key=key, value=value
    )
    for key, value in (
        (SynchronizationSecret.BaseAddress, os.environ["BASE_ADDRESS"]),
        (SynchronizationSecret.SecretToken, os.environ["SECRET_TOKEN"]),
    )
]


async def main() -> None:
    credential = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        os.environ["AZURE_CLIENT_SECRET"],
        authority=os.environ["ENTRA_PROVISIONING_AUTHORITY_HOST"],
        disable_instance_discovery=True,
        connection_verify=os.environ["ENTRA_PROVISIONING_CA_FILE"],
    )
    async with credential, httpx.AsyncClient(verify=TRUST) as plain:
        provider = AzureIdentityAuthenticationProvider(
            credential,
            scopes=[f"{ENDPOINT}/.default"],
            allowed_hosts=[str(urlsplit(ENDPOINT).hostname)],
        )
        adapter = GraphRequestAdapter(
            provider, client=GraphClientFactory.create_with_default_middleware(client=plain)
        )
        adapter.base_url = f"{ENDPOINT}/v1.0"
        await acquire_access_tokens(GraphServiceClient(request_adapter=adapter))
    print(
        json.dumps(
            {
                "language": "Python",
                "sdk": version("msgraph-sdk"),
                "identity": version("azure-identity"),
            }
        )
    )


async def acquire_access_tokens(graph_client: GraphServiceClient) -> None:
    principal = graph_client.service_principals.by_service_principal_id(
        os.environ["SERVICE_PRINCIPAL_ID"]
    )
    await principal.synchronization.acquire_access_token.post(
        for_service_principal.AcquireAccessTokenPostRequestBody(credentials=CREDENTIALS)
    )
    application = graph_client.applications.by_application_id(os.environ["APPLICATION_ID"])
    await application.synchronization.acquire_access_token.post(
        for_application.AcquireAccessTokenPostRequestBody(credentials=CREDENTIALS)
    )


asyncio.run(main())
