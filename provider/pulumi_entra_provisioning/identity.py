"""Who calls, and in which national cloud: settings, endpoints and azure-identity's credentials."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from .errors import (
    Answer,
    SettingsError,
    SignInError,
    connection_failure,
    redacted,
    seconds,
)

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse
    from azure.core.rest import HttpResponse
    from azure.identity import CertificateCredential, ClientSecretCredential

# Python prints the warnings that nobody listens to: azure-identity's repeat the error that is
# raised, MSAL's quote what the token endpoint answered.
for _logger in ("azure", "msal"):
    logging.getLogger(_logger).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Cloud:
    """A national cloud: where it signs callers in, and where its Microsoft Graph answers.

    https://learn.microsoft.com/graph/deployments
    """

    name: str
    authority_host: str
    graph_endpoint: str


CLOUDS: Final = {
    cloud.name: cloud
    for cloud in (
        Cloud("global", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        Cloud("usgovernmentl4", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        Cloud(
            "usgovernmentl5", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"
        ),
        Cloud(
            "china",
            "https://login.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    )
}

# The other names that pulumi-azuread and Terraform's azuread accept for the same clouds.
_CLOUD_ALIASES: Final = {
    "public": "global",
    "usgovernment": "usgovernmentl4",
    "dod": "usgovernmentl5",
}

# Setting → whether pulumi-azuread has it too, whether it is a secret.
_NAMES: Final = {
    "tenantId": (True, False),
    "clientId": (True, False),
    "clientSecret": (True, True),
    "clientCertificatePath": (True, False),
    "clientCertificatePassword": (True, True),
    "environment": (True, False),
    "graphEndpoint": (False, False),
    "authorityHost": (False, False),
    "caFile": (False, False),
}

_AZURE_VARIABLES: Final = frozenset(
    {"tenantId", "clientId", "clientSecret", "clientCertificatePath", "clientCertificatePassword"}
)


@dataclass(frozen=True)
class Settings:
    """Whose permission is used, and against which endpoints. Equal settings share one client.

    `cloud` is the national cloud's name. `authority_host` and `graph_endpoint` are https URLs
    without a path, `ca_file` a PEM bundle that replaces the public certificate authorities.
    """

    cloud: str
    authority_host: str
    graph_endpoint: str
    tenant_id: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    client_certificate_path: str = ""
    client_certificate_password: str = field(default="", repr=False)
    ca_file: str = ""

    @property
    def scope(self) -> str:
        """The scope of the token: every permission of the caller on this cloud's Graph."""
        return f"{self.graph_endpoint}/.default"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may hold."""
        return (self.client_secret, self.client_certificate_password)


def settings(stack: Callable[[str], object], environment: Mapping[str, str]) -> Settings:
    """The settings of this run, each from the first place that has it.

    `stack` gives the value of a stack configuration key such as `azuread:tenantId`, or None.
    The places, in order: `entra-provisioning:` and `azuread:` stack configuration, then the
    environment variables `ENTRA_PROVISIONING_*`, `ARM_*` and `AZURE_*`.

    Raises SettingsError with every problem at once.
    """
    found = {name: _look_up(name, stack, environment) for name in _NAMES}
    problems = [
        _missing(name) for name in ("tenantId", "clientId") if not found[name]
    ] + _credential_problems(found)
    cloud_name = (found["environment"] or "global").lower()
    cloud = CLOUDS.get(_CLOUD_ALIASES.get(cloud_name, cloud_name))
    if cloud is None:
        problems.append(
            f"environment: not a cloud that is known here; use one of {', '.join(CLOUDS)}"
            f" ({_places('environment')})."
        )
        cloud = CLOUDS["global"]
    endpoints = {
        "authorityHost": found["authorityHost"] or cloud.authority_host,
        "graphEndpoint": found["graphEndpoint"] or cloud.graph_endpoint,
    }
    problems += [
        f"{name}: must be an https URL of a host alone, such as {getattr(cloud, attribute)}."
        for name, attribute in (
            ("authorityHost", "authority_host"),
            ("graphEndpoint", "graph_endpoint"),
        )
        if not _is_host(endpoints[name])
    ]
    if not re.fullmatch(r"[\w.-]*", found["tenantId"]):
        problems.append("tenantId: must be the tenant's GUID or one of its domain names.")
    if found["caFile"] and not _holds_certificates(found["caFile"]):
        problems.append("caFile: no PEM bundle there; give the path of a file with certificates.")
    if problems:
        raise SettingsError(problems)
    return Settings(
        cloud=cloud.name,
        authority_host=endpoints["authorityHost"].rstrip("/"),
        graph_endpoint=endpoints["graphEndpoint"].rstrip("/"),
        tenant_id=found["tenantId"],
        client_id=found["clientId"],
        client_secret=found["clientSecret"],
        client_certificate_path=found["clientCertificatePath"],
        client_certificate_password=found["clientCertificatePassword"],
        ca_file=found["caFile"],
    )


def _look_up(name: str, stack: Callable[[str], object], environment: Mapping[str, str]) -> str:
    values = [stack(key) for key in _stack_keys(name)]
    values += [environment.get(variable) for variable in _variables(name)]
    return next((str(value) for value in values if value), "")


def _stack_keys(name: str) -> list[str]:
    in_azuread, _ = _NAMES[name]
    return [f"entra-provisioning:{name}"] + ([f"azuread:{name}"] if in_azuread else [])


def _variables(name: str) -> list[str]:
    in_azuread, _ = _NAMES[name]
    variable = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
    return (
        [f"ENTRA_PROVISIONING_{variable}"]
        + ([f"ARM_{variable}"] if in_azuread else [])
        + ([f"AZURE_{variable}"] if name in _AZURE_VARIABLES else [])
    )


def _places(name: str) -> str:
    _, secret = _NAMES[name]
    own, *shared = _stack_keys(name)
    option = "--secret " if secret else ""
    shared_keys = f", the stack configuration {shared[0]}" if shared else ""
    return (
        f"`pulumi config set {option}{own} …`{shared_keys}"
        f" or an environment variable: {', '.join(_variables(name))}"
    )


def _missing(name: str) -> str:
    return f"{name}: not set. Set it by {_places(name)}."


def _credential_problems(found: Mapping[str, str]) -> list[str]:
    if found["clientCertificatePath"]:
        if not os.path.isfile(found["clientCertificatePath"]):
            return ["clientCertificatePath: no such file; give the path of a PEM or PFX file."]
        return []
    if found["clientSecret"]:
        return []
    return [
        f"clientSecret: not set, nor is clientCertificatePath. Set clientSecret by"
        f" {_places('clientSecret')}; or clientCertificatePath by"
        f" {_places('clientCertificatePath')}."
    ]


def _holds_certificates(path: str) -> bool:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):
        return False
    return True


def _is_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(
        parts.scheme == "https"
        and parts.hostname
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment or parts.username)
    )


class SharedTokenCredential(AsyncTokenCredential):
    """One token credential of azure-identity for every call of a run.

    Calls that need a token at the same time wait for one request to Entra: azure-identity's own
    asynchronous credentials would each send their own.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._credential: CertificateCredential | ClientSecretCredential | None = None
        self._last_response: HttpResponse | None = None

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """A token for `scopes`, as azure.core's AsyncTokenCredential has it.

        Raises SignInError where Entra refuses or does not answer, and SettingsError where the
        certificate can't be used.
        """
        async with self._turn:
            return await asyncio.to_thread(self._ask, scopes, claims, enable_cae)

    async def close(self) -> None:
        """Nothing: the connections to Entra end with the process."""

    async def __aexit__(self, *_: object) -> None:
        """As close."""

    @property
    def doing(self) -> str:
        """What a call of get_token does, for errors."""
        settings = self._settings
        return (
            f"getting a token from {settings.authority_host} for client {settings.client_id} of"
            f" tenant {settings.tenant_id}"
        )

    def _ask(self, scopes: tuple[str, ...], claims: str | None, enable_cae: bool) -> AccessToken:
        failure: SignInError | SettingsError
        self._last_response = None
        try:
            if self._credential is None:
                self._credential = _token_credential(self._settings, self._note)
            return self._credential.get_token(*scopes, claims=claims, enable_cae=enable_cae)
        except AzureError as error:
            failure = self._refused(error)
            # MSAL answers the next request from memory for a minute where Entra asked to wait.
            self._credential = None
        except Exception as error:
            # azure-identity's words about a certificate may quote what it read.
            failure = SettingsError(
                [
                    "clientCertificatePath, clientCertificatePassword or tenantId: azure-identity"
                    f" can't use them ({type(error).__name__}). Give a PEM or PFX file that holds"
                    " the certificate and its private key, and the password that opens it."
                ]
            )
        raise failure from None

    def _note(self, response: PipelineResponse[Any, HttpResponse]) -> None:
        """Keep Entra's answer, which azure-identity's errors mostly come without."""
        self._last_response = response.http_response

    def _refused(self, error: AzureError) -> SignInError:
        said = str(error.message).removeprefix("Authentication failed: ")
        unanswered = isinstance(error.__cause__, (ServiceRequestError, ServiceResponseError))
        response = None if unanswered else self._last_response
        if response is None:
            distrusted = "CERTIFICATE_VERIFY_FAILED" in said
            answer = Answer(None, "", connection_failure(said), is_final=distrusted)
        else:
            if response.status_code == 400 and "authority configuration" in said:
                # MSAL drops Entra's answer to its first request, which is this one for no tenant.
                said = "AADSTS90002: Entra has no configuration for this tenant"
            # Anything else than Entra's own words may quote what was sent.
            code, _, message = said.partition(": ") if said.startswith("AADSTS") else ("", "", "")
            sentence, _, trace = message.partition("Trace ID: ")
            answer = Answer(
                response.status_code,
                code,
                redacted(sentence, self._settings.secrets),
                request_id=trace.split()[0] if trace else "",
                retry_after=seconds(response.headers.get("Retry-After", "")),
            )
        return SignInError(self.doing, answer)


def _token_credential(
    settings: Settings, note: Callable[[PipelineResponse[Any, HttpResponse]], None]
) -> CertificateCredential | ClientSecretCredential:
    # It takes half a second to import, which only a step that calls Graph has to pay.
    from azure.identity import CertificateCredential, ClientSecretCredential

    options: dict[str, Any] = {
        "authority": settings.authority_host,
        "raw_response_hook": note,
        "retry_total": 0,  # repeating is the business of Patience alone
        "connection_timeout": 30,
        "read_timeout": 100,
    }
    if settings.authority_host not in {cloud.authority_host for cloud in CLOUDS.values()}:
        options["disable_instance_discovery"] = True
    if settings.ca_file:
        options["connection_verify"] = settings.ca_file
    if settings.client_certificate_path:
        return CertificateCredential(
            settings.tenant_id,
            settings.client_id,
            settings.client_certificate_path,
            password=settings.client_certificate_password or None,
            **options,
        )
    return ClientSecretCredential(
        settings.tenant_id, settings.client_id, settings.client_secret, **options
    )
