"""Whose permission is used, and against which endpoints: what the stack and the environment say.

The names, their places and the order in which identities are tried are those of pulumi-azuread:
https://www.pulumi.com/registry/packages/azuread/installation-configuration/
"""

from __future__ import annotations

import base64
import dataclasses
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import urlsplit

from .errors import SettingsError
from .permissions import PERSONAL_ACCOUNT, PERSONAL_TENANT
from .target import GUID


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


@dataclass(frozen=True)
class Setting:
    """Where a setting may stand, beside `entra-provisioning:` and `ENTRA_PROVISIONING_…`.

    `of_azuread` says that `azuread:` and `ARM_…` have it too; `variables` are further environment
    variables.
    """

    of_azuread: bool = True
    secret: bool = False
    variables: tuple[str, ...] = ()


SETTINGS: Final = {
    "tenantId": Setting(variables=("AZURE_TENANT_ID",)),
    "clientId": Setting(variables=("AZURE_CLIENT_ID",)),
    "clientIdFilePath": Setting(),
    "clientCertificate": Setting(secret=True),
    "clientCertificatePath": Setting(variables=("AZURE_CLIENT_CERTIFICATE_PATH",)),
    "clientCertificatePassword": Setting(
        secret=True, variables=("AZURE_CLIENT_CERTIFICATE_PASSWORD",)
    ),
    "clientSecret": Setting(secret=True, variables=("AZURE_CLIENT_SECRET",)),
    "clientSecretFilePath": Setting(),
    "useOidc": Setting(),
    "oidcToken": Setting(secret=True),
    "oidcTokenFilePath": Setting(variables=("AZURE_FEDERATED_TOKEN_FILE",)),
    "adoPipelineServiceConnectionId": Setting(variables=("ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",)),
    "oidcRequestUrl": Setting(variables=("ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI")),
    "oidcRequestToken": Setting(
        secret=True, variables=("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN")
    ),
    "useAksWorkloadIdentity": Setting(),
    "useMsi": Setting(),
    "msiEndpoint": Setting(),
    "useCli": Setting(),
    "environment": Setting(),
    "graphEndpoint": Setting(of_azuread=False),
    "authorityHost": Setting(of_azuread=False),
    "caFile": Setting(of_azuread=False),
}
"""Every setting, in the order of the README's table."""

_FLAGS: Final = {"useOidc": False, "useAksWorkloadIdentity": False, "useMsi": False, "useCli": True}

# What azure-identity takes and pulumi-azuread does not: it comes after all that both are told.
_AZURE_CREDENTIALS: Final = (
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
)

_IMDS_PATH: Final = "/metadata/identity/oauth2/token"


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate with its private key: a PEM or PFX file, or the same as Base64."""

    name: ClassVar[str] = "client certificate"
    path: str
    base64: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class ClientSecret:
    """The value of a client secret."""

    name: ClassVar[str] = "client secret"
    value: str = field(repr=False)


@dataclass(frozen=True)
class OidcToken:
    """An ID token that Entra trusts by a federated identity credential: itself, or its file."""

    name: ClassVar[str] = "OpenID Connect token"
    value: str = field(repr=False)
    path: str = ""


@dataclass(frozen=True)
class AzurePipelines:
    """A job of Azure Pipelines, which asks for an ID token of its service connection."""

    name: ClassVar[str] = "Azure Pipelines"
    service_connection_id: str
    request_url: str = field(repr=False)
    request_token: str = field(repr=False)


@dataclass(frozen=True)
class GitHubActions:
    """A job of GitHub Actions, which asks for an ID token."""

    name: ClassVar[str] = "GitHub Actions"
    request_url: str = field(repr=False)
    request_token: str = field(repr=False)


@dataclass(frozen=True)
class ManagedIdentity:
    """The managed identity of the Azure resource that this runs on.

    System-assigned without a client id. `host` is where it asks, where that is not the usual place.
    """

    name: ClassVar[str] = "managed identity"
    host: str


@dataclass(frozen=True)
class SignedIn:
    """Whoever azure-identity's DefaultAzureCredential finds; developers only where `developer`."""

    developer: bool


Identity = (
    ClientCertificate
    | ClientSecret
    | OidcToken
    | AzurePipelines
    | GitHubActions
    | ManagedIdentity
    | SignedIn
)


@dataclass(frozen=True)
class Settings:
    """Whose permission is used, and against which endpoints. Equal settings share one client.

    `cloud` is the national cloud's name. `authority_host` and `graph_endpoint` are https URLs
    without a path, `ca_file` a PEM bundle that replaces the public certificate authorities.
    `passed_over` has a line for each way to sign in that comes before `identity` and does not
    serve: its name and why, without a value.
    """

    cloud: str
    authority_host: str
    graph_endpoint: str
    tenant_id: str
    client_id: str
    identity: Identity
    passed_over: tuple[str, ...] = ()
    ca_file: str = ""

    @property
    def scope(self) -> str:
        """The scope of the token: every permission of the caller on this cloud's Graph."""
        return f"{self.graph_endpoint}/.default"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may hold."""
        return tuple(
            getattr(self.identity, part.name)
            for part in dataclasses.fields(self.identity)
            if not part.repr
        )


def settings(stack: Callable[[str], object], environment: Mapping[str, str]) -> Settings:
    """The settings of this run, each from the first place that has it.

    `stack` gives the value of a stack configuration key such as `azuread:tenantId`, or None.
    The places, in order: `entra-provisioning:` and `azuread:` stack configuration, then the
    environment variables `ENTRA_PROVISIONING_*`, `ARM_*` and those of SETTINGS.

    Raises SettingsError with every problem at once.
    """
    problems: list[str] = []
    found = {name: _look_up(name, stack, environment) for name in SETTINGS}
    _read_files(found, problems)
    cloud = _cloud(found, problems)
    endpoints = _endpoints(found, cloud, problems)
    metadata_host = stack("azuread:metadataHost") or environment.get("ARM_METADATA_HOSTNAME")
    if metadata_host and not (found["graphEndpoint"] and found["authorityHost"]):
        # Ignored, it would send the caller's secret to a cloud that is not its own.
        problems.append(
            "metadataHost: pulumi-azuread reads it, this does not. Set graphEndpoint and"
            " authorityHost to those of that cloud."
        )
    _check_client_and_tenant(found, problems)
    if found["caFile"] and not _holds_certificates(found["caFile"]):
        problems.append("caFile: no PEM bundle there; give the path of a file with certificates.")
    identity, passed_over = _identity(found, environment, endpoints["authorityHost"], problems)
    if problems:
        raise SettingsError(problems)
    return Settings(
        cloud=cloud.name,
        authority_host=endpoints["authorityHost"],
        graph_endpoint=endpoints["graphEndpoint"],
        tenant_id=found["tenantId"],
        client_id=found["clientId"],
        identity=identity,
        passed_over=passed_over,
        ca_file=found["caFile"],
    )


# Places


def stack_keys(name: str) -> list[str]:
    """The keys of a setting in the stack configuration, the first one first."""
    shared = [f"azuread:{name}"] if SETTINGS[name].of_azuread else []
    return [f"entra-provisioning:{name}", *shared]


def variables(name: str) -> list[str]:
    """The environment variables of a setting, the first one first."""
    setting = SETTINGS[name]
    variable = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
    shared = [f"ARM_{variable}"] if setting.of_azuread else []
    return [f"ENTRA_PROVISIONING_{variable}", *shared, *setting.variables]


def _look_up(name: str, stack: Callable[[str], object], environment: Mapping[str, str]) -> str:
    values = [stack(key) for key in stack_keys(name)]
    values += [
        environment.get(variable)
        for variable in variables(name)
        if variable not in _AZURE_CREDENTIALS
    ]
    texts = ("" if value is None else str(value) for value in values)
    if name == "clientCertificatePassword":
        return next(filter(None, texts), "")
    return next(filter(None, map(str.strip, texts)), "")


def _how_to_set(name: str) -> str:
    option = "--secret " if SETTINGS[name].secret else ""
    own, *shared = stack_keys(name)
    shared_keys = f", the stack configuration {shared[0]}" if shared else ""
    return (
        f"`pulumi config set {option}{own} …`{shared_keys}"
        f" or an environment variable: {', '.join(variables(name))}"
    )


# Values


def _read_files(found: dict[str, str], problems: list[str]) -> None:
    """Put what clientIdFilePath and clientSecretFilePath hold in the place of what they name."""
    for name in ("clientId", "clientSecret"):
        if not (path := found[f"{name}FilePath"]):
            continue
        content = _content(path)
        if not content:
            problems.append(f"{name}FilePath: no text there; give the path of a file with it.")
        elif found[name] not in ("", content):
            problems.append(
                f"{name}FilePath: another value stands there than in {name}. Set one of them."
            )
        found[name] = content


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""


def _flag(name: str, found: Mapping[str, str], problems: list[str]) -> bool:
    said = found[name].lower()
    if said not in ("", "true", "t", "1", "false", "f", "0"):
        problems.append(f"{name}: must be true or false.")
    return said in ("true", "t", "1") or (not said and _FLAGS[name])


def _cloud(found: Mapping[str, str], problems: list[str]) -> Cloud:
    name = (found["environment"] or "global").lower()
    cloud = CLOUDS.get(_CLOUD_ALIASES.get(name, name))
    if cloud is None:
        problems.append(
            f"environment: not a cloud that is known here; use one of {', '.join(CLOUDS)}"
            f" ({_how_to_set('environment')})."
        )
        return CLOUDS["global"]
    return cloud


def _endpoints(found: Mapping[str, str], cloud: Cloud, problems: list[str]) -> dict[str, str]:
    usual = {"authorityHost": cloud.authority_host, "graphEndpoint": cloud.graph_endpoint}
    problems += [
        f"{name}: must be an https URL of a host alone, such as {url}."
        for name, url in usual.items()
        if found[name] and not _is_host(found[name])
    ]
    return {name: (found[name] or url).rstrip("/") for name, url in usual.items()}


def _is_host(url: str, *, schemes: tuple[str, ...] = ("https",), with_path: bool = False) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(
        parts.scheme in schemes
        and parts.hostname
        and (with_path or parts.path in ("", "/"))
        and not (parts.query or parts.fragment or parts.username)
    )


def _check_client_and_tenant(found: Mapping[str, str], problems: list[str]) -> None:
    # Neither is repeated: what is in its place may be a secret.
    if found["clientId"] and not GUID.fullmatch(found["clientId"]):
        problems.append("clientId: must be the application (client) id, a GUID.")
    if not re.fullmatch(r"[a-zA-Z0-9.-]*", found["tenantId"]):
        problems.append("tenantId: must be the tenant's GUID or one of its domain names.")
    if found["tenantId"].lower() in (PERSONAL_TENANT, "consumers"):
        problems.append(f"tenantId: {PERSONAL_ACCOUNT}")


def _holds_certificates(path: str) -> bool:
    try:
        # Not create_default_context, which also opens the file that SSLKEYLOGFILE names.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):
        return False
    return True


# Ways to sign in


def _identity(
    found: Mapping[str, str],
    environment: Mapping[str, str],
    authority_host: str,
    problems: list[str],
) -> tuple[Identity, tuple[str, ...]]:
    """The first way to sign in that is configured, and why those before it are not."""
    passed_over: list[str] = []
    for name, way in _ways(found, environment, authority_host, problems):
        if not isinstance(way, str):
            return way, tuple(passed_over)
        passed_over.append(f"{name}: {way}")
    _check_client(found, environment, problems)
    developer = _flag("useCli", found, problems)
    if not developer:
        passed_over.append("Azure CLI, Azure Developer CLI: useCli is false")
    return SignedIn(developer), tuple(passed_over)


def _check_client(
    found: Mapping[str, str], environment: Mapping[str, str], problems: list[str]
) -> None:
    """A credential without its client is a mistake where no other identity is configured."""
    of_a_client = ("clientCertificate", "clientCertificatePath", "clientSecret")
    given = [name for name in of_a_client if found[name]]
    given += [name for name in _AZURE_CREDENTIALS if environment.get(name)]
    problems += [
        f"{name}: not set, though {given[0]} is. Set it by {_how_to_set(name)}."
        for name in ("tenantId", "clientId")
        if given and not found[name]
    ]


def _ways(
    found: Mapping[str, str],
    environment: Mapping[str, str],
    authority_host: str,
    problems: list[str],
) -> Iterator[tuple[str, Identity | str]]:
    """The ways that are configured, in pulumi-azuread's order: each, or why it does not serve.

    https://github.com/hashicorp/go-azure-sdk/blob/main/sdk/auth/auth.go
    """
    client = ("tenantId", "clientId")
    certificate = ClientCertificate(
        "" if found["clientCertificate"] else found["clientCertificatePath"],
        found["clientCertificate"],
        found["clientCertificatePassword"],
    )
    yield (
        ClientCertificate.name,
        _not_set(found, "clientCertificatePath or clientCertificate", *client)
        or _checked(certificate, problems),
    )
    yield (
        ClientSecret.name,
        _not_set(found, "clientSecret or clientSecretFilePath", *client)
        or ClientSecret(found["clientSecret"]),
    )
    oidc = _flag("useOidc", found, problems)
    workload_identity = _flag("useAksWorkloadIdentity", found, problems)
    off = "" if oidc or workload_identity else "neither useOidc nor useAksWorkloadIdentity is true"
    token = dict(found)
    if workload_identity and not found["oidcToken"]:
        token["oidcTokenFilePath"] = (
            found["oidcTokenFilePath"] or environment.get("AZURE_FEDERATED_TOKEN_FILE") or ""
        )
    yield (
        OidcToken.name,
        off
        or _not_set(token, "oidcToken or oidcTokenFilePath", *client)
        or _token(token, problems),
    )
    request = ("oidcRequestUrl", "oidcRequestToken")
    yield (
        AzurePipelines.name,
        off
        or _not_set(found, "adoPipelineServiceConnectionId", *request, *client)
        or AzurePipelines(found["adoPipelineServiceConnectionId"], *_requested(found, problems)),
    )
    yield (
        GitHubActions.name,
        off or _not_set(found, *request, *client) or GitHubActions(*_requested(found, problems)),
    )
    yield (
        ManagedIdentity.name,
        ManagedIdentity(_managed_identity_host(found, problems))
        if _flag("useMsi", found, problems)
        else "useMsi is not true",
    )
    azure = _azure_credential(found, environment, problems)
    other = (environment.get("AZURE_AUTHORITY_HOST") or authority_host).rstrip("/")
    if (
        not isinstance(azure, str)
        and other.removeprefix("https://") != urlsplit(authority_host).netloc
    ):
        # Their credential would be sent to a cloud that is not its own.
        problems.append(
            "environment: AZURE_AUTHORITY_HOST is of another cloud. Set environment to that cloud."
        )
    yield "AZURE_ variables", azure


def _not_set(found: Mapping[str, str], *needed: str) -> str:
    """Which of `needed`, each a setting or several with "or" between, are not set."""
    missing = [names for names in needed if not any(found[name] for name in names.split(" or "))]
    if not missing:
        return ""
    *others, last = missing
    return f"{', '.join(others)} and {last} are not set" if others else f"{last} is not set"


def _checked(certificate: ClientCertificate, problems: list[str]) -> ClientCertificate:
    if certificate.path and not os.path.isfile(certificate.path):
        problems.append("clientCertificatePath: no such file; give the path of a PEM or PFX file.")
    try:
        base64.b64decode("".join(certificate.base64.split()), validate=True)
    except ValueError:
        problems.append("clientCertificate: not Base64; give a PEM or PFX file encoded so.")
    return certificate


def _token(found: Mapping[str, str], problems: list[str]) -> OidcToken:
    path = found["oidcTokenFilePath"]
    if path and not (content := _content(path)):
        problems.append("oidcTokenFilePath: no text there; give the path of an ID token's file.")
    elif path and found["oidcToken"] not in ("", content):
        problems.append("oidcTokenFilePath: another token stands there than in oidcToken. Set one.")
    return OidcToken(found["oidcToken"], path)


def _requested(found: Mapping[str, str], problems: list[str]) -> tuple[str, str]:
    url = found["oidcRequestUrl"]
    if not _is_host(url.partition("?")[0], with_path=True):
        problems.append("oidcRequestUrl: must be an https URL, as the request carries a token.")
    return url, found["oidcRequestToken"]


def _managed_identity_host(found: Mapping[str, str], problems: list[str]) -> str:
    host = found["msiEndpoint"].removesuffix(_IMDS_PATH)
    if host and not _is_host(host, schemes=("http", "https")):
        problems.append(
            f"msiEndpoint: must be the URL of a host, alone or with the path {_IMDS_PATH}. App"
            " Service, Azure Arc and others are found without it."
        )
    return host.rstrip("/")


def _azure_credential(
    found: Mapping[str, str], environment: Mapping[str, str], problems: list[str]
) -> Identity | str:
    """The credential that AZURE_ variables hold, for the client whose id they give."""
    theirs = (environment.get("AZURE_CLIENT_ID") or found["clientId"]).strip()
    if theirs.lower() != found["clientId"].lower():
        return "AZURE_CLIENT_ID is another client than clientId"
    path, password, secret, file = (environment.get(name) or "" for name in _AZURE_CREDENTIALS)
    if not (path or secret or file):
        return (
            "AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_SECRET and AZURE_FEDERATED_TOKEN_FILE are"
            " not set"
        )
    if lacking := _not_set(found, "tenantId", "clientId"):
        return lacking
    if path:
        return _checked(ClientCertificate(path, "", password), problems)
    return ClientSecret(secret) if secret else OidcToken("", file)
