"""Where each setting stands, and which place counts: stack configuration, environment variables.

The names, their places and their order are those of pulumi-azuread:
https://www.pulumi.com/registry/packages/azuread/installation-configuration/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .problems import Problems
from .values import flag, is_true, text_of_file


@dataclass(frozen=True)
class Setting:
    """Where to set a setting, beside `entra-provisioning:` and `ENTRA_PROVISIONING_…`.

    With `of_azuread`, `azuread:` and `ARM_…` have it too. `variables` are further environment
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
"""Every setting, in the order of the table in docs/configuration.md."""

SETTINGS_FROM_ENVIRONMENT: Final = "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT"
"""The environment variable that, if true, puts the environment before the stack configuration."""

CREDENTIALS: Final = (
    "clientCertificate",
    "clientCertificatePath",
    "clientSecret",
    "clientSecretFilePath",
)
"""The settings that hold a credential of the client."""

CERTIFICATES: Final = CREDENTIALS[:2]
_FLAGS: Final = ("useOidc", "useAksWorkloadIdentity", "useMsi")
_SETTINGS_OF_WAYS: Final = (*CREDENTIALS, *_FLAGS)

# Two forms of one setting: a place that has one of them sets both.
_TWO_FORMS: Final = (
    ("clientId", "clientIdFilePath"),
    ("clientCertificate", "clientCertificatePath"),
    ("clientSecret", "clientSecretFilePath"),
)

_ENDPOINTS: Final = ("graphEndpoint", "authorityHost", "caFile")
_IDENTITY: Final = tuple(name for name in SETTINGS if name not in (*_ENDPOINTS, "environment"))

AZURE_CREDENTIALS: Final = (
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
)
"""The variables that azure-identity reads and pulumi-azuread does not: they come last."""

AZURE_SECRETS: Final = AZURE_CREDENTIALS[:3]


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
    return [variable for variable in variables(name) if variable not in AZURE_CREDENTIALS]


@dataclass(frozen=True)
class _Source:
    """The settings of the stack configuration or of the environment: texts, and their places.

    A setting that is not set is "" in `values` and missing in `places`.
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
        """The place of the setting that chooses a way to sign in."""
        return next(
            (
                self.places[name]
                for name in _SETTINGS_OF_WAYS
                if (value := self.values[name]) and (name not in _FLAGS or is_true(value))
            ),
            None,
        )

    @property
    def client_id(self) -> tuple[str, str]:
        """The client's id, lower case, and its place."""
        for name in ("clientId", "clientIdFilePath"):
            if value := self.values[name]:
                return (value if name == "clientId" else text_of_file(value)).lower(), self.places[
                    name
                ]
        return "", ""

    @property
    def tenant_id(self) -> tuple[str, str]:
        """The tenant's id, lower case, and its place."""
        return self.values["tenantId"].lower(), self.places.get("tenantId", "")


@dataclass(frozen=True)
class Found:
    """The settings that count, from all places.

    `values` has a text for each setting, "" if none is set. `environment` has the variables that
    count. `unused` has the reason for each setting and variable that does not count.
    With `environment_alone`, an identity comes from the environment or from nowhere.
    """

    values: dict[str, str]
    environment: Mapping[str, str]
    unused: Mapping[str, str]
    environment_alone: bool


def look_up(
    stack: Callable[[str], object], environment: Mapping[str, str], problems: Problems
) -> Found:
    """Each setting from the first place that has it.

    `stack` returns the value of a stack configuration key such as `azuread:tenantId`, or None.
    """
    of_stack = _Source.of(stack, stack_keys)
    of_environment = _Source.of(environment.get, _variables)
    first = environment.get(SETTINGS_FROM_ENVIRONMENT, "")
    if flag(SETTINGS_FROM_ENVIRONMENT, first, problems):
        found = _merged(of_environment, of_stack, environment, environment_first=True)
    else:
        _refuse_two_endpoints(of_stack, of_environment, problems)
        found = _merged(of_stack, of_environment, environment, environment_first=False)
    _read_files(found.values, problems)
    return found


def _refuse_two_endpoints(of_stack: _Source, of_environment: _Source, problems: Problems) -> None:
    # Whoever set the variable believes that this run goes there: to a test, not to production.
    for name in _ENDPOINTS:
        ours, theirs = of_stack.values[name], of_environment.values[name]
        if ours and theirs and ours.rstrip("/") != theirs.rstrip("/"):
            problems.conflict(
                f"{name}: {of_stack.places[name]} in the stack configuration and the environment"
                f" variable {of_environment.places[name]} differ. Remove one of them, or set"
                f" {SETTINGS_FROM_ENVIRONMENT}=true to use the environment variables first for all"
                " settings."
            )


def _merged(
    first: _Source, second: _Source, environment: Mapping[str, str], *, environment_first: bool
) -> Found:
    """Each setting from the first source that has it, but never half an identity of each."""
    values = {name: first.values[name] or second.values[name] for name in SETTINGS}
    for forms in _TWO_FORMS:
        if any(first.values[name] for name in forms):
            values.update({name: first.values[name] for name in forms})
    way = first.way
    if environment_first:
        way = way or next(filter(environment.get, AZURE_CREDENTIALS), None)
    ignored, reason = _ignored(first, second, way, environment_first=environment_first)
    values.update({name: first.values[name] for name in ignored})
    unused = {name: f"{second.places[name]} {reason}" for name in ignored if name in second.places}
    if way and not environment_first:
        unused |= {name: f"{name} {reason}" for name in AZURE_SECRETS if environment.get(name)}
        environment = {
            name: value for name, value in environment.items() if name not in AZURE_SECRETS
        }
    return Found(values, environment, unused, environment_alone=environment_first and bool(way))


def _ignored(
    first: _Source, second: _Source, way: str | None, *, environment_first: bool
) -> tuple[tuple[str, ...], str]:
    """The settings of the second source that do not count, and the reason.

    `way` is the place of the setting with which the first source chooses a way to sign in.
    """
    if way:
        names = _IDENTITY if environment_first else _SETTINGS_OF_WAYS
        reason = f"is not used, because {way} is set"
    elif stray := _of_another_client(first, second):
        names, reason = CREDENTIALS, f"is not used, because {stray}"
    else:
        return (), ""
    # A password belongs to the certificate beside it.
    if any(second.values[name] for name in CERTIFICATES if name in names):
        names = (*names, "clientCertificatePassword")
    return names, reason


def _of_another_client(first: _Source, second: _Source) -> str:
    """The reason why the second source's credential is not for the first one's client, or ""."""
    client, place = second.client_id
    # AZURE_CLIENT_ID belongs to the AZURE_ credentials, which come last.
    if client and not place.startswith("AZURE_"):
        ours, our_place = first.client_id
        return f"{place} names another client than {our_place}" if ours not in ("", client) else ""
    tenant, place = second.tenant_id
    ours, our_place = first.tenant_id
    if tenant and not place.startswith("AZURE_") and ours not in ("", tenant):
        return f"{place} names another tenant than {our_place}"
    return ""


def how_to_set(name: str, *, environment_alone: bool = False) -> str:
    """Where to set a setting, for an error."""
    if environment_alone:
        return f"an environment variable: {', '.join(variables(name))}"
    option = "--secret " if SETTINGS[name].secret else ""
    own, *shared = stack_keys(name)
    shared_keys = f", the stack configuration {shared[0]}" if shared else ""
    return (
        f"`pulumi config set {option}{own} …`{shared_keys}"
        f" or an environment variable: {', '.join(variables(name))}"
    )


def _read_files(values: dict[str, str], problems: Problems) -> None:
    """Replace what clientIdFilePath and clientSecretFilePath name by what the files hold."""
    for name in ("clientId", "clientSecret"):
        if not (path := values[f"{name}FilePath"]):
            continue
        content = text_of_file(path, f"{name}FilePath", problems)
        if content and values[name] not in ("", content):
            problems.conflict(
                f"{name}FilePath: the file holds another value than {name}. Set one of them."
            )
        values[name] = content
