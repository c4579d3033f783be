"""Each identity by azure-identity's own class, against the emulator."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_TENANT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
    PERSONAL_TENANT_ID,
    DirectoryRole,
    Emulator,
    Fault,
)
from entra_emulator.entra.authority import DEFAULT_USER_ID
from entra_emulator.workloads import Workload
from pulumi_entra_provisioning.errors import RequestError, SettingsError, SignInError
from pulumi_entra_provisioning.identity.clouds import CLOUDS, Cloud
from pulumi_entra_provisioning.identity.lookup import SETTINGS_FROM_ENVIRONMENT
from pulumi_entra_provisioning.identity.settings import Settings, settings
from pulumi_entra_provisioning.identity.tokens import SharedTokenCredential
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.redaction.shown import WITHHELD
from pulumi_entra_provisioning.remedies import SIGN_IN_REMEDIES
from support.connect_proxy import ConnectProxy
from support.hostile_server import HostileServer, Trick


def found(stack: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    return settings(stack.get, environment)


def token(chosen: Settings) -> str:
    return asyncio.run(SharedTokenCredential(chosen).get_token(chosen.scope)).token


def claims(chosen: Settings) -> dict[str, Any]:
    """What the token says that the identity gets."""
    read: dict[str, Any] = jwt.decode(token(chosen), options={"verify_signature": False})
    return read


def test_a_client_secret_gives_a_token_and_a_wrong_one_says_what_to_do(emulator: Emulator) -> None:
    assert token(found({}, emulator.environment)).count(".") == 2
    wrong = {**emulator.environment, "AZURE_CLIENT_SECRET": "pl4nted-and-wrong"}
    with pytest.raises(SignInError) as caught:
        token(found({}, wrong))
    reported = str(caught.value)
    assert reported.startswith(
        f"getting a token from {emulator.url} for client {DEFAULT_CLIENT_ID}"
    )
    assert "AADSTS7000215: Invalid client secret provided" in reported
    assert reported.endswith(f". {SIGN_IN_REMEDIES['AADSTS7000215']}")
    assert "pl4nted" not in reported


def test_an_unknown_client_and_an_unknown_tenant_say_what_to_check(emulator: Emulator) -> None:
    nobody = "99999999-9999-4999-8999-999999999999"
    for name, code in (("AZURE_CLIENT_ID", "AADSTS700016"), ("AZURE_TENANT_ID", "AADSTS90002")):
        with pytest.raises(SignInError, match=code) as caught:
            token(found({}, {**emulator.environment, name: nobody}))
        assert "Check " in str(caught.value)
        assert "(request-id " in str(caught.value)


@dataclass(frozen=True)
class Certificate:
    """A self-made certificate as its public part and, locked with `opens-it`, as two files."""

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


def test_a_certificate_that_is_not_registered_says_what_to_do(
    emulator: Emulator, certificate: Certificate
) -> None:
    with pytest.raises(SignInError, match="AADSTS700027") as caught:
        token(with_certificate(emulator, certificate.files["PEM"], "opens-it"))
    assert "Upload the public part of the certificate" in str(caught.value)


@pytest.mark.parametrize("form", ["PEM", "PFX"])
def test_a_certificate_gives_a_token_from_its_file_and_as_text(
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
def test_a_certificate_that_can_not_be_opened_is_reported_without_its_password(
    emulator: Emulator, certificate: Certificate, form: str
) -> None:
    for password in ("pl4nted-and-wrong", ""):
        with pytest.raises(SettingsError, match="clientCertificatePassword") as caught:
            token(with_certificate(emulator, certificate.files[form], password))
        assert "pl4nted" not in str(caught.value)


def test_what_is_no_answer_of_entra_is_reported_without_what_it_says(emulator: Emulator) -> None:
    page = Fault(path="*/token", status=403, body="<html>client_secret=pl4nted</html>")
    emulator.faults.add(page)
    with pytest.raises(SignInError, match=r": 403\. Check authorityHost") as caught:
        token(found({}, emulator.environment))
    assert "pl4nted" not in str(caught.value)


def test_what_entra_says_is_shown_on_one_line_or_withheld(emulator: Emulator) -> None:
    trace = "5f2b8c1e-0000-4000-8000-00000000aaaa"
    secret = base64.b64encode(DEFAULT_CLIENT_SECRET.encode()).decode()
    hostile = "a\x1b[31m ##vso[task.debug]\r\n::add-mask::x\u202e"
    for said, shown_as in (
        (f"Not {secret}", WITHHELD),
        (hostile, "a #vso[task.debug] : add-mask: x"),
    ):
        description = f"AADSTS7000215: {said}\r\nTrace ID: {trace}\r\nCorrelation ID: x"
        body = json.dumps({"error": "invalid_client", "error_description": description})
        fault = Fault(
            path="*/token", status=401, body=body, headers={"Content-Type": "application/json"}
        )
        emulator.faults.add(fault)
        with pytest.raises(SignInError) as caught:
            token(found({}, emulator.environment))
        reported = str(caught.value)
        assert f": 401 AADSTS7000215: {shown_as} (request-id {trace}). Set clientSecret" in reported


def test_calls_at_the_same_time_share_one_token_request(emulator: Emulator) -> None:
    chosen = found({}, emulator.environment)

    async def several() -> set[str]:
        credential = SharedTokenCredential(chosen)
        calls = (credential.get_token(chosen.scope) for _ in range(8))
        return {given.token for given in await asyncio.gather(*calls)}

    assert len(asyncio.run(several())) == 1
    assert len(emulator.journal.select("POST", "*/token")) == 1


# Pipelines, pods and machines


def nobody(emulator: Emulator) -> dict[str, str]:
    """The emulator's endpoints, with no identity."""
    return {
        name: value for name, value in emulator.environment.items() if not name.startswith("AZURE")
    }


@pytest.fixture(scope="module")
def no_machine_of_azures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service of managed identities that has none, and says so at once."""
    folder = tmp_path_factory.mktemp("no-identity")
    with HostileServer({"": Trick(400)}, folder, name="") as server:
        yield server.url


@pytest.fixture
def path(tmp_path: Path, no_machine_of_azures: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH, beside what every system has; and no service of Azure's to ask."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", no_machine_of_azures)
    for name in [name for name in os.environ if name.startswith(("AZURE_CLIENT", "IDENTITY_"))]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Makes this process one that has these variables, and none of another identity's.

    azure-identity's classes take some of theirs from nowhere else.
    """
    prefixes = ("ACTIONS_", "ARM_", "AZURE_", "IDENTITY_", "IMDS_", "MSI_", "SYSTEM_")
    # Set first, so that it is as before after the test, whatever the provider puts there.
    for name in ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "SYSTEM_OIDCREQUESTURI"):
        monkeypatch.setenv(name, "")

    def become(variables: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith(prefixes)]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return become


Machine = Callable[[Mapping[str, str]], None]

OIDC = {"azuread:useOidc": "true"}
CONNECTION = {**OIDC, "azuread:adoPipelineServiceConnectionId": DEFAULT_SERVICE_CONNECTION_ID}
MSI = {"azuread:useMsi": "true"}
USER_ASSIGNED = {**MSI, "azuread:clientId": DEFAULT_USER_ASSIGNED_CLIENT_ID}


def authorized_by(chosen: Settings) -> str | None:
    """The client that the whole step is seen to be by, from the token to the call of Graph."""
    inputs = {
        "service_principal_id": DEFAULT_SERVICE_PRINCIPAL_ID,
        "credentials": {"SecretToken": "pl4nted"},
        "timeout": 10,
    }

    async def create() -> str | None:
        return (await Lifecycle(chosen, print, print).create(Inputs.of(inputs))).authorized_by

    return asyncio.run(create())


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
def test_a_workload_authorizes_without_a_secret(
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


def test_azure_pipelines_is_asked_at_the_url_that_is_given(
    emulator: Emulator, machine: Machine
) -> None:
    variables = emulator.environment_in("azure-devops")
    stack = {**CONNECTION, "azuread:oidcRequestUrl": variables.pop("SYSTEM_OIDCREQUESTURI")}
    machine(variables)
    assert claims(found(stack, os.environ))["appid"] == DEFAULT_CLIENT_ID


def test_a_token_in_a_file_is_read_anew_for_each_token_of_entra(
    emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(emulator.federation.token("gitlab", lifetime=-1000) + "\n")
    stack = {**OIDC, "azuread:oidcTokenFilePath": str(file)}
    chosen = found(stack, {**nobody(emulator), "ARM_CLIENT_ID": DEFAULT_CLIENT_ID, **TENANT})

    async def twice() -> str:
        credential = SharedTokenCredential(chosen)
        with pytest.raises(SignInError, match="AADSTS700024") as caught:
            await credential.get_token(chosen.scope)
        assert "expires within minutes" in str(caught.value)
        file.write_text(emulator.federation.token("gitlab") + "\n")
        return (await credential.get_token(chosen.scope)).token

    assert asyncio.run(twice()).count(".") == 2


def test_a_managed_identity_is_asked_for_at_the_endpoint_that_is_given(
    emulator: Emulator, machine: Machine
) -> None:
    machine(emulator.environment_in("app-service"))
    stack = {**MSI, "azuread:msiEndpoint": f"{emulator.url}/metadata/identity/oauth2/token"}
    assert claims(found(stack, os.environ))["appid"] == DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID
    assert [call.path for call in emulator.journal.calls] == ["/metadata/identity/oauth2/token"]


def test_a_managed_identitys_token_does_not_pass_a_proxy(
    emulator: Emulator, machine: Machine
) -> None:
    with ConnectProxy(emulator.url) as proxy:
        for stack in (MSI, {}):
            machine(
                {
                    **emulator.environment_in("virtual-machine"),
                    "HTTPS_PROXY": proxy.url,
                    "NO_PROXY": "",
                    "no_proxy": "",
                }
            )
            assert claims(found(stack, os.environ))["appid"] == DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID
        assert proxy.asked == []


def test_a_secret_of_another_client_is_not_used_by_whatever_comes_last(
    emulator: Emulator, machine: Machine, path: Path, no_machine_of_azures: str
) -> None:
    machine(
        {
            **emulator.environment,
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": no_machine_of_azures,
            SETTINGS_FROM_ENVIRONMENT: "false",
        }
    )
    with pytest.raises(SettingsError, match="AZURE_CLIENT_ID names another client than clientId"):
        token(found({"azuread:clientId": DEFAULT_USER_ASSIGNED_CLIENT_ID}, os.environ))
    assert emulator.journal.calls == []


@pytest.mark.parametrize("workload", ["virtual-machine", "kubernetes", "github-actions"])
def test_a_service_that_fails_once_is_asked_again_whoever_signs_in(
    emulator: Emulator, machine: Machine, path: Path, workload: Workload
) -> None:
    machine(emulator.environment_in(workload))
    emulator.faults.add(Fault(path="*/token", status=503))
    stack = OIDC if workload == "github-actions" else {}
    assert authorized_by(found(stack, os.environ))


def test_a_managed_identity_that_the_machine_has_not_is_reported(
    emulator: Emulator, machine: Machine
) -> None:
    machine(emulator.environment_in("virtual-machine"))
    other = {**MSI, "azuread:clientId": DEFAULT_CLIENT_ID}
    with pytest.raises(SettingsError, match="Identity not found") as caught:
        token(found(other, os.environ))
    assert str(caught.value).startswith(
        f"getting a token of the managed identity {DEFAULT_CLIENT_ID}: no identity gave a token."
    )
    assert "\n  client secret: clientSecret or clientSecretFilePath" in str(caught.value)


TENANT = {"ARM_TENANT_ID": DEFAULT_TENANT_ID}


@pytest.mark.parametrize(
    ("subject", "audience", "code", "remedy"),
    [
        (
            "repo:contoso/provisioning:pull_request",
            "api://AzureADTokenExchange",
            "AADSTS700213",
            "Add a federated identity credential with this subject",
        ),
        (None, "https://github.com/contoso", "AADSTS700212", "the audience of the ID token"),
    ],
)
def test_an_id_token_that_the_client_does_not_trust_says_what_to_add(
    emulator: Emulator, subject: str | None, audience: str, code: str, remedy: str
) -> None:
    id_token = emulator.federation.token("github-actions", subject, audience)
    variables = {**nobody(emulator), **TENANT, "ARM_CLIENT_ID": DEFAULT_CLIENT_ID}
    with pytest.raises(SignInError) as caught:
        token(found(OIDC, {**variables, "ARM_OIDC_TOKEN": id_token}))
    reported = str(caught.value)
    assert f"(OpenID Connect token): 401 {code}: " in reported
    assert remedy in reported
    assert id_token not in reported


def test_an_issuer_that_the_client_does_not_trust_says_so(emulator: Emulator) -> None:
    emulator.tenant.register_client(DEFAULT_CLIENT_ID)
    with pytest.raises(SignInError, match="AADSTS700211") as caught:
        token(found(OIDC, emulator.environment_in("gitlab")))
    assert "Add a federated identity credential with this issuer" in str(caught.value)


@pytest.mark.parametrize(
    ("workload", "stack", "variable"),
    [
        ("github-actions", OIDC, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        ("azure-devops", CONNECTION, "SYSTEM_ACCESSTOKEN"),
    ],
)
def test_a_job_that_may_not_ask_for_an_id_token_says_what_to_give_it(
    emulator: Emulator,
    machine: Machine,
    workload: Workload,
    stack: dict[str, str],
    variable: str,
) -> None:
    machine({**emulator.environment_in(workload), variable: "pl4nted-and-wrong"})
    with pytest.raises(SignInError, match=": 401 no ID token") as caught:
        token(found(stack, os.environ))
    assert "`permissions: id-token: write`" in str(caught.value)
    assert "pl4nted" not in str(caught.value)


@pytest.mark.parametrize(
    ("workload", "stack"), [("github-actions", OIDC), ("azure-devops", CONNECTION)]
)
def test_a_service_of_id_tokens_that_fails_is_not_taken_for_one_that_refuses(
    emulator: Emulator, machine: Machine, workload: Workload, stack: dict[str, str]
) -> None:
    machine(emulator.environment_in(workload))
    emulator.faults.add(Fault(path="/oidc/*/token", status=503, headers={"Retry-After": "7"}))
    with pytest.raises(SignInError, match="503: the service that issues ID tokens fails") as caught:
        token(found(stack, os.environ))
    assert caught.value.answer.retry_after == 7
    assert str(caught.value).endswith(f". {SIGN_IN_REMEDIES['5xx']}")


def test_the_audience_that_the_request_url_names_is_kept(emulator: Emulator) -> None:
    variables = emulator.environment_in("github-actions")
    variables["ACTIONS_ID_TOKEN_REQUEST_URL"] += "&audience=https%3A%2F%2Fother"
    with pytest.raises(SignInError, match="AADSTS700212"):
        token(found(OIDC, variables))


# The national clouds


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_a_national_cloud_is_called_at_its_own_hosts_for_its_own_scope(
    machine: Machine, cloud: Cloud
) -> None:
    hosts = [str(urlsplit(url).hostname) for url in (cloud.authority_host, cloud.graph_endpoint)]
    with Emulator(hosts=hosts) as emulator, ConnectProxy(emulator.url) as proxy:
        machine(
            {
                "HTTPS_PROXY": proxy.url,
                "NO_PROXY": "",
                "no_proxy": "",
                "ENTRA_PROVISIONING_CA_FILE": emulator.ca_file,
                "ARM_TENANT_ID": emulator.tenant.tenant_id,
                "ARM_CLIENT_ID": DEFAULT_CLIENT_ID,
                "ARM_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
                "ARM_ENVIRONMENT": cloud.name,
            }
        )
        assert authorized_by(found({}, os.environ)) == DEFAULT_CLIENT_ID
        assert set(proxy.asked) == {f"{host}:443" for host in hosts}
        (asked,) = emulator.journal.select("POST", "*/token")
        assert asked.body["scope"] == f"{cloud.graph_endpoint}/.default"
        (posted,) = emulator.journal.select("POST", "*/acquireAccessToken")
        assert posted.status == 204


# The command lines


def command(folder: Path, name: str, answer: str) -> Path:
    """A command that answers as the Azure CLI or the Azure Developer CLI; where it notes a call."""
    calls = folder / f"{name}.calls"
    (folder / name).write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"
        f"{answer}\n"
    )
    (folder / name).chmod(0o755)
    return calls


def signed_in(folder: Path, name: str, access_token: str) -> Path:
    said = json.dumps(
        {"accessToken": access_token, "expires_on": 4102444800}
        if name == "az"
        else {"token": access_token, "expiresOn": "2099-12-31T00:00:00Z"}
    )
    return command(folder, name, f"print({said!r})")


def issued(emulator: Emulator) -> str:
    client = emulator.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    return emulator.authority.issue(client, emulator.url, lifetime=3600)


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
def test_whoever_is_signed_in_to_a_command_line_calls_where_nothing_is_configured(
    emulator: Emulator, path: Path, name: str, asked: str
) -> None:
    access_token = issued(emulator)
    calls = signed_in(path, name, access_token)
    tenant = emulator.tenant.tenant_id
    chosen = found({"azuread:tenantId": tenant}, nobody(emulator))

    async def twice() -> list[str]:
        credential = SharedTokenCredential(chosen)
        return [(await credential.get_token(chosen.scope)).token for _ in range(2)]

    assert asyncio.run(twice()) == [access_token, access_token]
    assert calls.read_text() == asked.format(url=emulator.url, tenant=tenant) + "\n"


def test_the_azure_cli_comes_before_the_azure_developer_cli(emulator: Emulator, path: Path) -> None:
    first = signed_in(path, "az", issued(emulator))
    second = signed_in(path, "azd", issued(emulator))
    token(found({}, nobody(emulator)))
    assert first.exists()
    assert not second.exists()


def test_no_command_line_is_run_where_it_is_not_to_be(emulator: Emulator, path: Path) -> None:
    calls = signed_in(path, "az", issued(emulator))
    with pytest.raises(SettingsError, match="useCli is false"):
        token(found({"azuread:useCli": "false"}, nobody(emulator)))
    assert not calls.exists()


def test_where_no_identity_serves_each_is_reported_with_the_reason(
    emulator: Emulator, path: Path
) -> None:
    command(path, "az", "sys.exit('Please run az login')")
    configured = {**nobody(emulator), "ARM_CLIENT_ID": DEFAULT_CLIENT_ID, "ARM_USE_OIDC": "true"}
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
def test_what_a_command_line_prints_when_it_fails_is_not_shown(
    emulator: Emulator, path: Path, answer: str, said: str
) -> None:
    command(path, "az", answer)
    second = signed_in(path, "azd", issued(emulator))
    with pytest.raises(SettingsError) as caught:
        token(found({}, nobody(emulator)))
    assert str(caught.value).splitlines()[-2] == f"  AzureCliCredential: {said}"
    assert "pl4nted" not in str(caught.value)
    assert not second.exists()


def test_what_powershell_prints_is_not_shown(emulator: Emulator, path: Path) -> None:
    command(path, "pwsh", "print('pl4nted token')")
    with pytest.raises(SettingsError) as caught:
        token(found({}, nobody(emulator)))
    reported = str(caught.value).splitlines()[-2]
    assert reported == "  AzurePowerShellCredential: Unexpected output from Get-AzAccessToken: …"
    assert "pl4nted" not in str(caught.value)


def test_the_identity_that_was_found_is_the_one_of_the_whole_run(
    emulator: Emulator, path: Path
) -> None:
    signed_in(path, "az", issued(emulator))
    second = signed_in(path, "azd", issued(emulator))
    chosen = found({}, nobody(emulator))

    async def challenged() -> None:
        credential = SharedTokenCredential(chosen)
        await credential.get_token(chosen.scope)
        # Which the command lines refuse to answer: azure-identity would ask the next one.
        with pytest.raises(SettingsError, match="claims challenge"):
            await credential.get_token(chosen.scope, claims='{"access_token": {}}')

    asyncio.run(challenged())
    assert not second.exists()


def test_a_request_whose_time_is_over_is_not_sent_again_beside_itself(
    emulator: Emulator, path: Path
) -> None:
    said = json.dumps({"accessToken": issued(emulator), "expires_on": 4102444800})
    calls = command(path, "az", f"import time; time.sleep(1); print({said!r})")
    chosen = found({}, nobody(emulator))

    async def impatient() -> str:
        credential = SharedTokenCredential(chosen)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(credential.get_token(chosen.scope), 0.3)
        return (await credential.get_token(chosen.scope)).token

    assert asyncio.run(impatient()).count(".") == 2
    assert len(calls.read_text().splitlines()) == 1


def test_where_no_identity_serves_nobody_is_asked_twice(emulator: Emulator, path: Path) -> None:
    calls = command(path, "az", "sys.exit('ERROR')")
    chosen = found({}, nobody(emulator))

    async def several() -> list[object]:
        credential = SharedTokenCredential(chosen)
        tokens = (credential.get_token(chosen.scope) for _ in range(3))
        return await asyncio.gather(*tokens, return_exceptions=True)

    assert [type(error) for error in asyncio.run(several())] == [SettingsError] * 3
    assert len(calls.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("chosen_by_variable", "asked"),
    [("AzureDeveloperCliCredential", "azd"), ("AzureCliCredential", "az"), ("dev", "az")],
)
def test_microsofts_variable_says_whom_to_look_for(
    emulator: Emulator,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chosen_by_variable: str,
    asked: str,
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", chosen_by_variable)
    calls = {name: signed_in(path, name, issued(emulator)) for name in ("az", "azd")}
    token(found({}, nobody(emulator)))
    assert [name for name, made in calls.items() if made.exists()] == [asked]


def test_a_variable_that_leaves_nobody_is_reported(
    emulator: Emulator, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nobody")
    with pytest.raises(SettingsError, match="AZURE_TOKEN_CREDENTIALS and other variables"):
        token(found({}, nobody(emulator)))


def test_a_person_with_the_permission_and_the_role_authorizes(
    emulator: Emulator, path: Path
) -> None:
    person = emulator.authority.issue_for_user(
        ["Synchronization.ReadWrite.All"], [DirectoryRole.HYBRID_IDENTITY_ADMINISTRATOR]
    )
    signed_in(path, "az", person)
    assert authorized_by(found({}, nobody(emulator))) == DEFAULT_USER_ID


def test_a_person_who_lacks_either_is_shown_which(emulator: Emulator, path: Path) -> None:
    signed_in(path, "az", emulator.authority.issue_for_user(["Application.Read.All"]))
    with pytest.raises(RequestError, match="401 UnknownError") as caught:
        authorized_by(found({}, nobody(emulator)))
    reported = str(caught.value)
    assert "has the delegated permissions Application.Read.All through client 04b07795" in reported
    assert ", and none of the directory roles. It needs Synchronization.ReadWrite.All" in reported
    assert "Sign in as a service principal. See docs/errors.md#" in reported


def test_a_personal_account_is_refused_with_a_sentence(emulator: Emulator, path: Path) -> None:
    personal = emulator.authority.issue_for_user(
        ["Synchronization.ReadWrite.All"], tenant_id=PERSONAL_TENANT_ID
    )
    signed_in(path, "az", personal)
    with pytest.raises(SettingsError, match="personal Microsoft accounts cannot authorize"):
        authorized_by(found({}, nobody(emulator)))
    assert emulator.journal.calls == []
