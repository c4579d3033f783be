"""azure-identity's token credential for each identity of the settings.

https://learn.microsoft.com/python/api/overview/azure/identity-readme
"""

from __future__ import annotations

import base64
import functools
import os
import re
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import ClientAuthenticationError

from .. import text_file
from .clouds import CLOUDS
from .identities import (
    AzurePipelines,
    ClientCertificate,
    ClientSecret,
    GitHubActions,
    ManagedIdentity,
    OidcToken,
    SignedIn,
)
from .settings import Settings
from .transport import SignInTransport

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse


def token_credential(settings: Settings, note: Callable[[HttpResponse], None]) -> TokenCredential:
    """The credential of azure-identity for the settings' identity.

    `note` receives every response of the services.
    """
    # It takes half a second to import, which only a step that calls Graph has to pay.
    from azure import identity

    tenant_id, client_id = settings.tenant_id, settings.client_id
    transport = functools.partial(SignInTransport, settings.ca_file, note)
    options: dict[str, Any] = {
        "transport": transport(),
        "authority": settings.authority_host,
        "retry_total": 0,  # repeating is the business of Patience alone
    }
    if settings.authority_host not in {cloud.authority_host for cloud in CLOUDS.values()}:
        options["disable_instance_discovery"] = True
    match settings.identity:
        case ClientCertificate(path, encoded, password):
            certificate = {"certificate_data": base64.b64decode(encoded)} if encoded else {}
            return identity.CertificateCredential(
                tenant_id,
                client_id,
                path or None,
                password=password or None,
                **certificate,
                **options,
            )
        case ClientSecret(value):
            return identity.ClientSecretCredential(tenant_id, client_id, value, **options)
        case OidcToken(value, path):
            # A token in a file is replaced there before it expires.
            assertion = functools.partial(_assertion, path) if path else lambda: value
            return identity.ClientAssertionCredential(tenant_id, client_id, assertion, **options)
        case AzurePipelines(service_connection_id, request_url, request_token):
            # AzurePipelinesCredential takes it from there alone.
            os.environ["SYSTEM_OIDCREQUESTURI"] = request_url
            return identity.AzurePipelinesCredential(
                tenant_id=tenant_id,
                client_id=client_id,
                service_connection_id=service_connection_id,
                system_access_token=request_token,
                **options,
            )
        case GitHubActions(request_url, request_token):
            ask = functools.partial(_github_id_token, request_url, request_token, transport)
            return identity.ClientAssertionCredential(tenant_id, client_id, ask, **options)
        case ManagedIdentity(host):
            if host:
                # azure-identity and MSAL take it from there alone, and other services first.
                os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = host
                for other in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
                    os.environ.pop(other, None)
            # With its own retries: the service on the machine asks for others than Entra.
            return identity.ManagedIdentityCredential(
                client_id=client_id or None, transport=transport(on_this_machine=True)
            )
        case SignedIn(developer):
            return _FirstThatServes(settings, developer, transport(on_this_machine=True))


_COMMANDS: Final = {
    "AzureCliCredential": "az account get-access-token",
    "AzureDeveloperCliCredential": "azd auth token",
}
_COMMAND_TIMEOUT: Final = 30


class _FirstThatServes(TokenCredential):
    """The command lines first, as pulumi-azuread has it; then what else is to be found.

    azure-identity's ChainedTokenCredential would look anew for each token, and might find another
    identity for the second half of a step. `running` is the command that it waits for.
    """

    running = ""

    def __init__(self, settings: Settings, developer: bool, transport: SignInTransport) -> None:
        from azure import identity

        # If it is set, it names the credentials to try, in Microsoft's order.
        chosen = os.environ.get("AZURE_TOKEN_CREDENTIALS")
        excluded = ["environment", "workload_identity", "shared_token_cache", "broker"]
        command_lines: list[TokenCredential] = []
        if not developer:
            excluded += ["cli", "developer_cli", "powershell", "visual_studio_code"]
        elif not chosen:
            excluded += ["cli", "developer_cli"]
            tenant_id = settings.tenant_id
            command_lines = [
                identity.AzureCliCredential(tenant_id=tenant_id, process_timeout=_COMMAND_TIMEOUT),
                identity.AzureDeveloperCliCredential(
                    tenant_id=tenant_id, process_timeout=_COMMAND_TIMEOUT
                ),
            ]
        known = {"managed_identity_client_id": settings.client_id} if settings.client_id else {}
        self._credentials: list[TokenCredential] = [
            *command_lines,
            identity.DefaultAzureCredential(
                transport=transport,  # for a managed identity: nothing else here has HTTP
                **{f"exclude_{name}_credential": True for name in excluded},
                **known,
            ),
        ]

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """A token of the first that has one, and from then on of that one alone."""
        from azure.identity import CredentialUnavailableError

        tried = []
        for credential in self._credentials:
            name = type(credential).__name__
            self.running = _COMMANDS.get(name, "")
            try:
                token = credential.get_token(*scopes, claims=claims, enable_cae=enable_cae)
            except CredentialUnavailableError as error:
                if isinstance(error.__cause__, subprocess.TimeoutExpired):
                    tried.append(
                        f"{name}: `{self.running}` did not end within {_COMMAND_TIMEOUT} s. Run it"
                        " yourself to see why."
                    )
                    break
                tried.append(f"{name}: {error.message}")
            except ClientAuthenticationError as error:
                tried.append(_own_words(credential, str(error.message)))
                break
            else:
                self._credentials = [credential]
                return token
            finally:
                self.running = ""
        raise ClientAuthenticationError("\n".join(tried))


def _own_words(credential: TokenCredential, said: str) -> str:
    """The message of azure-identity or Entra, without anything that a command line printed."""
    name = type(credential).__name__
    if name == "DefaultAzureCredential":
        return said
    found = re.search(r"AADSTS\d+: [^\r\n]*", said)
    return f"{name}: {found[0] if found else 'it failed. Run it yourself to see why.'}"


def _assertion(path: str) -> str:
    return text_file.read(path).strip()


def _github_id_token(
    request_url: str, request_token: str, transport: Callable[[], SignInTransport]
) -> str:
    """An ID token of the job.

    https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
    """
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest

    parts = urlsplit(request_url)
    query = {"audience": "api://AzureADTokenExchange", **dict(parse_qsl(parts.query))}
    url = urlunsplit(parts._replace(query=urlencode(query)))
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
        request_url, retry_total=0, transport=transport()
    )
    headers = {"Authorization": f"Bearer {request_token}", "Accept": "application/json"}
    with client:
        response = client.send_request(HttpRequest("GET", url, headers=headers))
        try:
            id_token: str = response.json()["value"] if response.status_code == 200 else ""
        except (ValueError, KeyError, TypeError):
            id_token = ""
    if not id_token:
        raise ClientAuthenticationError("no ID token", response=response)
    return id_token
