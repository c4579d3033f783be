"""The ways to sign in, and the first of them that the settings configure.

The order is that of pulumi-azuread:
https://github.com/hashicorp/go-azure-sdk/blob/main/sdk/auth/auth.go
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import urlsplit

from .. import text_file
from .lookup import AZURE_CREDENTIALS, AZURE_SECRETS, CERTIFICATES, CREDENTIALS, Found, how_to_set
from .problems import Problems
from .values import flag, is_host, is_true, text_of_file

_CLIENT: Final = ("tenantId", "clientId")
_OIDC_FLAGS: Final = ("useOidc", "useAksWorkloadIdentity")
_ID_TOKEN_REQUEST: Final = ("oidcRequestUrl", "oidcRequestToken")

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

    System-assigned without a client id. `host` is the URL of its service if that is not the usual
    one.
    """

    name: ClassVar[str] = "managed identity"
    host: str


@dataclass(frozen=True)
class SignedIn:
    """The identity that DefaultAzureCredential finds, among developers' only with `developer`."""

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


def configured_identity(
    found: Found, authority_host: str, problems: Problems
) -> tuple[Identity, tuple[str, ...]]:
    """The first way to sign in that is configured, and a line for each before it: why it is not."""
    passed_over: list[str] = []
    for name, way in _WAYS.items():
        identity = way(found, problems)
        if not isinstance(identity, str):
            if way is _azure_variables:
                _check_authority(found, authority_host, problems)
            return identity, tuple(passed_over)
        passed_over.append(f"{name}: {identity}")
    _check_client(found, problems)
    developer = flag("useCli", found.values["useCli"], problems, default=True)
    if not developer:
        passed_over.append("Azure CLI, Azure Developer CLI: useCli is false")
    return SignedIn(developer), tuple(passed_over)


def _check_client(found: Found, problems: Problems) -> None:
    """A credential without its client is a mistake if no other identity is configured."""
    given = [name for name in CREDENTIALS if found.values[name]]
    given += [name for name in AZURE_CREDENTIALS if found.environment.get(name)]
    for name in _CLIENT:
        if given and not found.values[name]:
            place = how_to_set(name, environment_alone=found.environment_alone)
            problems.missing(f"{name}: not set, but {given[0]} is. Set it with {place}.")


def _check_authority(found: Found, authority_host: str, problems: Problems) -> None:
    """The credential of AZURE_ variables must not be sent to another cloud than theirs."""
    theirs = (found.environment.get("AZURE_AUTHORITY_HOST") or authority_host).rstrip("/")
    if theirs.removeprefix("https://") != urlsplit(authority_host).netloc:
        problems.conflict(
            "environment: AZURE_AUTHORITY_HOST belongs to another cloud. Set environment to that"
            " cloud."
        )


# Ways to sign in: each returns its identity, or why it is not configured.


def _client_certificate(found: Found, problems: Problems) -> Identity | str:
    values = found.values
    certificate = ClientCertificate(
        "" if values["clientCertificate"] else values["clientCertificatePath"],
        values["clientCertificate"],
        values["clientCertificatePassword"],
    )
    return (
        _unused(found, certificate.path or certificate.base64, *CERTIFICATES)
        or _not_set(values, "clientCertificatePath or clientCertificate", *_CLIENT)
        or _checked(certificate, problems)
    )


def _client_secret(found: Found, problems: Problems) -> Identity | str:
    secret = found.values["clientSecret"]
    return (
        _unused(found, secret, "clientSecret", "clientSecretFilePath")
        or _not_set(found.values, "clientSecret or clientSecretFilePath", *_CLIENT)
        or ClientSecret(secret)
    )


def _oidc_token(found: Found, problems: Problems) -> Identity | str:
    for name in _OIDC_FLAGS:
        flag(name, found.values[name], problems)
    values = dict(found.values)
    if is_true(values["useAksWorkloadIdentity"]) and not values["oidcToken"]:
        values["oidcTokenFilePath"] = (
            values["oidcTokenFilePath"] or found.environment.get("AZURE_FEDERATED_TOKEN_FILE") or ""
        )
    return (
        _oidc_off(found)
        or _not_set(values, "oidcToken or oidcTokenFilePath", *_CLIENT)
        or _token(values, problems)
    )


def _azure_pipelines(found: Found, problems: Problems) -> Identity | str:
    values = found.values
    connection = "adoPipelineServiceConnectionId"
    return (
        _oidc_off(found)
        or _not_set(values, connection, *_ID_TOKEN_REQUEST, *_CLIENT)
        or AzurePipelines(values[connection], *_requested(values, problems))
    )


def _github_actions(found: Found, problems: Problems) -> Identity | str:
    return (
        _oidc_off(found)
        or _not_set(found.values, *_ID_TOKEN_REQUEST, *_CLIENT)
        or GitHubActions(*_requested(found.values, problems))
    )


def _managed_identity(found: Found, problems: Problems) -> Identity | str:
    if flag("useMsi", found.values["useMsi"], problems):
        return ManagedIdentity(_managed_identity_host(found.values, problems))
    return _unused(found, "", "useMsi") or "useMsi is not true"


def _azure_variables(found: Found, problems: Problems) -> Identity | str:
    return _unused(found, "", *AZURE_SECRETS) or _azure_credential(
        found.values, found.environment, problems
    )


_WAYS: Final[dict[str, Callable[[Found, Problems], Identity | str]]] = {
    ClientCertificate.name: _client_certificate,
    ClientSecret.name: _client_secret,
    OidcToken.name: _oidc_token,
    AzurePipelines.name: _azure_pipelines,
    GitHubActions.name: _github_actions,
    ManagedIdentity.name: _managed_identity,
    "AZURE_ variables": _azure_variables,
}
"""In the order in which they are tried."""


# Parts of a way


def _oidc_off(found: Found) -> str:
    if any(is_true(found.values[name]) for name in _OIDC_FLAGS):
        return ""
    return _unused(found, "", *_OIDC_FLAGS) or (
        "neither useOidc nor useAksWorkloadIdentity is true"
    )


def _unused(found: Found, used: str, *names: str) -> str:
    """The reason why the settings `names` do not count, or "" if a value of them is used."""
    if used:
        return ""
    return next((found.unused[name] for name in names if name in found.unused), "")


def _not_set(values: Mapping[str, str], *needed: str) -> str:
    """Which of `needed`, each a setting or several with "or" between, are not set."""
    missing = [names for names in needed if not any(values[name] for name in names.split(" or "))]
    if not missing:
        return ""
    *others, last = missing
    return f"{', '.join(others)} and {last} are not set" if others else f"{last} is not set"


def _checked(certificate: ClientCertificate, problems: Problems) -> ClientCertificate:
    if certificate.path:
        try:
            text_file.read_bytes(certificate.path)
        except ValueError as error:
            problems.unusable_file(
                f"clientCertificatePath: {error}. Give the path of a PEM or PFX file."
            )
    try:
        base64.b64decode("".join(certificate.base64.split()), validate=True)
    except ValueError:
        problems.invalid("clientCertificate: not Base64. Give a PEM or PFX file in Base64.")
    return certificate


def _token(values: Mapping[str, str], problems: Problems) -> OidcToken:
    path = values["oidcTokenFilePath"]
    content = text_of_file(path, "oidcTokenFilePath", problems) if path else ""
    if content and values["oidcToken"] not in ("", content):
        problems.conflict(
            "oidcTokenFilePath: the file holds another token than oidcToken. Set one of them."
        )
    return OidcToken(values["oidcToken"], path)


def _requested(values: Mapping[str, str], problems: Problems) -> tuple[str, str]:
    url = values["oidcRequestUrl"]
    if not is_host(url, with_path=True):
        problems.invalid("oidcRequestUrl: must be an https URL, because it receives a token.")
    return url, values["oidcRequestToken"]


def _managed_identity_host(values: Mapping[str, str], problems: Problems) -> str:
    host = values["msiEndpoint"].removesuffix(_IMDS_PATH)
    if host and not is_host(host, schemes=("http", "https")):
        problems.invalid(
            f"msiEndpoint: must be the URL of a host, alone or with the path {_IMDS_PATH}. App"
            " Service, Azure Arc and others need no msiEndpoint."
        )
    return host.rstrip("/")


def _azure_credential(
    values: Mapping[str, str], environment: Mapping[str, str], problems: Problems
) -> Identity | str:
    """The credential that AZURE_ variables hold, for the client whose id they give."""
    theirs = (environment.get("AZURE_CLIENT_ID") or values["clientId"]).strip()
    if theirs.lower() != values["clientId"].lower():
        return "AZURE_CLIENT_ID names another client than clientId"
    theirs = (environment.get("AZURE_TENANT_ID") or values["tenantId"]).strip()
    if theirs.lower() != values["tenantId"].lower():
        return "AZURE_TENANT_ID names another tenant than tenantId"
    path, password, secret, file = (environment.get(name) or "" for name in AZURE_CREDENTIALS)
    if not (path or secret or file):
        return (
            "AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_SECRET and AZURE_FEDERATED_TOKEN_FILE are"
            " not set"
        )
    if lacking := _not_set(values, "tenantId", "clientId"):
        return lacking
    if path:
        return _checked(ClientCertificate(path, "", password), problems)
    if secret:
        return ClientSecret(secret)
    text_of_file(file, "AZURE_FEDERATED_TOKEN_FILE", problems)
    return OidcToken("", file)
