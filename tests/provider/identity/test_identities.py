"""Which identity signs in, and why the others are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.identity.identities import (
    AzurePipelines,
    ClientCertificate,
    ClientSecret,
    GitHubActions,
    ManagedIdentity,
    OidcToken,
    SignedIn,
)
from support.settings import (
    AZURE,
    CERTIFICATE,
    CLIENT,
    CLIENT_ID,
    MANAGED,
    OIDC,
    PIPELINE,
    REQUEST,
    SECRET,
    TOKEN,
    found,
    problems,
)
from support.steps import creates, failure


def test_identities_are_tried_in_the_order_of_pulumi_azuread() -> None:
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


def test_an_inline_certificate_wins_over_a_certificate_path() -> None:
    both = {**CERTIFICATE, "ARM_CLIENT_CERTIFICATE_PATH": "/no/such/file"}
    assert found({}, both).identity == ClientCertificate("", "QUJD", "")


def test_the_password_of_a_certificate_keeps_its_white_space() -> None:
    locked = {**CERTIFICATE, "ARM_CLIENT_CERTIFICATE_PASSWORD": " p "}
    assert found({}, locked).identity == ClientCertificate("", "QUJD", " p ")


def test_each_skipped_identity_lists_its_missing_settings() -> None:
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
def test_a_credential_without_client_or_tenant_fails_and_lists_where_to_set_them(
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


def test_github_actions_and_azure_pipelines_are_detected_by_their_variables() -> None:
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


def test_workload_identity_reads_the_token_file_of_kubernetes(tmp_path: Path) -> None:
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


def test_a_token_without_use_oidc_is_ignored(tmp_path: Path) -> None:
    assert found({}, {"ARM_OIDC_TOKEN": "left over"}).identity == SignedIn(developer=True)


def test_an_azure_client_secret_is_used_only_for_its_client() -> None:
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


def test_an_azure_client_secret_is_used_only_for_its_tenant() -> None:
    other = found({"azuread:tenantId": "another"}, AZURE)
    assert other.identity == SignedIn(developer=True)
    assert (
        "AZURE_ variables: AZURE_TENANT_ID names another tenant than tenantId" in other.passed_over
    )
    assert found({"azuread:tenantId": "T"}, AZURE).identity == ClientSecret("of-azure")
    unnamed = {**AZURE, "AZURE_TENANT_ID": ""}
    assert found({"azuread:tenantId": "another"}, unnamed).identity == ClientSecret("of-azure")


def test_an_azure_client_secret_is_used_only_for_its_cloud() -> None:
    of_government = {**AZURE, "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/"}
    assert "environment: AZURE_AUTHORITY_HOST belongs to another cloud" in problems(of_government)
    chosen = found({"azuread:environment": "usgovernment"}, of_government)
    assert chosen.authority_host == "https://login.microsoftonline.us"
    without_scheme = {**AZURE, "AZURE_AUTHORITY_HOST": "login.microsoftonline.com"}
    assert found({}, without_scheme).identity == ClientSecret("of-azure")
    assert found({}, {**of_government, **SECRET}).identity == ClientSecret("s")


def test_an_azure_certificate_wins_over_an_azure_client_secret() -> None:
    password = {"AZURE_CLIENT_CERTIFICATE_PASSWORD": "p"}
    chosen = found({}, {**AZURE, **password, "AZURE_CLIENT_CERTIFICATE_PATH": __file__})
    assert chosen.identity == ClientCertificate(__file__, "", "p")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:40342", "http://127.0.0.1:40342/metadata/identity/oauth2/token"]
)
def test_the_managed_identity_endpoint_can_have_a_path(url: str) -> None:
    chosen = found({}, {**MANAGED, "ARM_MSI_ENDPOINT": url})
    assert chosen.identity == ManagedIdentity("http://127.0.0.1:40342")


def test_use_cli_false_skips_the_command_lines() -> None:
    chosen = found({}, {"ARM_USE_CLI": "false"})
    assert chosen.identity == SignedIn(developer=False)
    assert "Azure CLI, Azure Developer CLI: useCli is false" in chosen.passed_over


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


def test_a_non_ascii_certificate_is_reported(emulator: Emulator) -> None:
    variables = {**emulator.environment, "ARM_CLIENT_CERTIFICATE": "pl4nted-é"}
    assert "clientCertificate: not Base64" in str(failure(variables, creates()))
