from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
from pulumi_entra_provisioning.errors import SettingsError
from pulumi_entra_provisioning.identity.clouds import CLOUDS
from pulumi_entra_provisioning.identity.identities import (
    AzurePipelines,
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
from pulumi_entra_provisioning.identity.settings import Settings, settings

CLIENT_ID = "00000000-0000-4000-8000-0000000c11e0"
CLIENT = {"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": CLIENT_ID}
SECRET = {**CLIENT, "ARM_CLIENT_SECRET": "s"}
CERTIFICATE = {**CLIENT, "ARM_CLIENT_CERTIFICATE": "QUJD"}
OIDC = {**CLIENT, "ARM_USE_OIDC": "true"}
TOKEN = {**OIDC, "ARM_OIDC_TOKEN": "i"}
REQUEST = {**OIDC, "ARM_OIDC_REQUEST_URL": "https://r", "ARM_OIDC_REQUEST_TOKEN": "r"}
PIPELINE = {**REQUEST, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "sc"}
MANAGED = {"ARM_USE_MSI": "true"}
FIRST = {SETTINGS_FROM_ENVIRONMENT: "true"}
ENDPOINTS = ("graphEndpoint", "authorityHost", "caFile")


def found(stack: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    return settings(stack.get, environment)


def problems(environment: Mapping[str, str], stack: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        found(stack or {}, environment)
    return "\n".join(problem.text for problem in caught.value.problems)


# Where a setting stands


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


def test_every_setting_is_looked_at_below() -> None:
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
        # An endpoint that stands in both is refused: see below.
        environment = rest if name in ENDPOINTS and place in stack_keys(name) else everywhere
        assert shown(found(everywhere, environment)) == expected
        del given[place]


@pytest.mark.parametrize("name", SHOWN)
def test_a_setting_comes_from_the_environment_first_where_that_is_set(
    name: str, tmp_path: Path
) -> None:
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


@pytest.mark.parametrize("said", ["1", "T", "True", "TRUE", "true"])
def test_a_flag_is_true_in_every_form_that_pulumi_azuread_takes(said: str) -> None:
    assert found({}, {"ARM_USE_MSI": said}).identity == ManagedIdentity("")


def test_white_space_around_a_value_is_not_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    chosen = found({}, {**CLIENT, "ARM_CLIENT_SECRET_FILE_PATH": str(tmp_path / "secret")})
    assert chosen.identity == ClientSecret("s3cret")
    padded = {"azuread:clientSecret": " ", "azuread:clientId": f" {CLIENT_ID} "}
    assert found(padded, SECRET).client_id == CLIENT_ID
    assert found(padded, SECRET).identity == ClientSecret("s")


# Which identity

AZURE = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": "of-azure"}


def test_the_identities_come_in_the_order_of_pulumi_azuread() -> None:
    order: list[tuple[object, dict[str, str]]] = [
        (ClientCertificate("", "QUJD", ""), CERTIFICATE),
        (ClientSecret("s"), SECRET),
        (OidcToken("i"), TOKEN),
        (AzurePipelines("sc", "https://r", "r"), PIPELINE),
        (GitHubActions("https://r", "r"), REQUEST),
        (ManagedIdentity(""), {**CLIENT, **MANAGED}),
        (ClientSecret("of-azure"), {**CLIENT, **AZURE}),
        (SignedIn(developer=True), CLIENT),
    ]
    for first, (identity, _) in enumerate(order):
        everything: dict[str, str] = {}
        for _, configured in order[first:]:
            everything.update(configured)
        chosen = found({}, everything)
        assert chosen.identity == identity
        assert len(chosen.passed_over) == first


def test_the_certificate_given_as_text_comes_before_the_path_of_one() -> None:
    both = {**CERTIFICATE, "ARM_CLIENT_CERTIFICATE_PATH": "/no/such/file"}
    assert found({}, both).identity == ClientCertificate("", "QUJD", "")


def test_the_password_of_a_certificate_keeps_its_white_space() -> None:
    locked = {**CERTIFICATE, "ARM_CLIENT_CERTIFICATE_PASSWORD": " p "}
    assert found({}, locked).identity == ClientCertificate("", "QUJD", " p ")


def test_what_is_not_configured_is_passed_over_with_what_is_missing() -> None:
    chosen = found({}, {"ARM_USE_OIDC": "true", "ARM_CLIENT_ID": CLIENT_ID})
    assert chosen.identity == SignedIn(developer=True)
    assert chosen.passed_over == (
        "client certificate: clientCertificatePath or clientCertificate and tenantId are not set",
        "client secret: clientSecret or clientSecretFilePath and tenantId are not set",
        "OpenID Connect token: oidcToken or oidcTokenFilePath and tenantId are not set",
        "Azure Pipelines: adoPipelineServiceConnectionId, oidcRequestUrl, oidcRequestToken and"
        " tenantId are not set",
        "GitHub Actions: oidcRequestUrl, oidcRequestToken and tenantId are not set",
        "managed identity: useMsi is not true",
        "AZURE_ variables: AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_SECRET and"
        " AZURE_FEDERATED_TOKEN_FILE are not set",
    )
    assert found({}, {"ARM_USE_MSI": "true"}).passed_over[2] == (
        "OpenID Connect token: neither useOidc nor useAksWorkloadIdentity is true"
    )


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("ARM_CLIENT_SECRET", "clientSecret"),
        ("ARM_CLIENT_CERTIFICATE", "clientCertificate"),
        ("ARM_CLIENT_CERTIFICATE_PATH", "clientCertificatePath"),
        ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
    ],
)
def test_a_credential_without_its_client_is_reported_with_the_places_of_what_is_missing(
    variable: str, setting: str
) -> None:
    reported = problems({variable: "pl4nted"})
    for name in ("tenantId", "clientId"):
        assert (
            f"{name}: not set, but {setting} is. Set it with `pulumi config set"
            f" entra-provisioning:{name} …`, the stack configuration azuread:{name} or an"
            " environment variable: ENTRA_PROVISIONING_"
        ) in reported
    assert "pl4nted" not in reported
    managed = found({}, {variable: "pl4nted", **MANAGED})
    assert managed.identity == ManagedIdentity("")


def test_the_jobs_of_two_services_are_known_by_their_own_variables() -> None:
    github = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://g",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "g",
    }
    azure = {
        "SYSTEM_OIDCREQUESTURI": "https://a",
        "SYSTEM_ACCESSTOKEN": "a",
        "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "sc",
    }
    assert found({}, {**OIDC, **github}).identity == GitHubActions("https://g", "g")
    assert found({}, {**OIDC, **azure}).identity == AzurePipelines("sc", "https://a", "a")
    assert found({}, {**CLIENT, **github, **azure}).identity == SignedIn(developer=True)


def test_workload_identity_takes_the_file_that_kubernetes_names(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("i")
    named = {**CLIENT, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    of_kubernetes = OidcToken("", str(tmp_path / "token"))
    workload = {**named, "ARM_USE_AKS_WORKLOAD_IDENTITY": "true"}
    assert found({}, workload).identity == of_kubernetes
    assert len(found({}, workload).passed_over) == 2
    # Without the flag after all that pulumi-azuread knows, such as the job that it runs in.
    assert found({}, named).identity == of_kubernetes
    assert found({}, {**named, **REQUEST}).identity == GitHubActions("https://r", "r")
    own = {**workload, "ARM_OIDC_TOKEN_FILE_PATH": __file__}
    assert found({}, own).identity == OidcToken("", __file__)


def test_a_token_that_is_not_to_be_used_is_not_missed(tmp_path: Path) -> None:
    assert found({}, {"ARM_OIDC_TOKEN": "left over"}).identity == SignedIn(developer=True)


def test_a_secret_of_azure_variables_is_for_the_client_that_they_name() -> None:
    another = CLIENT_ID.replace("c11e0", "c11e1")
    other = found({"azuread:clientId": another}, AZURE)
    assert other.identity == SignedIn(developer=True)
    assert (
        "AZURE_ variables: AZURE_CLIENT_ID names another client than clientId" in other.passed_over
    )
    assert found({"azuread:clientId": CLIENT_ID}, AZURE).identity == ClientSecret("of-azure")
    assert found({"azuread:clientId": CLIENT_ID.upper()}, AZURE).identity == ClientSecret(
        "of-azure"
    )
    unnamed = {**AZURE, "AZURE_CLIENT_ID": ""}
    assert found({"azuread:clientId": CLIENT_ID}, unnamed).identity == ClientSecret("of-azure")


def test_a_secret_of_azure_variables_is_not_sent_to_another_cloud_than_theirs() -> None:
    of_government = {**AZURE, "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/"}
    assert "environment: AZURE_AUTHORITY_HOST belongs to another cloud" in problems(of_government)
    chosen = found({"azuread:environment": "usgovernment"}, of_government)
    assert chosen.authority_host == "https://login.microsoftonline.us"
    without_scheme = {**AZURE, "AZURE_AUTHORITY_HOST": "login.microsoftonline.com"}
    assert found({}, without_scheme).identity == ClientSecret("of-azure")
    assert found({}, {**of_government, **SECRET}).identity == ClientSecret("s")


def test_a_certificate_of_azure_variables_comes_before_their_secret() -> None:
    password = {"AZURE_CLIENT_CERTIFICATE_PASSWORD": "p"}
    chosen = found({}, {**AZURE, **password, "AZURE_CLIENT_CERTIFICATE_PATH": __file__})
    assert chosen.identity == ClientCertificate(__file__, "", "p")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:40342", "http://127.0.0.1:40342/metadata/identity/oauth2/token"]
)
def test_the_endpoint_of_managed_identities_is_given_with_or_without_its_path(url: str) -> None:
    chosen = found({}, {**MANAGED, "ARM_MSI_ENDPOINT": url})
    assert chosen.identity == ManagedIdentity("http://127.0.0.1:40342")


def test_no_person_signs_in_where_the_command_lines_are_not_to_be_used() -> None:
    chosen = found({}, {"ARM_USE_CLI": "false"})
    assert chosen.identity == SignedIn(developer=False)
    assert "Azure CLI, Azure Developer CLI: useCli is false" in chosen.passed_over


def test_a_secret_of_azure_variables_is_for_the_tenant_that_they_name() -> None:
    other = found({"azuread:tenantId": "another"}, AZURE)
    assert other.identity == SignedIn(developer=True)
    assert (
        "AZURE_ variables: AZURE_TENANT_ID names another tenant than tenantId" in other.passed_over
    )
    assert found({"azuread:tenantId": "T"}, AZURE).identity == ClientSecret("of-azure")
    unnamed = {**AZURE, "AZURE_TENANT_ID": ""}
    assert found({"azuread:tenantId": "another"}, unnamed).identity == ClientSecret("of-azure")


# What the stack says and what the environment happens to hold

ANOTHER = CLIENT_ID.replace("c11e0", "c11e1")


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
def test_the_identity_that_the_stack_says_beats_what_the_environment_happens_to_hold(
    stack: dict[str, str], identity: object, stray: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in-a-file")
    named = {name: value.replace("FILE", str(tmp_path / "file")) for name, value in stack.items()}
    if isinstance(identity, ClientCertificate) and identity.path:
        identity = ClientCertificate(str(tmp_path / "file"), "", "")
    of_a_pipeline = {"ARM_OIDC_TOKEN": "i"}
    assert found(named, {**CLIENT, **of_a_pipeline, **stray}).identity == identity


def test_what_of_the_environment_is_not_used_is_reported() -> None:
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


def test_what_a_pipeline_holds_serves_the_way_that_the_stack_says(tmp_path: Path) -> None:
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


REQUESTED = GitHubActions("https://r", "r")


def test_a_secret_of_the_environment_is_for_the_client_that_stands_beside_it(
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
def test_a_production_stack_is_rehearsed_with_the_identity_of_the_environment(
    identity: dict[str, str], given: dict[str, str], chosen: object
) -> None:
    rehearsed = found({**PRODUCTION, **identity}, {**REHEARSAL, **given})
    assert rehearsed.identity == chosen
    assert rehearsed.graph_endpoint == "https://graph.rehearsal"
    assert rehearsed.authority_host == "https://login.rehearsal"
    ours = ("", "") if given is MANAGED else ("t", CLIENT_ID)
    assert (rehearsed.tenant_id, rehearsed.client_id) == ours


def test_half_an_identity_of_the_environment_is_not_filled_up_from_the_stack() -> None:
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


def test_without_an_identity_in_the_environment_the_stacks_serves_there() -> None:
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
def test_an_endpoint_of_the_environment_that_is_not_the_stacks_is_refused(
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


def test_what_is_neither_true_nor_false_is_refused() -> None:
    reported = problems({**SECRET, SETTINGS_FROM_ENVIRONMENT: "perhaps"})
    assert reported == f"{SETTINGS_FROM_ENVIRONMENT}: must be true or false."
    off = {SETTINGS_FROM_ENVIRONMENT: "False", "ARM_TENANT_ID": "other"}
    assert found({"azuread:tenantId": "t"}, off).tenant_id == "t"


# Clouds


@pytest.mark.parametrize(
    ("names", "authority_host", "graph_endpoint"),
    [
        ("global public", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        (
            "usgovernmentl4 usgovernment",
            "https://login.microsoftonline.us",
            "https://graph.microsoft.us",
        ),
        (
            "usgovernmentl5 dod",
            "https://login.microsoftonline.us",
            "https://dod-graph.microsoft.us",
        ),
        ("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_a_cloud_has_its_authority_its_endpoint_and_its_scope(
    names: str, authority_host: str, graph_endpoint: str
) -> None:
    for name in names.split():
        chosen = found({"azuread:environment": name.upper()}, SECRET)
        assert chosen.cloud == names.split()[0]
        assert chosen.authority_host == authority_host
        assert chosen.graph_endpoint == graph_endpoint
        assert chosen.scope == f"{graph_endpoint}/.default"


def test_the_endpoints_can_be_overridden_and_keep_the_clouds_name() -> None:
    overrides = {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": "https://graph.test:8443/",
        "ENTRA_PROVISIONING_AUTHORITY_HOST": "https://login.test",
    }
    chosen = found({}, {**SECRET, **overrides})
    assert (chosen.graph_endpoint, chosen.authority_host, chosen.cloud) == (
        "https://graph.test:8443",
        "https://login.test",
        "global",
    )
    assert chosen.scope == "https://graph.test:8443/.default"


# What is wrong


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ARM_ENVIRONMENT", "moon", "environment: unknown cloud. Use one of"),
        (
            "ENTRA_PROVISIONING_GRAPH_ENDPOINT",
            "http://graph.test",
            "graphEndpoint: must be an https",
        ),
        ("ENTRA_PROVISIONING_GRAPH_ENDPOINT", "https://graph.test/v1.0", "graphEndpoint: must be"),
        ("ENTRA_PROVISIONING_AUTHORITY_HOST", "https://u@login.test", "authorityHost: must be"),
        ("ENTRA_PROVISIONING_AUTHORITY_HOST", "https://login.test:x", "authorityHost: must be"),
        ("ENTRA_PROVISIONING_CA_FILE", __file__, "caFile: the file has no PEM certificates"),
        ("ARM_CLIENT_CERTIFICATE", "pl4nted!", "clientCertificate: not Base64"),
        (
            "ARM_CLIENT_SECRET_FILE_PATH",
            "EMPTY",
            "clientSecretFilePath: the file is empty. Give the",
        ),
        (
            "ARM_CLIENT_SECRET_FILE_PATH",
            __file__,
            "clientSecretFilePath: the file holds another value",
        ),
        ("ARM_CLIENT_ID_FILE_PATH", __file__, "clientIdFilePath: the file holds another value"),
        ("ARM_TENANT_ID", "a tenant", "tenantId: must be the tenant's GUID"),
        ("ARM_TENANT_ID", "a_b", "tenantId: must be the tenant's GUID"),
        ("ARM_CLIENT_ID", "abc8Q~pl4nted", "clientId: must be the application (client) id, a GUID"),
        ("ARM_TENANT_ID", "consumers", "tenantId: personal Microsoft accounts cannot"),
        (
            "ARM_TENANT_ID",
            "9188040D-6c67-4c5b-b112-36a304b66dad",
            "tenantId: personal Microsoft accounts cannot authorize provisioning.",
        ),
    ],
)
def test_an_unusable_setting_is_reported_by_name(
    name: str, value: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text(" \n")
    reported = problems({**SECRET, name: value.replace("EMPTY", str(tmp_path / "empty"))})
    assert said in reported
    assert "pl4nted" not in reported


@pytest.mark.parametrize(
    ("others", "name", "value", "said"),
    [
        (
            TOKEN,
            "ARM_OIDC_TOKEN_FILE_PATH",
            __file__,
            "oidcTokenFilePath: the file holds another token",
        ),
        (REQUEST, "ARM_OIDC_REQUEST_URL", "http://r", "oidcRequestUrl: must be an https URL"),
        (PIPELINE, "ARM_OIDC_REQUEST_URL", "http://r", "oidcRequestUrl: must be an https URL"),
        (REQUEST, "ARM_OIDC_REQUEST_URL", "https://", "oidcRequestUrl: must be an https URL"),
        (REQUEST, "ARM_OIDC_REQUEST_URL", "https://h:99999/", "oidcRequestUrl: must be an https"),
        (MANAGED, "ARM_MSI_ENDPOINT", "http://host/path", "msiEndpoint: must be the URL of a host"),
        (MANAGED, "ARM_USE_MSI", "perhaps", "useMsi: must be true or false."),
        ({}, "ARM_USE_CLI", "no", "useCli: must be true or false."),
    ],
)
def test_an_unusable_setting_of_an_identity_is_reported_by_name(
    others: dict[str, str], name: str, value: str, said: str
) -> None:
    assert said in problems({**others, name: value})


@pytest.mark.parametrize(
    ("others", "name", "setting"),
    [
        ({}, "ARM_CLIENT_ID_FILE_PATH", "clientIdFilePath"),
        ({}, "ARM_CLIENT_SECRET_FILE_PATH", "clientSecretFilePath"),
        ({}, "ARM_CLIENT_CERTIFICATE_PATH", "clientCertificatePath"),
        (OIDC, "ARM_OIDC_TOKEN_FILE_PATH", "oidcTokenFilePath"),
        (
            {**CLIENT, "ARM_USE_AKS_WORKLOAD_IDENTITY": "true"},
            "AZURE_FEDERATED_TOKEN_FILE",
            "oidcTokenFilePath",
        ),
        (CLIENT, "AZURE_FEDERATED_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"),
        (CLIENT, "AZURE_CLIENT_CERTIFICATE_PATH", "clientCertificatePath"),
        (SECRET, "ENTRA_PROVISIONING_CA_FILE", "caFile"),
    ],
)
def test_a_file_that_is_none_is_refused_at_once(
    others: dict[str, str], name: str, setting: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    others = {**(others or CLIENT)}
    if name == "ARM_CLIENT_ID_FILE_PATH":
        del others["ARM_CLIENT_ID"]
    for path, reason in (
        (str(tmp_path / "fifo"), "the path is not a regular file"),
        (str(tmp_path), "the path is not a regular file"),
        ("/dev/zero", "the path is not a regular file"),
        (str(tmp_path / "huge"), "the file is larger than 1048576 bytes"),
        ("/no/such/file", "the file cannot be read (No such file or directory)"),
    ):
        reported = problems({**others, name: path})
        assert f"{setting}: {reason}. Give the path of a " in reported
        assert path not in reported


HOSTS = (
    "https://:pw@host",
    "https://u:pw@host",
    "https://@host",
    "https://host#",
    "https://host#x",
    "https://host?",
    "https://host?x",
    "https://ho\nst",
    "https://ho st",
    "https://host\\@other",
    "https://host:",
    "https://host:0",
    "https://host:65536",
    "https://",
    "https:///path",
    "https:host",
    "//host",
    "ftp://host",
    "http://host",
)


@pytest.mark.parametrize("url", HOSTS)
@pytest.mark.parametrize("name", ["graphEndpoint", "authorityHost"])
def test_an_endpoint_is_a_host_alone(name: str, url: str) -> None:
    reported = problems(SECRET, {f"entra-provisioning:{name}": url})
    assert reported.startswith(f"{name}: must be an https URL of a host alone, such as https://")
    assert "pw" not in reported


@pytest.mark.parametrize("url", [url for url in HOSTS if "?" not in url])
def test_an_url_that_is_asked_for_a_token_has_no_password_in_it(url: str) -> None:
    reported = problems({**REQUEST, "ARM_OIDC_REQUEST_URL": url})
    assert "oidcRequestUrl: must be an https URL" in reported


@pytest.mark.parametrize(
    "url", ["https://host", "HTTPS://host:8443/", "https://[::1]:1", "https://a-b.c_d.test"]
)
def test_a_host_of_every_form_is_an_endpoint(url: str) -> None:
    assert found({"entra-provisioning:graphEndpoint": url}, SECRET).graph_endpoint == url.rstrip(
        "/"
    )


@pytest.mark.parametrize("place", ["azuread:metadataHost", "ARM_METADATA_HOSTNAME"])
def test_a_cloud_that_only_pulumi_azuread_finds_is_not_taken_for_the_global_one(
    place: str,
) -> None:
    configured = {**SECRET, place: "management.azure.example"}
    with pytest.raises(SettingsError, match="metadataHost: only pulumi-azuread reads it"):
        found(configured, configured)
    configured["entra-provisioning:graphEndpoint"] = "https://graph.example"
    with pytest.raises(SettingsError, match="metadataHost: only pulumi-azuread reads it"):
        found(configured, configured)
    configured["entra-provisioning:authorityHost"] = "https://login.example"
    assert found(configured, configured).graph_endpoint == "https://graph.example"


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    reported = problems({**SECRET, "ARM_ENVIRONMENT": "moon", "ENTRA_PROVISIONING_CA_FILE": "/no"})
    assert "environment: " in reported
    assert "caFile: " in reported


def test_the_places_of_what_is_wrong_are_reported() -> None:
    reported = problems({**SECRET, "ARM_ENVIRONMENT": "moon"})
    assert "`pulumi config set entra-provisioning:environment …`" in reported
    assert "azuread:environment" in reported
    assert "ENTRA_PROVISIONING_ENVIRONMENT, ARM_ENVIRONMENT" in reported


@pytest.mark.parametrize("name", ["ARM_CLIENT_CERTIFICATE_PATH", "ENTRA_PROVISIONING_CA_FILE"])
def test_a_file_whose_content_is_given_for_its_path_is_reported_without_it(name: str) -> None:
    reported = problems({**SECRET, name: "-----BEGIN PRIVATE KEY-----\n" + "pl4nted" * 200})
    assert "the file cannot be read (File name too long)" in reported
    assert "pl4nted" not in reported


@pytest.mark.parametrize(
    ("configured", "secrets"),
    [
        (SECRET, ("s",)),
        ({**CERTIFICATE, "ARM_CLIENT_CERTIFICATE_PASSWORD": "pw5"}, ("QUJD", "pw5")),
        ({**TOKEN, "ARM_OIDC_TOKEN": "pl4nted"}, ("pl4nted",)),
        ({**PIPELINE, "ARM_OIDC_REQUEST_TOKEN": "pl4nted"}, ("https://r", "pl4nted")),
        ({**REQUEST, "ARM_OIDC_REQUEST_TOKEN": "pl4nted"}, ("https://r", "pl4nted")),
        (MANAGED, ()),
    ],
)
def test_settings_know_their_secrets_and_show_none(
    configured: dict[str, str], secrets: tuple[str, ...]
) -> None:
    chosen = found({}, configured)
    assert chosen.secrets == secrets
    assert not any(f"'{secret}'" in repr(chosen) for secret in secrets)
