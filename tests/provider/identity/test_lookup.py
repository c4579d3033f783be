"""Which place each setting comes from, and which places are ignored."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from pulumi_entra_provisioning.identity.clouds import CLOUDS
from pulumi_entra_provisioning.identity.identities import (
    ClientCertificate,
    ClientSecret,
    GitHubActions,
    ManagedIdentity,
    OidcToken,
    SignedIn,
)
from pulumi_entra_provisioning.identity.lookup import (
    SETTINGS,
    SETTINGS_FROM_ENVIRONMENT,
    stack_keys,
    variables,
)
from support.settings import (
    ANOTHER,
    AZURE,
    CERTIFICATE,
    CLIENT,
    CLIENT_ID,
    FIRST,
    MANAGED,
    OIDC,
    REQUEST,
    SECRET,
    TOKEN,
    found,
    problems,
)

ENDPOINTS = ("graphEndpoint", "authorityHost", "caFile")


def text(number: int, _: Path) -> str:
    return f"value-{number}"


def guid(number: int, _: Path) -> str:
    return f"0000000{number}-0000-4000-8000-0000000c11e0"


def url(number: int, _: Path) -> str:
    return f"https://number-{number}.test"


def encoded(number: int, _: Path) -> str:
    return base64.b64encode(f"number {number}".encode()).decode()


def cloud(number: int, _: Path) -> str:
    return list(CLOUDS)[number]


def file(number: int, folder: Path) -> str:
    (folder / str(number)).write_text(f"value-{number}")
    return str(folder / str(number))


def guid_file(number: int, folder: Path) -> str:
    (folder / str(number)).write_text(guid(number, folder))
    return str(folder / str(number))


def bundle(number: int, folder: Path) -> str:
    trustme.CA().cert_pem.write_to_path(str(folder / str(number)))
    return str(folder / str(number))


# Setting → what else has to be set for it to count, the values that it takes, where they show.
SHOWN: dict[str, tuple[dict[str, str], Callable[[int, Path], str], Callable[[Any], str]]] = {
    "tenantId": (SECRET, text, lambda chosen: chosen.tenant_id),
    "clientId": (SECRET, guid, lambda chosen: chosen.client_id),
    "clientIdFilePath": (SECRET, guid_file, lambda chosen: chosen.client_id),
    "clientCertificate": (CLIENT, encoded, lambda chosen: chosen.identity.base64),
    "clientCertificatePath": (CLIENT, file, lambda chosen: chosen.identity.path),
    "clientCertificatePassword": (CERTIFICATE, text, lambda chosen: chosen.identity.password),
    "clientSecret": (CLIENT, text, lambda chosen: chosen.identity.value),
    "clientSecretFilePath": (CLIENT, file, lambda chosen: chosen.identity.value),
    "oidcToken": (OIDC, text, lambda chosen: chosen.identity.value),
    "oidcTokenFilePath": (OIDC, file, lambda chosen: chosen.identity.path),
    "adoPipelineServiceConnectionId": (
        REQUEST,
        text,
        lambda chosen: chosen.identity.service_connection_id,
    ),
    "oidcRequestUrl": (REQUEST, url, lambda chosen: chosen.identity.request_url),
    "oidcRequestToken": (REQUEST, text, lambda chosen: chosen.identity.request_token),
    "msiEndpoint": (MANAGED, url, lambda chosen: chosen.identity.host),
    "environment": (SECRET, cloud, lambda chosen: chosen.cloud),
    "graphEndpoint": (SECRET, url, lambda chosen: chosen.graph_endpoint),
    "authorityHost": (SECRET, url, lambda chosen: chosen.authority_host),
    "caFile": (SECRET, bundle, lambda chosen: chosen.ca_file),
}


# Setting → what else has to be set for it to count, what signs in where it is true.
FLAGS: dict[str, tuple[dict[str, str], object]] = {
    "useOidc": (TOKEN, OidcToken("i")),
    "useAksWorkloadIdentity": ({**TOKEN, "ARM_USE_OIDC": ""}, OidcToken("i")),
    "useMsi": ({}, ManagedIdentity("")),
    "useCli": ({}, SignedIn(developer=True)),
}


OF_AZURE_IDENTITY = {
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
}


def places(name: str) -> list[str]:
    return [*stack_keys(name), *(v for v in variables(name) if v not in OF_AZURE_IDENTITY)]


def test_every_setting_has_a_case() -> None:
    assert {*SHOWN, *FLAGS} == set(SETTINGS)


@pytest.mark.parametrize("name", SHOWN)
def test_a_setting_comes_from_the_first_place_that_has_it(name: str, tmp_path: Path) -> None:
    others, values, shown = SHOWN[name]
    rest = {place: given for place, given in others.items() if place not in places(name)}
    given = {place: values(number % 4, tmp_path) for number, place in enumerate(places(name))}
    for place in places(name):
        expected = given[place]
        if name in ("clientIdFilePath", "clientSecretFilePath"):
            expected = Path(expected).read_text()
            rest.pop("ARM_CLIENT_ID" if name == "clientIdFilePath" else "", None)
        everywhere = {**rest, **given}
        # Different endpoints in both are refused: see below.
        environment = rest if name in ENDPOINTS and place in stack_keys(name) else everywhere
        assert shown(found(everywhere, environment)) == expected
        del given[place]


@pytest.mark.parametrize("name", SHOWN)
def test_settings_from_environment_puts_the_environment_first(name: str, tmp_path: Path) -> None:
    others, values, shown = SHOWN[name]
    here = [place for place in places(name) if place in variables(name)]
    order = [*here, *stack_keys(name)]
    rest = {place: given for place, given in others.items() if place not in order}
    given = {place: values(number % 4, tmp_path) for number, place in enumerate(order)}
    for place in order if name in (*ENDPOINTS, "environment") else here:
        expected = given[place]
        if name in ("clientIdFilePath", "clientSecretFilePath"):
            expected = Path(expected).read_text()
            rest.pop("ARM_CLIENT_ID" if name == "clientIdFilePath" else "", None)
        everywhere = {**rest, **given}
        assert shown(found(everywhere, {**everywhere, **FIRST})) == expected
        del given[place]


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_comes_from_the_first_place_that_has_it(name: str) -> None:
    others, identity = FLAGS[name]
    rest = {place: given for place, given in others.items() if place not in places(name)}
    left = places(name)
    while left:
        first, *later = left
        for said, opposite in (("true", "false"), ("false", "true")):
            everywhere = {**rest, **dict.fromkeys(later, opposite), first: said}
            assert (found(everywhere, everywhere).identity == identity) is (said == "true")
        left = later


def test_white_space_around_a_value_is_removed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    chosen = found({}, {**CLIENT, "ARM_CLIENT_SECRET_FILE_PATH": str(tmp_path / "secret")})
    assert chosen.identity == ClientSecret("s3cret")
    padded = {"azuread:clientSecret": " ", "azuread:clientId": f" {CLIENT_ID} "}
    assert found(padded, SECRET).client_id == CLIENT_ID
    assert found(padded, SECRET).identity == ClientSecret("s")


@pytest.mark.parametrize(
    ("stack", "identity"),
    [
        ({"entra-provisioning:useOidc": "true"}, OidcToken("i")),
        ({"azuread:useOidc": "true"}, OidcToken("i")),
        ({"azuread:useAksWorkloadIdentity": "true"}, OidcToken("i")),
        ({"azuread:useMsi": "true"}, ManagedIdentity("")),
        ({"azuread:clientSecret": "of-the-stack"}, ClientSecret("of-the-stack")),
        ({"azuread:clientCertificate": "QUJD"}, ClientCertificate("", "QUJD", "")),
        ({"azuread:clientSecretFilePath": "FILE"}, ClientSecret("in-a-file")),
        ({"azuread:clientCertificatePath": "FILE"}, ClientCertificate("FILE", "", "")),
    ],
)
@pytest.mark.parametrize(
    "stray",
    [
        {"ARM_CLIENT_SECRET": "stray"},
        {"ENTRA_PROVISIONING_CLIENT_SECRET_FILE_PATH": __file__},
        {"ARM_CLIENT_CERTIFICATE": "stray", "ARM_CLIENT_CERTIFICATE_PASSWORD": "of-it"},
        {"ARM_CLIENT_CERTIFICATE_PATH": __file__, "ARM_CLIENT_CERTIFICATE_PASSWORD": "of-it"},
        {"ARM_USE_OIDC": "true", "ARM_USE_MSI": "true"},
        AZURE,
        {"AZURE_CLIENT_CERTIFICATE_PATH": __file__},
    ],
)
def test_an_identity_of_the_stack_wins_over_one_in_the_environment(
    stack: dict[str, str], identity: object, stray: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in-a-file")
    named = {name: value.replace("FILE", str(tmp_path / "file")) for name, value in stack.items()}
    if isinstance(identity, ClientCertificate) and identity.path:
        identity = ClientCertificate(str(tmp_path / "file"), "", "")
    of_a_pipeline = {"ARM_OIDC_TOKEN": "i"}
    assert found(named, {**CLIENT, **of_a_pipeline, **stray}).identity == identity


def test_ignored_environment_variables_are_reported() -> None:
    stack = {"entra-provisioning:useOidc": "true"}
    stray = {"ARM_CLIENT_SECRET": "pl4nted", "ARM_USE_MSI": "true", "AZURE_CLIENT_SECRET": "p"}
    chosen = found(stack, {**CLIENT, **stray})
    assert chosen.identity == SignedIn(developer=True)
    why = "is not used, because entra-provisioning:useOidc is set"
    for line in (
        f"client secret: ARM_CLIENT_SECRET {why}",
        f"managed identity: ARM_USE_MSI {why}",
        f"AZURE_ variables: AZURE_CLIENT_SECRET {why}",
    ):
        assert line in chosen.passed_over
    chosen = found({"azuread:clientSecret": "s"}, {"ARM_CLIENT_SECRET": "p", **CLIENT})
    assert chosen.identity == ClientSecret("s")
    lacking = found(
        {"azuread:clientSecret": "s", "azuread:useMsi": "true"}, {**SECRET, "ARM_CLIENT_ID": ""}
    )
    assert "client secret: clientId is not set" in lacking.passed_over


REQUESTED = GitHubActions("https://r", "r")


def test_the_stack_selects_the_identity_and_the_pipeline_provides_its_credential(
    tmp_path: Path,
) -> None:
    stack = {"azuread:useOidc": "true", "azuread:clientId": CLIENT_ID, "azuread:tenantId": "t"}
    (tmp_path / "token").write_text("i")
    for held, identity in (
        ({"ARM_OIDC_REQUEST_URL": "https://r", "ARM_OIDC_REQUEST_TOKEN": "r"}, REQUESTED),
        ({"ARM_OIDC_TOKEN": "i"}, OidcToken("i")),
        (
            {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")},
            OidcToken("", str(tmp_path / "token")),
        ),
    ):
        assert found(stack, held).identity == identity
    locked = {"ARM_CLIENT_CERTIFICATE_PASSWORD": "of-it"}
    certificate = {**stack, "azuread:useOidc": "", "azuread:clientCertificate": "QUJD"}
    assert found(certificate, locked).identity == ClientCertificate("", "QUJD", "of-it")


def test_a_credential_in_the_environment_is_used_only_for_its_own_client_and_tenant(
    tmp_path: Path,
) -> None:
    (tmp_path / "id").write_text(f"{ANOTHER}\n")
    for credential in (
        {"ARM_CLIENT_SECRET": "s"},
        {"ARM_CLIENT_SECRET_FILE_PATH": __file__},
        {"ARM_CLIENT_CERTIFICATE": "QUJD"},
    ):
        (variable,) = credential
        for beside, setting, noun in (
            ({"ARM_CLIENT_ID": ANOTHER}, "clientId", "client"),
            ({"ARM_CLIENT_ID_FILE_PATH": str(tmp_path / "id")}, "clientId", "client"),
            ({"ENTRA_PROVISIONING_TENANT_ID": "another"}, "tenantId", "tenant"),
        ):
            stack = {"azuread:clientId": CLIENT_ID, "azuread:tenantId": "t"}
            (place,) = beside
            chosen = found(stack, {**credential, **beside})
            assert chosen.identity == SignedIn(developer=True)
            assert (
                f"{variable} is not used, because {place} names another {noun}"
                f" than azuread:{setting}" in "\n".join(chosen.passed_over)
            )
    # The same client may be called in another tenant than the one that the environment names.
    elsewhere = found({"azuread:tenantId": "elsewhere"}, SECRET)
    assert (elsewhere.identity, elsewhere.tenant_id) == (ClientSecret("s"), "elsewhere")
    same = {"azuread:clientId": CLIENT_ID.upper(), "azuread:tenantId": "elsewhere"}
    assert found(same, SECRET).identity == ClientSecret("s")
    named_by_azure = {"AZURE_CLIENT_ID": ANOTHER, "ARM_CLIENT_SECRET": "s"}
    assert found(same, named_by_azure).identity == ClientSecret("s")


PRODUCTION = {
    "azuread:tenantId": "production",
    "azuread:clientId": ANOTHER,
    "azuread:environment": "usgovernment",
    "entra-provisioning:graphEndpoint": "https://graph.production",
    "entra-provisioning:authorityHost": "https://login.production",
}


REHEARSAL = {
    **FIRST,
    "ENTRA_PROVISIONING_GRAPH_ENDPOINT": "https://graph.rehearsal",
    "ENTRA_PROVISIONING_AUTHORITY_HOST": "https://login.rehearsal",
}


@pytest.mark.parametrize(
    "identity",
    [
        {"azuread:clientSecret": "of-production"},
        {"azuread:clientSecretFilePath": "/no/such/file"},
        {"azuread:clientIdFilePath": "/no/such/file"},
        {"azuread:clientCertificatePath": "/no/such/file"},
        {"azuread:clientCertificate": "QUJD", "azuread:clientCertificatePassword": "p"},
        {"azuread:useOidc": "true", "azuread:oidcToken": "i"},
        {"azuread:useOidc": "true", "azuread:oidcRequestUrl": "https://r"},
        {"azuread:useMsi": "true", "azuread:msiEndpoint": "http://host"},
        {"azuread:useAksWorkloadIdentity": "true"},
        {"azuread:metadataHost": "management.azure.example", "azuread:useCli": "perhaps"},
    ],
)
@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (AZURE, ClientSecret("of-azure")),
        (SECRET, ClientSecret("s")),
        (TOKEN, OidcToken("i")),
        (MANAGED, ManagedIdentity("")),
    ],
)
def test_settings_from_environment_replaces_the_identity_of_the_stack(
    identity: dict[str, str], given: dict[str, str], chosen: object
) -> None:
    rehearsed = found({**PRODUCTION, **identity}, {**REHEARSAL, **given})
    assert rehearsed.identity == chosen
    assert rehearsed.graph_endpoint == "https://graph.rehearsal"
    assert rehearsed.authority_host == "https://login.rehearsal"
    ours = ("", "") if given is MANAGED else ("t", CLIENT_ID)
    assert (rehearsed.tenant_id, rehearsed.client_id) == ours


def test_half_an_identity_in_the_environment_is_not_completed_from_the_stack() -> None:
    stack = {**PRODUCTION, "azuread:clientSecret": "of-production"}
    reported = problems({**REHEARSAL, "AZURE_CLIENT_SECRET": "s"}, stack)
    assert (
        "clientId: not set, but AZURE_CLIENT_SECRET is. Set it with an environment variable:"
        " ENTRA_PROVISIONING_CLIENT_ID, ARM_CLIENT_ID, AZURE_CLIENT_ID."
    ) in reported
    other_client = found(stack, {**REHEARSAL, "AZURE_CLIENT_ID": CLIENT_ID})
    assert other_client.identity == SignedIn(developer=True)
    assert (
        "client secret: azuread:clientSecret is not used, because azuread:clientId names another"
        " client than AZURE_CLIENT_ID"
    ) in other_client.passed_over


def test_the_identity_of_the_stack_is_used_if_the_environment_has_none() -> None:
    stack = {**PRODUCTION, "azuread:clientSecret": "of-the-stack"}
    chosen = found(stack, REHEARSAL)
    assert (chosen.client_id, chosen.tenant_id) == (ANOTHER, "production")
    assert chosen.identity == ClientSecret("of-the-stack")
    assert chosen.graph_endpoint == "https://graph.rehearsal"
    pipeline = {"ARM_OIDC_REQUEST_URL": "https://r", "ARM_OIDC_REQUEST_TOKEN": "r"}
    of_pipeline = {**REHEARSAL, **CLIENT, **pipeline}
    chosen = found({**PRODUCTION, "azuread:useOidc": "true"}, of_pipeline)
    assert (chosen.client_id, chosen.identity) == (CLIENT_ID, REQUESTED)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_different_endpoints_in_stack_and_environment_are_refused(
    name: str, tmp_path: Path
) -> None:
    _, values, shown = SHOWN[name]
    ours, theirs = values(0, tmp_path), values(1, tmp_path)
    (place,) = stack_keys(name)
    (variable,) = variables(name)
    reported = problems({**SECRET, variable: theirs}, {place: ours})
    assert reported == (
        f"{name}: {place} in the stack configuration and the environment variable {variable}"
        f" differ. Remove one of them, or set {SETTINGS_FROM_ENVIRONMENT}=true to use the"
        " environment variables first for all settings."
    )
    assert shown(found({place: ours}, {**SECRET, variable: f"{ours}/".rstrip("/")})) == ours
    assert shown(found({place: ours}, {**SECRET, **FIRST, variable: theirs})) == theirs


def test_settings_from_environment_accepts_only_true_or_false() -> None:
    reported = problems({**SECRET, SETTINGS_FROM_ENVIRONMENT: "perhaps"})
    assert reported == f"{SETTINGS_FROM_ENVIRONMENT}: must be true or false."
    off = {SETTINGS_FROM_ENVIRONMENT: "False", "ARM_TENANT_ID": "other"}
    assert found({"azuread:tenantId": "t"}, off).tenant_id == "t"


def test_a_problem_lists_the_places_of_its_setting() -> None:
    reported = problems({**SECRET, "ARM_ENVIRONMENT": "moon"})
    assert "`pulumi config set entra-provisioning:environment …`" in reported
    assert "azuread:environment" in reported
    assert "ENTRA_PROVISIONING_ENVIRONMENT, ARM_ENVIRONMENT" in reported
