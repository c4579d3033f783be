"""Each identity gets a token through azure-identity, against the emulator."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
    Emulator,
)
from entra_emulator.workloads import Workload
from pulumi_entra_provisioning.errors import SettingsError, SignInError
from pulumi_entra_provisioning.identity.lookup import SETTINGS_FROM_ENVIRONMENT
from pulumi_entra_provisioning.identity.settings import Settings
from pulumi_entra_provisioning.identity.tokens import SharedTokenCredential
from support.hostile_server import HTML, StartHostile, github, pipelines, without_secret
from support.settings import found
from support.sign_in import (
    CONNECTION,
    MSI,
    OIDC,
    TENANT,
    USER_ASSIGNED,
    Machine,
    authorized_by,
    claims,
    command,
    issued,
    signed_in,
    token,
    without_identity,
)
from support.steps import creates, failure


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate: its public part, and two files with the password `opens-it`."""

    public: str
    files: Mapping[str, Path]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pipeline")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    locked = serialization.BestAvailableEncryption(b"opens-it")
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
    )
    folder = tmp_path_factory.mktemp("certificate")
    files = {"PEM": folder / "client.pem", "PFX": folder / "client.pfx"}
    files["PEM"].write_bytes(private + public)
    files["PFX"].write_bytes(
        pkcs12.serialize_key_and_certificates(b"pipeline", key, made, None, locked)
    )
    return Certificate(public.decode(), files)


def with_certificate(emulator: Emulator, path: Path, password: str) -> Settings:
    return found(
        {},
        {
            **emulator.environment,
            "ARM_CLIENT_CERTIFICATE_PATH": str(path),
            "ARM_CLIENT_CERTIFICATE_PASSWORD": password,
        },
    )


@pytest.mark.parametrize("form", ["PEM", "PFX"])
def test_a_certificate_signs_in_from_a_file_and_inline(
    emulator: Emulator, certificate: Certificate, form: str
) -> None:
    emulator.tenant.register_client(DEFAULT_CLIENT_ID, certificates=[certificate.public])
    path = certificate.files[form]
    assert claims(with_certificate(emulator, path, "opens-it"))["appid"] == DEFAULT_CLIENT_ID
    inline = {
        **emulator.environment,
        "ARM_CLIENT_CERTIFICATE": base64.encodebytes(path.read_bytes()).decode(),
        "ARM_CLIENT_CERTIFICATE_PASSWORD": "opens-it",
    }
    assert claims(found({}, inline))["appid"] == DEFAULT_CLIENT_ID


@pytest.mark.parametrize("form", ["PEM", "PFX"])
def test_a_wrong_certificate_password_is_not_shown(
    emulator: Emulator, certificate: Certificate, form: str
) -> None:
    for password in ("pl4nted-and-wrong", ""):
        with pytest.raises(SettingsError, match="clientCertificatePassword") as caught:
            token(with_certificate(emulator, certificate.files[form], password))
        assert "pl4nted" not in str(caught.value)


def test_an_unregistered_certificate_fails_with_its_remedy(
    emulator: Emulator, certificate: Certificate
) -> None:
    with pytest.raises(SignInError, match="AADSTS700027") as caught:
        token(with_certificate(emulator, certificate.files["PEM"], "opens-it"))
    assert "Upload the public part of the certificate" in str(caught.value)


@pytest.mark.parametrize(
    ("workload", "stack", "client_id"),
    [
        ("github-actions", OIDC, DEFAULT_CLIENT_ID),
        ("azure-devops", CONNECTION, DEFAULT_CLIENT_ID),
        ("gitlab", OIDC, DEFAULT_CLIENT_ID),
        ("kubernetes", {"azuread:useAksWorkloadIdentity": "true"}, DEFAULT_CLIENT_ID),
        ("virtual-machine", MSI, DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID),
        ("virtual-machine", USER_ASSIGNED, DEFAULT_USER_ASSIGNED_CLIENT_ID),
        ("app-service", MSI, DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID),
        ("app-service", USER_ASSIGNED, DEFAULT_USER_ASSIGNED_CLIENT_ID),
        # With nothing configured, by DefaultAzureCredential.
        ("kubernetes", {}, DEFAULT_CLIENT_ID),
        ("virtual-machine", {}, DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID),
        ("app-service", {}, DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID),
        (
            "virtual-machine",
            {"azuread:clientId": DEFAULT_USER_ASSIGNED_CLIENT_ID},
            DEFAULT_USER_ASSIGNED_CLIENT_ID,
        ),
    ],
)
def test_a_workload_identity_authorizes_without_a_secret(
    emulator: Emulator,
    machine: Machine,
    path: Path,
    workload: Workload,
    stack: dict[str, str],
    client_id: str,
) -> None:
    machine(emulator.environment_in(workload))
    assert authorized_by(found(stack, os.environ)) == client_id
    assert emulator.judgement() == []


def test_azure_pipelines_uses_the_configured_request_url(
    emulator: Emulator, machine: Machine
) -> None:
    variables = emulator.environment_in("azure-devops")
    stack = {**CONNECTION, "azuread:oidcRequestUrl": variables.pop("SYSTEM_OIDCREQUESTURI")}
    machine(variables)
    assert claims(found(stack, os.environ))["appid"] == DEFAULT_CLIENT_ID


def test_a_token_file_is_read_again_for_each_token_request(
    emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(emulator.federation.token("gitlab", lifetime=-1000) + "\n")
    stack = {**OIDC, "azuread:oidcTokenFilePath": str(file)}
    chosen = found(
        stack, {**without_identity(emulator), "ARM_CLIENT_ID": DEFAULT_CLIENT_ID, **TENANT}
    )

    async def twice() -> str:
        credential = SharedTokenCredential(chosen)
        with pytest.raises(SignInError, match="AADSTS700024") as caught:
            await credential.get_token(chosen.scope)
        assert "expires within minutes" in str(caught.value)
        file.write_text(emulator.federation.token("gitlab") + "\n")
        return (await credential.get_token(chosen.scope)).token

    assert asyncio.run(twice()).count(".") == 2


def test_a_managed_identity_uses_the_configured_endpoint(
    emulator: Emulator, machine: Machine
) -> None:
    machine(emulator.environment_in("app-service"))
    stack = {**MSI, "azuread:msiEndpoint": f"{emulator.url}/metadata/identity/oauth2/token"}
    assert claims(found(stack, os.environ))["appid"] == DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID
    assert [call.path for call in emulator.journal.calls] == ["/metadata/identity/oauth2/token"]


def test_default_azure_credential_does_not_use_the_secret_of_another_client(
    emulator: Emulator, machine: Machine, path: Path, no_managed_identity: str
) -> None:
    machine(
        {
            **emulator.environment,
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": no_managed_identity,
            SETTINGS_FROM_ENVIRONMENT: "false",
        }
    )
    with pytest.raises(SettingsError, match="AZURE_CLIENT_ID names another client than clientId"):
        token(found({"azuread:clientId": DEFAULT_USER_ASSIGNED_CLIENT_ID}, os.environ))
    assert emulator.journal.calls == []


def test_the_audience_in_the_request_url_is_kept(emulator: Emulator) -> None:
    variables = emulator.environment_in("github-actions")
    variables["ACTIONS_ID_TOKEN_REQUEST_URL"] += "&audience=https%3A%2F%2Fother"
    with pytest.raises(SignInError, match="AADSTS700212"):
        token(found(OIDC, variables))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("az", "account get-access-token --output json --resource {url} --tenant {tenant}"),
        (
            "azd",
            "auth token --output json --no-prompt --scope {url}/.default --tenant-id {tenant}",
        ),
    ],
)
def test_without_configuration_the_command_line_signs_in(
    emulator: Emulator, path: Path, name: str, asked: str
) -> None:
    access_token = issued(emulator)
    calls = signed_in(path, name, access_token)
    tenant = emulator.tenant.tenant_id
    chosen = found({"azuread:tenantId": tenant}, without_identity(emulator))

    async def twice() -> list[str]:
        credential = SharedTokenCredential(chosen)
        return [(await credential.get_token(chosen.scope)).token for _ in range(2)]

    assert asyncio.run(twice()) == [access_token, access_token]
    assert calls.read_text() == asked.format(url=emulator.url, tenant=tenant) + "\n"


def test_the_azure_cli_comes_before_the_azure_developer_cli(emulator: Emulator, path: Path) -> None:
    first = signed_in(path, "az", issued(emulator))
    second = signed_in(path, "azd", issued(emulator))
    token(found({}, without_identity(emulator)))
    assert first.exists()
    assert not second.exists()


def test_use_cli_false_runs_no_command(emulator: Emulator, path: Path) -> None:
    calls = signed_in(path, "az", issued(emulator))
    with pytest.raises(SettingsError, match="useCli is false"):
        token(found({"azuread:useCli": "false"}, without_identity(emulator)))
    assert not calls.exists()


def test_the_error_lists_every_identity_with_its_reason(emulator: Emulator, path: Path) -> None:
    command(path, "az", "sys.exit('Please run az login')")
    configured = {
        **without_identity(emulator),
        "ARM_CLIENT_ID": DEFAULT_CLIENT_ID,
        "ARM_USE_OIDC": "true",
    }
    with pytest.raises(SettingsError) as caught:
        token(found({}, configured))
    reported = str(caught.value).splitlines()
    assert reported[0] == (
        f"getting a token from {emulator.url}: no identity gave a token. Configure one of these:"
    )
    names = [line.partition(":")[0].strip() for line in reported[1:-1]]
    assert names == [
        "client certificate",
        "client secret",
        "OpenID Connect token",
        "Azure Pipelines",
        "GitHub Actions",
        "managed identity",
        "AZURE_ variables",
        "AzureCliCredential",
        "AzureDeveloperCliCredential",
        "ManagedIdentityCredential",
        "VisualStudioCodeCredential",
        "AzurePowerShellCredential",
    ]
    assert (
        "  client secret: clientSecret or clientSecretFilePath and tenantId are not set" in reported
    )
    assert "  AzureCliCredential: Please run 'az login' to set up an account" in reported


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("sys.exit('ERROR: pl4nted')", "it failed. Run it yourself to see why."),
        ('print(\'{"accessToken":"pl4nted"\')', "it failed. Run it yourself to see why."),
        (
            "sys.exit('pl4nted AADSTS700082: The refresh token has expired.\\r\\npl4nted')",
            "AADSTS700082: The refresh token has expired.",
        ),
        (
            "sys.exit('AADSTS700082: a\\x1b]0;t\\x07b ##vso[x] ::add-mask::y\\x85\\u202ec')",
            "AADSTS700082: ab #vso[x] : add-mask: y c",
        ),
    ],
)
def test_the_output_of_a_failed_command_line_is_not_shown(
    emulator: Emulator, path: Path, answer: str, said: str
) -> None:
    command(path, "az", answer)
    second = signed_in(path, "azd", issued(emulator))
    with pytest.raises(SettingsError) as caught:
        token(found({}, without_identity(emulator)))
    assert str(caught.value).splitlines()[-2] == f"  AzureCliCredential: {said}"
    assert "pl4nted" not in str(caught.value)
    assert not second.exists()


def test_the_output_of_powershell_is_not_shown(emulator: Emulator, path: Path) -> None:
    command(path, "pwsh", "print('pl4nted token')")
    with pytest.raises(SettingsError) as caught:
        token(found({}, without_identity(emulator)))
    reported = str(caught.value).splitlines()[-2]
    assert reported == "  AzurePowerShellCredential: Unexpected output from Get-AzAccessToken: …"
    assert "pl4nted" not in str(caught.value)


def test_a_run_keeps_the_identity_that_it_found(emulator: Emulator, path: Path) -> None:
    signed_in(path, "az", issued(emulator))
    second = signed_in(path, "azd", issued(emulator))
    chosen = found({}, without_identity(emulator))

    async def challenged() -> None:
        credential = SharedTokenCredential(chosen)
        await credential.get_token(chosen.scope)
        # Which the command lines refuse to answer: azure-identity would ask the next one.
        with pytest.raises(SettingsError, match="claims challenge"):
            await credential.get_token(chosen.scope, claims='{"access_token": {}}')

    asyncio.run(challenged())
    assert not second.exists()


@pytest.mark.parametrize(
    ("chosen_by_variable", "asked"),
    [("AzureDeveloperCliCredential", "azd"), ("AzureCliCredential", "az"), ("dev", "az")],
)
def test_azure_token_credentials_selects_the_identity(
    emulator: Emulator,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chosen_by_variable: str,
    asked: str,
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", chosen_by_variable)
    calls = {name: signed_in(path, name, issued(emulator)) for name in ("az", "azd")}
    token(found({}, without_identity(emulator)))
    assert [name for name, made in calls.items() if made.exists()] == [asked]


def test_an_unknown_azure_token_credentials_is_reported(
    emulator: Emulator, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nobody")
    with pytest.raises(SettingsError, match="AZURE_TOKEN_CREDENTIALS and other variables"):
        token(found({}, without_identity(emulator)))


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.slow
def test_an_azure_cli_that_hangs_times_out(
    hostile: StartHostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    az = tmp_path / "az"
    az.write_text("#!/bin/sh\nexec sleep 40\n")
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    variables = without_secret(hostile({}))
    for timeout, within in ((3, "no answer within"), (300, "did not end within 30 s")):
        reported = str(failure(variables, creates(timeout)))
        assert within in reported
        assert "az account get-access-token" in reported
        assert "yourself to see why." in reported
        assert "caFile" not in reported


@pytest.mark.usefixtures("plain_environment")
def test_an_html_page_instead_of_an_id_token_is_reported(hostile: StartHostile) -> None:
    for variables in (pipelines, github):
        error = failure(variables(hostile({"/oidc": HTML})), creates())
        assert isinstance(error, SignInError)
        assert ": 200 no ID token. Check oidcRequestUrl and any proxy" in str(error)
