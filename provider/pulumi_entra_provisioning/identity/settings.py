"""Whose permission is used, and against which endpoints: what the stack and the environment say.

The names, their places and the order in which identities are tried are those of pulumi-azuread:
https://www.pulumi.com/registry/packages/azuread/installation-configuration/
"""

from __future__ import annotations

import base64
import dataclasses
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import urlsplit

from .. import text_file
from ..errors import SettingsError
from ..graph.target import GUID
from .permissions import PERSONAL_ACCOUNT, PERSONAL_TENANT


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

SETTINGS_FROM_ENVIRONMENT: Final = "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT"
"""The environment variable that, if true, puts the environment before the stack configuration."""

_FLAGS: Final = {"useOidc": False, "useAksWorkloadIdentity": False, "useMsi": False, "useCli": True}
_TRUE: Final = ("true", "t", "1")
_FALSE: Final = ("false", "f", "0")

# A credential of the client that stands beside it, and what else says how to sign in.
_CREDENTIALS: Final = (
    "clientCertificate",
    "clientCertificatePath",
    "clientSecret",
    "clientSecretFilePath",
)
_CERTIFICATES: Final = _CREDENTIALS[:2]
_WAYS: Final = (*_CREDENTIALS, "useOidc", "useAksWorkloadIdentity", "useMsi")

# Two forms of one setting: the place that has one of them says both.
_TWO_FORMS: Final = (
    ("clientId", "clientIdFilePath"),
    ("clientCertificate", "clientCertificatePath"),
    ("clientSecret", "clientSecretFilePath"),
)

_ENDPOINTS: Final = ("graphEndpoint", "authorityHost", "caFile")
_IDENTITY: Final = tuple(name for name in SETTINGS if name not in (*_ENDPOINTS, "environment"))

# What azure-identity takes and pulumi-azuread does not: it comes after all that both are told.
_AZURE_CREDENTIALS: Final = (
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
)
_AZURE_SECRETS: Final = _AZURE_CREDENTIALS[:3]

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
    environment variables `ENTRA_PROVISIONING_*`, `ARM_*` and those of SETTINGS. Where
    SETTINGS_FROM_ENVIRONMENT is true, the environment variables come first.

    Raises SettingsError with every problem at once.
    """
    problems: list[str] = []
    of_stack = _Source.of(stack, stack_keys)
    of_environment = _Source.of(environment.get, _variables)
    environment_first = _environment_first(environment, problems)
    if environment_first:
        choice = _merged(of_environment, of_stack, environment, environment_first=True)
    else:
        _refuse_two_endpoints(of_stack, of_environment, problems)
        choice = _merged(of_stack, of_environment, environment, environment_first=False)
    found, environment = choice.found, choice.environment
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
    if found["caFile"]:
        problems += _no_certificates(found["caFile"])
    identity, passed_over = _identity(choice, endpoints["authorityHost"], problems)
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


def _variables(name: str) -> list[str]:
    return [variable for variable in variables(name) if variable not in _AZURE_CREDENTIALS]


@dataclass(frozen=True)
class _Source:
    """What the stack configuration or the environment says: text, and where, by setting.

    A setting that it does not have is "" in `values` and missing in `places`.
    """

    values: Mapping[str, str]
    places: Mapping[str, str]

    @classmethod
    def of(cls, given: Callable[[str], object], places: Callable[[str], list[str]]) -> _Source:
        values: dict[str, str] = dict.fromkeys(SETTINGS, "")
        found: dict[str, str] = {}
        for name in SETTINGS:
            for place in places(name):
                value = given(place)
                text = "" if value is None else str(value)
                if name != "clientCertificatePassword":
                    text = text.strip()
                if text:
                    values[name], found[name] = text, place
                    break
        return cls(values, found)

    @property
    def way(self) -> str | None:
        """The place of what says how to sign in."""
        return next(
            (
                self.places[name]
                for name in _WAYS
                if (value := self.values[name]) and (name not in _FLAGS or value.lower() in _TRUE)
            ),
            None,
        )

    @property
    def client_id(self) -> tuple[str, str]:
        """The client's id, lower case, and its place."""
        for name in ("clientId", "clientIdFilePath"):
            if value := self.values[name]:
                return (value if name == "clientId" else _content(value)).lower(), self.places[name]
        return "", ""

    @property
    def tenant_id(self) -> tuple[str, str]:
        """The tenant's id, lower case, and its place."""
        return self.values["tenantId"].lower(), self.places.get("tenantId", "")


@dataclass(frozen=True)
class _Choice:
    """What counts of both sources: `found` by setting, and the environment.

    `unused` says of a setting, or of an environment variable of azure-identity, why it does not
    count.
    """

    found: dict[str, str]
    environment: Mapping[str, str]
    unused: Mapping[str, str]
    environment_alone: bool


def _environment_first(environment: Mapping[str, str], problems: list[str]) -> bool:
    said = environment.get(SETTINGS_FROM_ENVIRONMENT, "").strip().lower()
    if said not in ("", *_TRUE, *_FALSE):
        problems.append(f"{SETTINGS_FROM_ENVIRONMENT}: must be true or false.")
    return said in _TRUE


def _refuse_two_endpoints(of_stack: _Source, of_environment: _Source, problems: list[str]) -> None:
    # Whoever set the variable believes that this run goes there: to a test, not to production.
    problems += [
        f"{name}: {of_stack.places[name]} in the stack configuration and the environment variable"
        f" {of_environment.places[name]} differ. Remove one of them, or set"
        f" {SETTINGS_FROM_ENVIRONMENT}=true, with which the environment comes first for all"
        " settings."
        for name in _ENDPOINTS
        if name in of_stack.places
        and name in of_environment.places
        and of_stack.values[name].rstrip("/") != of_environment.values[name].rstrip("/")
    ]


def _merged(
    first: _Source, second: _Source, environment: Mapping[str, str], *, environment_first: bool
) -> _Choice:
    """Each setting from the first source that has it, but never half an identity of each."""
    found = {name: first.values[name] or second.values[name] for name in SETTINGS}
    for forms in _TWO_FORMS:
        if any(first.values[name] for name in forms):
            found.update({name: first.values[name] for name in forms})
    way = first.way
    if environment_first:
        way = way or next(filter(environment.get, _AZURE_CREDENTIALS), None)
    left: tuple[str, ...] = ()
    why = ""
    if way:
        left = _IDENTITY if environment_first else _WAYS
        why = f"is not used, as {way} is set"
    elif stray := _of_another_client(first, second):
        left, why = _CREDENTIALS, f"is not used, as {stray}"
    if any(second.values[name] for name in _CERTIFICATES if name in left):
        left += ("clientCertificatePassword",)
    found.update({name: first.values[name] for name in left})
    unused = {name: f"{second.places[name]} {why}" for name in left if name in second.places}
    if way and not environment_first:
        unused |= {name: f"{name} {why}" for name in _AZURE_SECRETS if environment.get(name)}
        environment = {
            name: value for name, value in environment.items() if name not in _AZURE_SECRETS
        }
    return _Choice(found, environment, unused, environment_alone=environment_first and bool(way))


def _of_another_client(first: _Source, second: _Source) -> str:
    """Why the second source's certificate or secret is not for the first one's client."""
    client, place = second.client_id
    # AZURE_CLIENT_ID belongs to the AZURE_ credentials, which `_azure_credential` looks at.
    if client and not place.startswith("AZURE_"):
        ours, our_place = first.client_id
        return f"{place} is another client than {our_place}" if ours not in ("", client) else ""
    tenant, place = second.tenant_id
    ours, our_place = first.tenant_id
    if tenant and not place.startswith("AZURE_") and ours not in ("", tenant):
        return f"{place} is another tenant than {our_place}"
    return ""


def _how_to_set(name: str, *, environment_alone: bool = False) -> str:
    if environment_alone:
        return f"an environment variable: {', '.join(variables(name))}"
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
        content = _content(path, f"{name}FilePath", problems)
        if content and found[name] not in ("", content):
            problems.append(
                f"{name}FilePath: another value stands there than in {name}. Set one of them."
            )
        found[name] = content


def _content(path: str, name: str = "", problems: list[str] | None = None) -> str:
    """The text in a file, without white space around it; "" if there is none."""
    try:
        content = text_file.read(path).strip()
        reason = "" if content else "it is empty"
    except ValueError as error:
        content, reason = "", str(error)
    if reason and problems is not None:
        problems.append(f"{name}: {reason}. Give the path of a file that holds the value.")
    return content


def _flag(name: str, found: Mapping[str, str], problems: list[str]) -> bool:
    said = found[name].lower()
    if said not in ("", *_TRUE, *_FALSE):
        problems.append(f"{name}: must be true or false.")
    return said in _TRUE or (not said and _FLAGS[name])


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


_HOST: Final = r"(?P<scheme>https?)://(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{1,5}))?"


def _is_host(url: str, *, schemes: tuple[str, ...] = ("https",), with_path: bool = False) -> bool:
    """Whether it is the URL of a host alone, or with a path and a query."""
    rest = r"(?:[/?][^\s#\\]*)?" if with_path else "/?"
    # Not urlsplit, which forgives: `https://:password@host`, `https://host#`, a line break.
    parts = re.fullmatch(_HOST + rest, url, re.ASCII | re.IGNORECASE)
    return bool(
        parts and parts["scheme"].lower() in schemes and 0 < int(parts["port"] or 443) < 65536
    )


def _check_client_and_tenant(found: Mapping[str, str], problems: list[str]) -> None:
    # Neither is repeated: what is in its place may be a secret.
    if found["clientId"] and not GUID.fullmatch(found["clientId"]):
        problems.append("clientId: must be the application (client) id, a GUID.")
    if not re.fullmatch(r"[a-zA-Z0-9.-]*", found["tenantId"]):
        problems.append("tenantId: must be the tenant's GUID or one of its domain names.")
    if found["tenantId"].lower() in (PERSONAL_TENANT, "consumers"):
        problems.append(f"tenantId: {PERSONAL_ACCOUNT}")


def _no_certificates(path: str) -> list[str]:
    try:
        text_file.read_bytes(path)
    except ValueError as error:
        return [f"caFile: {error}. Give the path of a PEM file with certificates."]
    try:
        # Not create_default_context, which also opens the file that SSLKEYLOGFILE names.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):
        return ["caFile: no PEM bundle there; give the path of a file with certificates."]
    return []


# Ways to sign in


def _identity(
    choice: _Choice, authority_host: str, problems: list[str]
) -> tuple[Identity, tuple[str, ...]]:
    """The first way to sign in that is configured, and why those before it are not."""
    passed_over: list[str] = []
    for name, way in _ways(choice, authority_host, problems):
        if not isinstance(way, str):
            return way, tuple(passed_over)
        passed_over.append(f"{name}: {way}")
    _check_client(choice, problems)
    developer = _flag("useCli", choice.found, problems)
    if not developer:
        passed_over.append("Azure CLI, Azure Developer CLI: useCli is false")
    return SignedIn(developer), tuple(passed_over)


def _check_client(choice: _Choice, problems: list[str]) -> None:
    """A credential without its client is a mistake where no other identity is configured."""
    given = [name for name in _CREDENTIALS if choice.found[name]]
    given += [name for name in _AZURE_CREDENTIALS if choice.environment.get(name)]
    problems += [
        f"{name}: not set, though {given[0]} is. Set it by"
        f" {_how_to_set(name, environment_alone=choice.environment_alone)}."
        for name in ("tenantId", "clientId")
        if given and not choice.found[name]
    ]


def _ways(
    choice: _Choice, authority_host: str, problems: list[str]
) -> Iterator[tuple[str, Identity | str]]:
    """The ways that are configured, in pulumi-azuread's order: each, or why it does not serve.

    https://github.com/hashicorp/go-azure-sdk/blob/main/sdk/auth/auth.go
    """
    found, environment = choice.found, choice.environment
    client = ("tenantId", "clientId")
    certificate = ClientCertificate(
        "" if found["clientCertificate"] else found["clientCertificatePath"],
        found["clientCertificate"],
        found["clientCertificatePassword"],
    )
    yield (
        ClientCertificate.name,
        _unused(choice, certificate.path or certificate.base64, *_CERTIFICATES)
        or _not_set(found, "clientCertificatePath or clientCertificate", *client)
        or _checked(certificate, problems),
    )
    yield (
        ClientSecret.name,
        _unused(choice, found["clientSecret"], "clientSecret", "clientSecretFilePath")
        or _not_set(found, "clientSecret or clientSecretFilePath", *client)
        or ClientSecret(found["clientSecret"]),
    )
    oidc = _flag("useOidc", found, problems)
    workload_identity = _flag("useAksWorkloadIdentity", found, problems)
    off = ""
    if not (oidc or workload_identity):
        off = _unused(choice, "", "useOidc", "useAksWorkloadIdentity") or (
            "neither useOidc nor useAksWorkloadIdentity is true"
        )
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
        else _unused(choice, "", "useMsi") or "useMsi is not true",
    )
    azure = _unused(choice, "", *_AZURE_SECRETS) or _azure_credential(found, environment, problems)
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


def _unused(choice: _Choice, used: str, *names: str) -> str:
    """Why what is set of `names` does not count, unless another value of theirs is used."""
    if used:
        return ""
    return next((choice.unused[name] for name in names if name in choice.unused), "")


def _not_set(found: Mapping[str, str], *needed: str) -> str:
    """Which of `needed`, each a setting or several with "or" between, are not set."""
    missing = [names for names in needed if not any(found[name] for name in names.split(" or "))]
    if not missing:
        return ""
    *others, last = missing
    return f"{', '.join(others)} and {last} are not set" if others else f"{last} is not set"


def _checked(certificate: ClientCertificate, problems: list[str]) -> ClientCertificate:
    if certificate.path:
        try:
            text_file.read_bytes(certificate.path)
        except ValueError as error:
            problems.append(f"clientCertificatePath: {error}. Give the path of a PEM or PFX file.")
    try:
        base64.b64decode("".join(certificate.base64.split()), validate=True)
    except ValueError:
        problems.append("clientCertificate: not Base64; give a PEM or PFX file encoded so.")
    return certificate


def _token(found: Mapping[str, str], problems: list[str]) -> OidcToken:
    path = found["oidcTokenFilePath"]
    content = _content(path, "oidcTokenFilePath", problems) if path else ""
    if content and found["oidcToken"] not in ("", content):
        problems.append("oidcTokenFilePath: another token stands there than in oidcToken. Set one.")
    return OidcToken(found["oidcToken"], path)


def _requested(found: Mapping[str, str], problems: list[str]) -> tuple[str, str]:
    url = found["oidcRequestUrl"]
    if not _is_host(url, with_path=True):
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
    theirs = (environment.get("AZURE_TENANT_ID") or found["tenantId"]).strip()
    if theirs.lower() != found["tenantId"].lower():
        return "AZURE_TENANT_ID is another tenant than tenantId"
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
    if secret:
        return ClientSecret(secret)
    _content(file, "AZURE_FEDERATED_TOKEN_FILE", problems)
    return OidcToken("", file)
