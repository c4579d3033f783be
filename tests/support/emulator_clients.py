"""Real clients, pointed at an emulator: azure-identity, msgraph-sdk, httpx."""

from __future__ import annotations

import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import jwt
from azure.core.credentials import TokenCredential
from azure.identity import CertificateCredential, ClientAssertionCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_TENANT_ID,
    Emulator,
)
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from msgraph.generated.models.synchronization_secret_key_string_value_pair import (
    SynchronizationSecretKeyStringValuePair,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

PLANTED = "planted-Sup3rSecret"
UNKNOWN_GUID = "11111111-2222-4333-8444-555555555555"
PRINCIPAL = f"/v1.0/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"
ACQUIRE = f"{PRINCIPAL}/synchronization/acquireAccessToken"
SECRETS = f"{PRINCIPAL}/synchronization/secrets"
JOBS = f"{PRINCIPAL}/synchronization/jobs"
APPLICATIONS = "/v1.0/applications"
PRINCIPALS = "/v1.0/servicePrincipals"
TEMPLATES = "/v1.0/applicationTemplates"
TOKEN = f"/{DEFAULT_TENANT_ID}/oauth2/v2.0/token"

T = TypeVar("T")


class Certificate:
    """A self-signed certificate of a client."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pipeline")])
        now = datetime.now(timezone.utc)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def pem_with_key(self) -> bytes:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.pem


def secret_credential(
    emulator: Emulator,
    secret: str = DEFAULT_CLIENT_SECRET,
    client_id: str = DEFAULT_CLIENT_ID,
    tenant_id: str = DEFAULT_TENANT_ID,
) -> ClientSecretCredential:
    return ClientSecretCredential(
        tenant_id,
        client_id,
        secret,
        authority=emulator.url,
        disable_instance_discovery=True,
        connection_verify=emulator.ca_file,
    )


def certificate_credential(
    emulator: Emulator, client_id: str, certificate: Certificate
) -> CertificateCredential:
    return CertificateCredential(
        DEFAULT_TENANT_ID,
        client_id,
        certificate_data=certificate.pem_with_key,
        authority=emulator.url,
        disable_instance_discovery=True,
        connection_verify=emulator.ca_file,
    )


def scope(emulator: Emulator) -> str:
    return f"{emulator.url}/.default"


def token_form(emulator: Emulator, **changed: str | None) -> dict[str, str]:
    """A valid token request with changed fields. None leaves a field out."""
    fields: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": DEFAULT_CLIENT_ID,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "scope": scope(emulator),
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def anonymous(emulator: Emulator, **options: Any) -> httpx.Client:
    trust = ssl.create_default_context(cafile=emulator.ca_file)
    return httpx.Client(base_url=emulator.url, verify=trust, trust_env=False, **options)


def authorized(emulator: Emulator, token: str | None = None) -> httpx.Client:
    if token is None:
        token = secret_credential(emulator).get_token(scope(emulator)).token
    return anonymous(emulator, headers={"Authorization": f"Bearer {token}"})


def with_roles(emulator: Emulator, *roles: str) -> httpx.Client:
    """A client of Graph with exactly these application roles."""
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, secrets=["a-secret-of-this-test"], roles=roles)
    credential = secret_credential(emulator, "a-secret-of-this-test", client_id)
    return authorized(emulator, credential.get_token(scope(emulator)).token)


def error(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error of Graph."""
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


def nested(response: httpx.Response) -> tuple[int, str, str]:
    """Status, Graph's code, and the code of the error inside Graph's message."""
    status, code, message = error(response)
    return status, code, json.loads(message)["error"]["code"]


async def with_sdk(emulator: Emulator, use: Callable[[GraphServiceClient], Awaitable[T]]) -> T:
    """Return what `use` returns, called with msgraph-sdk's client and its default middleware."""
    credential: TokenCredential = secret_credential(emulator)
    provider = AzureIdentityAuthenticationProvider(
        credential,
        scopes=[scope(emulator)],
        allowed_hosts=["127.0.0.1"],
    )
    base = f"{emulator.url}/v1.0"
    trust = ssl.create_default_context(cafile=emulator.ca_file)
    async with httpx.AsyncClient(base_url=base, verify=trust, trust_env=False) as plain:
        client = GraphClientFactory.create_with_default_middleware(client=plain)
        adapter = GraphRequestAdapter(provider, client=client)
        adapter.base_url = base
        return await use(GraphServiceClient(request_adapter=adapter))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def credentials(*keys: str) -> dict[str, Any]:
    return {"credentials": [pair(key) for key in keys]}


def with_assertion(
    emulator: Emulator, assertion: str, client_id: str = DEFAULT_CLIENT_ID
) -> ClientAssertionCredential:
    return ClientAssertionCredential(
        DEFAULT_TENANT_ID, client_id, lambda: assertion, **options(emulator)
    )


def sdk_pairs(**values: str) -> list[SynchronizationSecretKeyStringValuePair]:
    return [
        SynchronizationSecretKeyStringValuePair(
            odata_type="#microsoft.graph.synchronizationSecretKeyStringValuePair",
            key=SynchronizationSecret(key),
            value=value,
        )
        for key, value in values.items()
    ]


def status_and_code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def spent(answer: httpx.Response) -> str:
    status, code, message = error(answer)
    assert (status, code) == (400, "UnknownError")
    inner: str = json.loads(message)["error"]["code"]
    return inner


def options(emulator: Emulator) -> dict[str, Any]:
    return {
        "authority": emulator.url,
        "disable_instance_discovery": True,
        "connection_verify": emulator.ca_file,
    }


def kept_by(emulator: Emulator) -> dict[str, str]:
    """The credentials that the tenant holds for the default service principal."""
    return emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)


def pair(key: str, value: str | None = PLANTED) -> dict[str, str | None]:
    return {"key": key, "value": value}


def caller_id(emulator: Emulator) -> str:
    """The object id of the default client."""
    client = emulator.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    return client.object_id


def reference(emulator: Emulator, id: str) -> str:
    """The `@odata.id` of an object."""
    return f"{emulator.url}/v1.0/directoryObjects/{id}"
